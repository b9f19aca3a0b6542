#pragma once

// Ciphertexts that come from elsewhere. (They leave by Serialize of homomorphic/ciphertexts.h, or
// in FATE's formats of encoding/fate_vectors.h.)
//
// A number outside (-n^2, n^2), or one that shares a factor with n, is no ciphertext of this key:
// an error. What is one but says too much is counted: FATE 2.2 sends unmasked ciphertexts, which
// anyone reads, and negative integers, whose sign is their plaintext's.

#include <span>
#include <string_view>

#include "crypto/paillier/public_key.h"

namespace fate::crypto::paillier {

// Counts add up over calls. unmasked or negative ones deserve a warning to people.
struct CiphertextAudit {
  uint64_t ciphertexts = 0;
  uint64_t unmasked = 0;  // 1 mod n; also the neutral element 1
  uint64_t negative = 0;
};

// The integers that another implementation sent. Error: kInvalidArgument, naming the first bad
// one. 3 us each at 2048 bits, and one greatest common divisor for all.
absl::StatusOr<Residues> AdmitCiphertexts(const PublicKey& key, std::span<const BigInt> integers,
                                          CiphertextAudit* audit = nullptr,
                                          const Parallel& parallel = Inline());
// The same for what Serialize wrote.
absl::StatusOr<Residues> AdmitCiphertexts(const PublicKey& key, std::string_view bytes,
                                          CiphertextAudit* audit = nullptr,
                                          const Parallel& parallel = Inline());

// Counts the unmasked among ciphertexts of the key's ring.
CiphertextAudit AuditCiphertexts(const PublicKey& key, const Residues& ciphertexts,
                                 const Parallel& parallel = Inline());

}  // namespace fate::crypto::paillier
