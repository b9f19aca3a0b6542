// Any bytes as a public key, and as ciphertexts under a small key: what is admitted is written
// again byte by byte, and decrypts; and as a vector of the ring.
#include <cstdint>
#include <cstdlib>

#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/paillier/received.h"
#include "crypto/paillier/test_keys.h"

namespace {

namespace paillier = fate::crypto::paillier;

void CheckKey(std::string_view bytes) {
  const auto key = paillier::PublicKey::Parse(bytes);
  if (!key.ok()) return;
  const auto again = paillier::PublicKey::Parse(key->Serialize());
  if (!again.ok() || *again != *key) std::abort();
}

void CheckVector(const std::shared_ptr<const fate::crypto::Ring>& ring, std::string_view bytes) {
  const auto vector = fate::crypto::Parse(ring, bytes);
  if (vector.ok() && fate::crypto::Serialize(*vector) != bytes) std::abort();
}

void CheckCiphertexts(std::string_view bytes) {
  static const paillier::PrivateKey key = paillier::ToyKey(fate::crypto::Isa::kGeneric);
  CheckVector(key.public_key().ring(), bytes);
  paillier::CiphertextAudit audit;
  const auto ciphertexts = paillier::AdmitCiphertexts(key.public_key(), bytes, &audit);
  if (!ciphertexts.ok()) return;
  if (audit.ciphertexts != ciphertexts->size()) std::abort();
  if (fate::crypto::Serialize(*ciphertexts) != bytes) std::abort();
  if (!key.Decrypt(*ciphertexts).ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  CheckKey(bytes);
  CheckCiphertexts(bytes);
  return 0;
}
