#include "algo/binning/binning_wire.h"
#include "algo/binning/encrypted_labels.h"
#include "algo/binning/guest_and_host.h"
#include "base/status.h"

namespace fate::algo {
namespace {

using crypto::Ciphertext;
using federation::Federation;
using federation::Party;

// Totals of all partitions: rows by bin, and one ciphertext a bin, column after column.
struct Totals {
  FeatureBinSizes sizes;
  std::vector<Ciphertext> sums;
  LabelAudit audit;
};

Totals EmptyTotals(const crypto::PaillierPublicKey& key,
                   const std::vector<BinningModel::Column>& columns) {
  Totals totals;
  for (const auto& column : columns) {
    auto* sizes = totals.sizes.add_columns();
    for (size_t i = 0; i < column.bins.size(); ++i) {
      sizes->add_sizes(0);
      totals.sums.push_back(key.EncodeUnmasked(0));
    }
  }
  return totals;
}

absl::Status AddPartition(const crypto::PaillierPublicKey& key, const LabelSums& partition,
                          Totals& totals) {
  size_t at = 0;
  for (int i = 0; i < totals.sizes.columns_size(); ++i) {
    auto* sizes = totals.sizes.mutable_columns(i);
    for (int bin = 0; bin < sizes->sizes_size(); ++bin, ++at) {
      if (i >= partition.columns_size() || bin >= partition.columns(i).sizes_size() ||
          bin >= partition.columns(i).sums_size()) {
        return InternalError("an egg returned sums of too few bins");
      }
      const auto& column = partition.columns(i);
      if (column.sizes(bin) == 0) continue;
      ASSIGN_OR_RETURN(const Ciphertext sum, key.ParseCiphertext(column.sums(bin)));
      totals.sums[at] = key.Add(totals.sums[at], sum);
      sizes->set_sizes(bin, sizes->sizes(bin) + column.sizes(bin));
    }
  }
  totals.audit.set_ciphertexts(totals.audit.ciphertexts() + partition.audit().ciphertexts());
  totals.audit.set_unmasked(totals.audit.unmasked() + partition.audit().unmasked());
  return absl::OkStatus();
}

absl::StatusOr<Totals> SumLabels(const dataframe::DataFrame& frame, const compute::Table& labels,
                                 const crypto::PaillierPublicKey& key,
                                 const std::vector<BinningModel::Column>& columns) {
  if (labels.partitions() != frame.table.partitions()) {
    return FailedPreconditionError(
        "the guest's labels have {} partitions, this party's data {}; run psi before binning, and "
        "give both parties its output",
        labels.partitions(), frame.table.partitions());
  }
  LabelSumRequest request;
  request.set_public_key(key.Serialize());
  *request.mutable_columns() = WriteColumns(columns);
  ASSIGN_OR_RETURN(
      const auto partitions,
      frame.table.WithStores("binning.sum_labels", request.SerializeAsString(), {labels}));
  Totals totals = EmptyTotals(key, columns);
  for (const std::string& bytes : partitions) {
    LabelSums partition;
    if (!partition.ParseFromString(bytes)) return InternalError("an egg returned no sums");
    RETURN_IF_ERROR(AddPartition(key, partition, totals));
  }
  return totals;
}

absl::Status SendTotals(Federation& federation, const Party& guest,
                        const crypto::PaillierPublicKey& key, const Totals& totals,
                        const std::vector<BinningModel::Column>& columns) {
  const crypto::PaillierEncryptor encryptor(key);
  ASSIGN_OR_RETURN(const auto packed, PackSums(encryptor, totals.sums));
  PackedCounts counts;
  counts.set_slot_bits(kSlotBits);
  counts.set_count(totals.sums.size());
  for (const Ciphertext& c : packed) counts.add_ciphertexts(key.SerializeCiphertext(c));
  AnonymousColumns names;
  for (const auto& column : columns) names.add_names(column.column.anonymous_name);
  const auto put = [&](const std::string& name, const google::protobuf::Message& message) {
    return federation.PutObject(name, kBinningTag, guest, message.SerializeAsString());
  };
  RETURN_IF_ERROR(put("anonymous_col_bin", names));
  RETURN_IF_ERROR(put("event_non_event_count", counts));
  return put("feature_bin_sizes", totals.sizes);
}

}  // namespace

absl::StatusOr<LabelAudit> SendSums(Federation& federation, const dataframe::DataFrame& frame,
                                    const std::vector<BinningModel::Column>& columns) {
  const std::vector<Party> guests = federation.PartiesOf("guest");
  if (guests.size() != 1) return InvalidArgumentError("hetero_feature_binning needs one guest");
  const Party& guest = guests[0];
  ASSIGN_OR_RETURN(const std::string key_bytes, federation.GetObject("pk", kBinningTag, guest));
  auto key = crypto::PaillierPublicKey::Parse(key_bytes);
  if (!key.ok()) return Annotate(key.status(), "public key of " + guest.ToString());
  ASSIGN_OR_RETURN(const compute::Table labels, federation.GetTable("enc_y", kBinningTag, guest));
  auto totals = SumLabels(frame, labels, *key, columns);
  if (!totals.ok()) return Annotate(totals.status(), "summing the labels of " + guest.ToString());
  RETURN_IF_ERROR(SendTotals(federation, guest, *key, *totals, columns));
  RETURN_IF_ERROR(labels.Destroy());
  return totals->audit;
}

}  // namespace fate::algo
