#include "algo/binning/encrypted_labels.h"

#include "base/status.h"
#include "crypto/hash.h"
#include "dataframe/bytes.h"

namespace fate::algo {
namespace {

constexpr size_t kDigestBytes = 32;

}  // namespace

std::string SampleIdDigest(const dataframe::Block& block) {
  std::string ids;
  for (size_t row = 0; row < block.rows(); ++row) {
    dataframe::AppendNumber<uint32_t>(ids, static_cast<uint32_t>(block.sample_id(row).size()));
    ids.append(block.sample_id(row));
  }
  const std::array<uint8_t, kDigestBytes> digest = crypto::Sha256(ids);
  return std::string(digest.begin(), digest.end());
}

absl::StatusOr<std::string> EncryptLabels(const crypto::PaillierEncryptor& encryptor,
                                          const dataframe::Block& block) {
  std::string bytes = SampleIdDigest(block);
  for (size_t row = 0; row < block.rows(); ++row) {
    const double label = block.label(row);
    if (label != 0 && label != 1) {
      return InvalidArgumentError("label {} of sample '{}' is not binary (0 or 1)", label,
                                  block.sample_id(row));
    }
    const crypto::Ciphertext c = encryptor.Encrypt(static_cast<int64_t>(label));
    bytes += encryptor.public_key().SerializeCiphertext(c);
  }
  return bytes;
}

absl::StatusOr<EncryptedLabels> ParseLabels(const crypto::PaillierPublicKey& key,
                                            std::string_view bytes) {
  const size_t width = key.ciphertext_bytes();
  if (bytes.size() < kDigestBytes || (bytes.size() - kDigestBytes) % width != 0 ||
      (bytes.size() - kDigestBytes) / width > dataframe::kRowsPerBlock) {
    return DataLossError("{} bytes are no block of encrypted labels under a key of {} bits",
                         bytes.size(), key.bits());
  }
  EncryptedLabels result{bytes.substr(0, kDigestBytes), {}};
  for (size_t at = kDigestBytes; at < bytes.size(); at += width) {
    ASSIGN_OR_RETURN(crypto::Ciphertext label, key.ParseCiphertext(bytes.substr(at, width)));
    result.labels.push_back(std::move(label));
  }
  return result;
}

LabelSummer::LabelSummer(const crypto::PaillierPublicKey& key, std::vector<uint32_t> column_indexes,
                         std::vector<Bins> bins)
    : key_(key), column_indexes_(std::move(column_indexes)), bins_(std::move(bins)) {
  for (const Bins& column : bins_) {
    sizes_.emplace_back(column.size());
    sums_.emplace_back(column.size(), crypto::PaillierSum(key_));
  }
}

absl::Status LabelSummer::Add(const dataframe::Block& block, const EncryptedLabels& labels) {
  if (labels.labels.size() != block.rows() || labels.digest != SampleIdDigest(block)) {
    return FailedPreconditionError(
        "the rows of this party are not those of the guest; run psi before binning, and give both "
        "parties its output");
  }
  for (size_t row = 0; row < block.rows(); ++row) {
    const crypto::Montgomery::Element term = key_.modulus().Plain(labels.labels[row].value);
    for (size_t column = 0; column < bins_.size(); ++column) {
      const int bin = bins_[column].Of(block.value(row, column_indexes_[column]));
      if (bin < 0) continue;
      sums_[column][static_cast<size_t>(bin)].Add(term);
      ++sizes_[column][static_cast<size_t>(bin)];
    }
  }
  return absl::OkStatus();
}

size_t SlotsPerCiphertext(const crypto::PaillierPublicKey& key) {
  return static_cast<size_t>((key.bits() - 1) / kSlotBits);
}

absl::StatusOr<std::vector<crypto::Ciphertext>> PackSums(const crypto::PaillierEncryptor& encryptor,
                                                         std::span<const crypto::Ciphertext> sums) {
  const crypto::PaillierPublicKey& key = encryptor.public_key();
  const crypto::BigInt shift = crypto::BigInt::PowerOfTwo(kSlotBits);
  std::vector<crypto::Ciphertext> packed;
  while (!sums.empty()) {
    const size_t slots = std::min(SlotsPerCiphertext(key), sums.size());
    crypto::Ciphertext all = sums[slots - 1];
    for (size_t i = slots - 1; i-- > 0;) {
      ASSIGN_OR_RETURN(all, key.MulPlain(all, shift));
      all = key.Add(all, sums[i]);
    }
    packed.push_back(encryptor.Rerandomize(all));
    sums = sums.subspan(slots);
  }
  return packed;
}

absl::StatusOr<std::vector<int64_t>> UnpackSums(const crypto::PaillierPrivateKey& key,
                                                std::span<const crypto::Ciphertext> packed,
                                                size_t count) {
  const size_t slots = SlotsPerCiphertext(key.public_key());
  if (packed.size() != (count + slots - 1) / slots) {
    return DataLossError("{} ciphertexts for {} counts", packed.size(), count);
  }
  const crypto::BigInt shift = crypto::BigInt::PowerOfTwo(kSlotBits);
  std::vector<int64_t> counts;
  for (const crypto::Ciphertext& c : packed) {
    crypto::BigInt all = key.Decrypt(c);
    for (size_t i = 0; i < slots && counts.size() < count; ++i) {
      counts.push_back(all.Mod(shift).ToInt64());
      all >>= kSlotBits;
    }
    if (!all.IsZero()) return DataLossError("a ciphertext holds more than its counts");
  }
  return counts;
}

}  // namespace fate::algo
