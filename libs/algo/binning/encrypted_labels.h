#pragma once

// The encrypted side of binning, without tables: labels of a block under the guest's key, their
// sums by bin at a host, and the few ciphertexts in which the sums travel back.
//
//   guest: EncryptLabels  -- blocks -->  host: LabelSummer (on eggs), PackSums (component)
//   guest: UnpackSums     <-- packed --
//
// Everything that leaves a party is masked: labels when they are encrypted, sums when they are
// packed.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "algo/binning/bins.h"
#include "crypto/paillier/encryptor.h"
#include "crypto/paillier/received.h"
#include "dataframe/block.h"

namespace fate::algo {

// ---- blocks of labels ----

// SHA-256 over the sample ids of the block, then one ciphertext of 0 or 1 for each row. The
// digest lets the host see that its rows are the guest's.
absl::StatusOr<std::string> EncryptLabels(const crypto::paillier::Encryptor& encryptor,
                                          const dataframe::Block& block);

std::string SampleIdDigest(const dataframe::Block& block);

struct EncryptedLabels {
  std::string_view digest;
  crypto::Residues labels;
  crypto::paillier::CiphertextAudit audit;
};
// Error: kDataLoss for a wrong size, kInvalidArgument for what is no ciphertext of the key.
absl::StatusOr<EncryptedLabels> ParseLabels(const crypto::paillier::PublicKey& key,
                                            std::string_view bytes);

// ---- sums by bin ----

// Sums the encrypted labels by the bins of several columns. For one thread.
class LabelSummer {
 public:
  LabelSummer(const crypto::paillier::PublicKey& key, std::vector<uint32_t> column_indexes,
              std::vector<Bins> bins);

  // Error: kFailedPrecondition when the rows are not those of `labels`.
  absl::Status Add(const dataframe::Block& block, const EncryptedLabels& labels);

  // One for each bin, column after column.
  const std::vector<uint64_t>& sizes() const { return sizes_; }
  // The same order; as masked as the labels are, the unmasked 0 for a bin without rows.
  const crypto::Residues& sums() const { return sums_; }

 private:
  std::vector<uint32_t> column_indexes_;
  std::vector<Bins> bins_;
  std::vector<uint32_t> first_bin_;  // of each column
  std::vector<uint64_t> sizes_;
  crypto::Residues sums_;
};

// `count` sums of nothing: unmasked zeros.
crypto::Residues NoSums(const crypto::paillier::PublicKey& key, size_t count);

// ---- packing ----

// Bits for one count: more than any number of rows needs.
inline constexpr int kSlotBits = 40;

// How many counts one ciphertext of the key holds.
size_t SlotsPerCiphertext(const crypto::paillier::PublicKey& key);

// Packs encrypted counts below 2^kSlotBits, the first in the highest bits, and masks the results
// anew.
absl::StatusOr<crypto::Residues> PackSums(const crypto::paillier::Encryptor& encryptor,
                                          const crypto::Residues& sums);

// The `count` packed numbers. Error: kDataLoss when there is more or less in the ciphertexts.
absl::StatusOr<std::vector<int64_t>> UnpackSums(const crypto::paillier::PrivateKey& key,
                                                const crypto::Residues& packed, size_t count);

}  // namespace fate::algo
