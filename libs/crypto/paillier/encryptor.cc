#include "crypto/paillier/encryptor.h"

#include "base/status.h"

namespace fate::crypto::paillier {

Counters& GlobalCounters() {
  static Counters counters;
  return counters;
}

absl::StatusOr<Residues> Encryptor::Encrypt(std::span<const BigInt> plaintexts,
                                            const Parallel& parallel) const {
  ASSIGN_OR_RETURN(Residues ciphertexts, public_key().EncodeUnmasked(plaintexts, parallel));
  RETURN_IF_ERROR(Rerandomize(ciphertexts, parallel));
  GlobalCounters().encryptions += plaintexts.size();
  return ciphertexts;
}

absl::Status Encryptor::Rerandomize(Residues& ciphertexts, const Parallel& parallel) const {
  RETURN_IF_ERROR(public_key().CheckRing(ciphertexts));
  if (ciphertexts.size() == 0) return absl::OkStatus();
  masks_->Mask(ciphertexts[0], ciphertexts.size(), parallel);
  GlobalCounters().masks += ciphertexts.size();
  return absl::OkStatus();
}

}  // namespace fate::crypto::paillier
