#include "algo/binning/encrypted_labels.h"

#include "base/status.h"
#include "crypto/hash.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/paillier/packing.h"
#include "dataframe/bytes.h"

namespace fate::algo {
namespace {

using crypto::BigInt;
using crypto::Residues;
namespace paillier = crypto::paillier;

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

absl::StatusOr<std::string> EncryptLabels(const paillier::Encryptor& encryptor,
                                          const dataframe::Block& block) {
  std::vector<BigInt> labels;
  for (size_t row = 0; row < block.rows(); ++row) {
    const double label = block.label(row);
    if (label != 0 && label != 1) {
      return InvalidArgumentError("label {} of sample '{}' is not binary (0 or 1)", label,
                                  block.sample_id(row));
    }
    labels.emplace_back(static_cast<int64_t>(label));
  }
  ASSIGN_OR_RETURN(const Residues encrypted, encryptor.Encrypt(labels));
  return SampleIdDigest(block) + crypto::Serialize(encrypted);
}

absl::StatusOr<EncryptedLabels> ParseLabels(const paillier::PublicKey& key,
                                            std::string_view bytes) {
  const size_t width = crypto::CiphertextBytes(*key.ring());
  if (bytes.size() < kDigestBytes || (bytes.size() - kDigestBytes) % width != 0 ||
      (bytes.size() - kDigestBytes) / width > dataframe::kRowsPerBlock) {
    return DataLossError("{} bytes are no block of encrypted labels under a key of {} bits",
                         bytes.size(), key.bits());
  }
  EncryptedLabels result{bytes.substr(0, kDigestBytes), {}, {}};
  ASSIGN_OR_RETURN(result.labels,
                   paillier::AdmitCiphertexts(key, bytes.substr(kDigestBytes), &result.audit));
  return result;
}

LabelSummer::LabelSummer(const paillier::PublicKey& key, std::vector<uint32_t> column_indexes,
                         std::vector<Bins> bins)
    : column_indexes_(std::move(column_indexes)), bins_(std::move(bins)) {
  for (const Bins& column : bins_) {
    first_bin_.push_back(static_cast<uint32_t>(sizes_.size()));
    sizes_.resize(sizes_.size() + column.size());
  }
  sums_ = NoSums(key, sizes_.size());
}

absl::Status LabelSummer::Add(const dataframe::Block& block, const EncryptedLabels& labels) {
  if (labels.labels.size() != block.rows() || labels.digest != SampleIdDigest(block)) {
    return FailedPreconditionError(
        "the rows of this party are not those of the guest; run psi before binning, and give both "
        "parties its output");
  }
  std::vector<crypto::Contribution> contributions;
  for (size_t column = 0; column < bins_.size(); ++column) {
    for (size_t row = 0; row < block.rows(); ++row) {
      const int bin = bins_[column].Of(block.value(row, column_indexes_[column]));
      if (bin < 0) continue;
      const uint32_t target = first_bin_[column] + static_cast<uint32_t>(bin);
      contributions.push_back({static_cast<uint32_t>(row), target});
      ++sizes_[target];
    }
  }
  return crypto::AddContributions(sums_, labels.labels, contributions);
}

Residues NoSums(const paillier::PublicKey& key, size_t count) {
  return crypto::Zeros(key.ring(), count);
}

size_t SlotsPerCiphertext(const paillier::PublicKey& key) {
  return static_cast<size_t>((key.bits() - 1) / kSlotBits);
}

absl::StatusOr<Residues> PackSums(const paillier::Encryptor& encryptor, const Residues& sums) {
  ASSIGN_OR_RETURN(Residues packed,
                   crypto::Squeeze(sums, SlotsPerCiphertext(encryptor.public_key()), kSlotBits));
  RETURN_IF_ERROR(encryptor.Rerandomize(packed));
  return packed;
}

absl::StatusOr<std::vector<int64_t>> UnpackSums(const paillier::PrivateKey& key,
                                                const Residues& packed, size_t count) {
  const auto slots = static_cast<int>(SlotsPerCiphertext(key.public_key()));
  ASSIGN_OR_RETURN(const auto packing,
                   crypto::Packing::Create(kSlotBits, slots, key.public_key().bits() - 1));
  if (packed.size() != packing.plaintexts(count)) {
    return DataLossError("{} ciphertexts for {} counts", packed.size(), count);
  }
  ASSIGN_OR_RETURN(const std::vector<BigInt> plaintexts, key.Decrypt(packed));
  const auto counts = packing.UnpackUnsigned(plaintexts, count);
  if (!counts.ok()) return DataLossError("packed counts: {}", Message(counts.status()));
  return std::vector<int64_t>(counts->begin(), counts->end());
}

}  // namespace fate::algo
