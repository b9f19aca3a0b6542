// Any bytes as each of FATE's key objects: what is accepted is written again byte by byte, but for
// the other radix and leading zeros, so the second writing must equal the first.
#include <cstdlib>

#include "crypto/encoding/fate_keys.h"

using namespace fate::crypto;  // NOLINT: a program of one function

namespace {

void Expect(bool condition) {
  if (!condition) std::abort();
}

void PaillierKeys(std::string_view bytes) {
  if (const auto n = ParsePaillierPublicKey(bytes); n.ok()) {
    Expect(*ParsePaillierPublicKey(SerializePaillierPublicKey(*n)) == *n);
  }
  if (const auto n = ParsePaillierCoder(bytes); n.ok()) {
    Expect(*ParsePaillierCoder(SerializePaillierCoder(*n)) == *n);
  }
  if (const auto primes = ParsePaillierSecretKey(bytes); primes.ok()) {
    const auto again = ParsePaillierSecretKey(*SerializePaillierSecretKey(*primes));
    Expect(again->p == primes->p && again->q == primes->q);
  }
}

void OuKeys(std::string_view bytes) {
  if (const auto key = ParseOuPublicKey(bytes); key.ok()) {
    const auto again = ParseOuPublicKey(SerializeOuPublicKey(*key));
    Expect(again->n == key->n && again->g == key->g && again->h == key->h);
  }
  if (const auto key = ParseOuSecretKey(bytes); key.ok()) {
    const auto again = ParseOuSecretKey(SerializeOuSecretKey(*key));
    Expect(again->p == key->p && again->q == key->q && again->g == key->g);
  }
  Expect(ParseOuCoder(bytes).ok() == bytes.empty());
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  PaillierKeys({reinterpret_cast<const char*>(data), size});
  OuKeys({reinterpret_cast<const char*>(data), size});
  return 0;
}
