// Any bytes as FATE's vectors of ciphertexts and plaintexts: what is accepted is in range, and
// survives being written and read again.
#include <cstdlib>

#include "crypto/encoding/fate_vectors.h"

using namespace fate::crypto;  // NOLINT: a program of one function

namespace {

void Expect(bool condition) {
  if (!condition) std::abort();
}

// The toy key's n^2 of the specification, 16.1.
BigInt Modulus() {
  const BigInt n(6732696430022730493);
  return n * n;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const BigInt modulus = Modulus();
  if (const auto received = ParseCiphertexts(bytes, modulus); received.ok()) {
    for (const BigInt& value : received->values) Expect(value > BigInt(0) && value < modulus);
    const auto again =
        ParseCiphertexts(SerializeCiphertexts(received->values, received->exponents), modulus);
    Expect(again->negatives == 0 && again->values == received->values &&
           again->exponents == received->exponents);
  }
  if (const auto numbers = ParsePlaintexts(bytes, 128); numbers.ok()) {
    Expect(*ParsePlaintexts(SerializePlaintexts(*numbers), 128) == *numbers);
  }
  return 0;
}
