#pragma once

// Encryption of vectors: c = (1 + n m) mask mod n^2, under a new mask every time (masks.h). There
// is no other way to a ciphertext of a chosen plaintext but PublicKey::EncodeUnmasked.
//
//   const Encryptor encryptor(public_key);                  or Encryptor::ForOwner(private_key)
//   ASSIGN_OR_RETURN(Residues c, encryptor.Encrypt(plaintexts, pool));
//
// Making one makes tables, so keep it as long as the key. Immutable; threads may share it.

#include <atomic>
#include <cstdint>
#include <memory>
#include <span>

#include "crypto/paillier/masks.h"

namespace fate::crypto::paillier {

// What this process has done, for tests and audits that count.
struct Counters {
  std::atomic<uint64_t> encryptions{0};
  std::atomic<uint64_t> masks{0};
};
Counters& GlobalCounters();

class Encryptor {
 public:
  explicit Encryptor(const PublicKey& key, MaskStrength strength = MaskStrength::kFull)
      : Encryptor(std::make_shared<const PublicMasks>(key, strength)) {}
  static Encryptor ForOwner(const PrivateKey& key, MaskStrength strength = MaskStrength::kFull) {
    return Encryptor(std::make_shared<const OwnerMasks>(key, strength));
  }
  explicit Encryptor(std::shared_ptr<const MaskSource> masks) : masks_(std::move(masks)) {}

  const PublicKey& public_key() const { return masks_->public_key(); }

  // plaintexts in [-n/2, n). Error: kOutOfRange.
  absl::StatusOr<Residues> Encrypt(std::span<const BigInt> plaintexts,
                                   const Parallel& parallel = Inline()) const;
  // The same plaintexts under new masks: what hides how ciphertexts were computed. Error:
  // kInvalidArgument for those of another key.
  absl::Status Rerandomize(Residues& ciphertexts, const Parallel& parallel = Inline()) const;

 private:
  std::shared_ptr<const MaskSource> masks_;
};

}  // namespace fate::crypto::paillier
