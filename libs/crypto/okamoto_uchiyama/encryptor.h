#pragma once

// Encryption of vectors: c = g^m h^r mod n, under a new mask every time (sources.h).
//
//   const Encryptor encryptor(public_key);                  or Encryptor::ForOwner(private_key)
//   ASSIGN_OR_RETURN(Residues c, encryptor.Encrypt(plaintexts, pool));
//
// Making one makes tables, so keep it as long as the key. Immutable; threads may share it. A number
// of 32 bits under a key of 2048 takes, on AVX-512 IFMA, 5 us with short exponents, 8 us with
// full-strength masks at the owner, 29 us with such masks elsewhere.

#include <memory>
#include <span>

#include "crypto/okamoto_uchiyama/sources.h"

namespace fate::crypto::okamoto_uchiyama {

class Encryptor {
 public:
  explicit Encryptor(const PublicKey& key, MaskStrength strength = MaskStrength::kFull)
      : Encryptor(std::make_shared<const PublicSource>(key, strength)) {}
  static Encryptor ForOwner(const PrivateKey& key) {
    return Encryptor(std::make_shared<const OwnerSource>(key));
  }
  explicit Encryptor(std::shared_ptr<const Source> source) : source_(std::move(source)) {}

  const PublicKey& public_key() const { return source_->public_key(); }

  // plaintexts in [0, 2^max_plaintext_bits). Error: kOutOfRange.
  absl::StatusOr<Residues> Encrypt(std::span<const BigInt> plaintexts,
                                   const Parallel& parallel = Inline()) const;
  // The same plaintexts under new masks: what hides how ciphertexts were computed. Error:
  // kInvalidArgument for those of another key.
  absl::Status Rerandomize(Residues& ciphertexts, const Parallel& parallel = Inline()) const;

 private:
  std::shared_ptr<const Source> source_;
};

}  // namespace fate::crypto::okamoto_uchiyama
