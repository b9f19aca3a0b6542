#include "crypto/okamoto_uchiyama/encryptor.h"

#include "base/status.h"

namespace fate::crypto::okamoto_uchiyama {

absl::StatusOr<Residues> Encryptor::Encrypt(std::span<const BigInt> plaintexts,
                                            const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key().CheckPlaintexts(plaintexts));
  Residues ciphertexts(public_key().ring(), plaintexts.size());
  if (plaintexts.empty()) return ciphertexts;
  source_->Encode(plaintexts, ciphertexts[0], parallel);
  source_->Mask(ciphertexts[0], ciphertexts.size(), parallel);
  return ciphertexts;
}

absl::Status Encryptor::Rerandomize(Residues& ciphertexts, const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key().CheckRing(ciphertexts));
  if (ciphertexts.size() > 0) source_->Mask(ciphertexts[0], ciphertexts.size(), parallel);
  return absl::OkStatus();
}

}  // namespace fate::crypto::okamoto_uchiyama
