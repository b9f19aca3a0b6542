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
#include "crypto/paillier_encryptor.h"
#include "crypto/paillier_sum.h"
#include "dataframe/block.h"

namespace fate::algo {

// ---- blocks of labels ----

// SHA-256 over the sample ids of the block, then one ciphertext of 0 or 1 for each row. The
// digest lets the host see that its rows are the guest's.
absl::StatusOr<std::string> EncryptLabels(const crypto::PaillierEncryptor& encryptor,
                                          const dataframe::Block& block);

std::string SampleIdDigest(const dataframe::Block& block);

struct EncryptedLabels {
  std::string_view digest;
  std::vector<crypto::Ciphertext> labels;
};
// Error: kDataLoss for a wrong size or a ciphertext out of range.
absl::StatusOr<EncryptedLabels> ParseLabels(const crypto::PaillierPublicKey& key,
                                            std::string_view bytes);

// ---- sums by bin ----

// Sums the encrypted labels by the bins of several columns. For one thread.
class LabelSummer {
 public:
  LabelSummer(const crypto::PaillierPublicKey& key, std::vector<uint32_t> column_indexes,
              std::vector<Bins> bins);

  // Error: kFailedPrecondition when the rows are not those of `labels`.
  absl::Status Add(const dataframe::Block& block, const EncryptedLabels& labels);

  int64_t size(size_t column, size_t bin) const { return sizes_[column][bin]; }
  // As they add up: as masked as the labels are, the unmasked 0 for a bin without rows.
  crypto::Ciphertext Sum(size_t column, size_t bin) const { return sums_[column][bin].Finish(); }

 private:
  crypto::PaillierPublicKey key_;
  std::vector<uint32_t> column_indexes_;
  std::vector<Bins> bins_;
  std::vector<std::vector<int64_t>> sizes_;
  std::vector<std::vector<crypto::PaillierSum>> sums_;
};

// ---- packing ----

// Bits for one count: more than any number of rows needs.
inline constexpr int kSlotBits = 40;

// How many counts one ciphertext of the key holds.
size_t SlotsPerCiphertext(const crypto::PaillierPublicKey& key);

// Packs encrypted counts below 2^kSlotBits, the first in the lowest bits, and masks the results
// anew.
absl::StatusOr<std::vector<crypto::Ciphertext>> PackSums(const crypto::PaillierEncryptor& encryptor,
                                                         std::span<const crypto::Ciphertext> sums);

// The `count` packed numbers. Error: kDataLoss when there is more or less in the ciphertexts.
absl::StatusOr<std::vector<int64_t>> UnpackSums(const crypto::PaillierPrivateKey& key,
                                                std::span<const crypto::Ciphertext> packed,
                                                size_t count);

}  // namespace fate::algo
