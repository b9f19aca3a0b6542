#include "algo/binning/binning_wire.h"
#include "algo/binning/encrypted_labels.h"
#include "algo/binning/guest_and_host.h"
#include "base/status.h"
#include "crypto/homomorphic/ciphertexts.h"

namespace fate::algo {
namespace {

using crypto::Residues;
using federation::Federation;
using federation::Party;

// Totals of all partitions: rows by bin, and one ciphertext a bin, column after column.
struct Totals {
  FeatureBinSizes sizes;
  Residues sums;
  LabelAudit audit;
};

Totals EmptyTotals(const crypto::paillier::PublicKey& key,
                   const std::vector<BinningModel::Column>& columns) {
  Totals totals;
  size_t bins = 0;
  for (const auto& column : columns) {
    auto* sizes = totals.sizes.add_columns();
    for (size_t i = 0; i < column.bins.size(); ++i) sizes->add_sizes(0);
    bins += column.bins.size();
  }
  totals.sums = NoSums(key, bins);
  return totals;
}

absl::Status AddSizes(const FeatureBinSizes& partition, FeatureBinSizes& totals) {
  for (int i = 0; i < totals.columns_size(); ++i) {
    auto* sizes = totals.mutable_columns(i);
    if (i >= partition.columns_size() || partition.columns(i).sizes_size() != sizes->sizes_size()) {
      return InternalError("an egg returned sizes of other bins");
    }
    for (int bin = 0; bin < sizes->sizes_size(); ++bin) {
      sizes->set_sizes(bin, sizes->sizes(bin) + partition.columns(i).sizes(bin));
    }
  }
  return absl::OkStatus();
}

absl::Status AddPartition(const LabelSums& partition, Totals& totals) {
  RETURN_IF_ERROR(AddSizes(partition.sizes(), totals.sizes));
  ASSIGN_OR_RETURN(const Residues sums, crypto::Parse(totals.sums.shared_ring(), partition.sums()));
  if (sums.size() != totals.sums.size()) return InternalError("an egg returned too few sums");
  RETURN_IF_ERROR(crypto::AddInto(totals.sums, 0, sums));
  totals.audit.set_ciphertexts(totals.audit.ciphertexts() + partition.audit().ciphertexts());
  totals.audit.set_unmasked(totals.audit.unmasked() + partition.audit().unmasked());
  return absl::OkStatus();
}

absl::StatusOr<Totals> SumLabels(const dataframe::DataFrame& frame, const compute::Table& labels,
                                 const crypto::paillier::PublicKey& key,
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
    RETURN_IF_ERROR(AddPartition(partition, totals));
  }
  return totals;
}

absl::Status SendTotals(Federation& federation, const Party& guest,
                        const crypto::paillier::PublicKey& key, const Totals& totals,
                        const std::vector<BinningModel::Column>& columns) {
  const crypto::paillier::Encryptor encryptor(key);
  ASSIGN_OR_RETURN(const auto packed, PackSums(encryptor, totals.sums));
  PackedCounts counts;
  counts.set_slot_bits(kSlotBits);
  counts.set_count(totals.sums.size());
  counts.set_ciphertexts(crypto::Serialize(packed));
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
  auto key = crypto::paillier::PublicKey::Parse(key_bytes);
  if (!key.ok()) return Annotate(key.status(), "public key of " + guest.ToString());
  ASSIGN_OR_RETURN(const compute::Table labels, federation.GetTable("enc_y", kBinningTag, guest));
  auto totals = SumLabels(frame, labels, *key, columns);
  if (!totals.ok()) return Annotate(totals.status(), "summing the labels of " + guest.ToString());
  RETURN_IF_ERROR(SendTotals(federation, guest, *key, *totals, columns));
  RETURN_IF_ERROR(labels.Destroy());
  return totals->audit;
}

}  // namespace fate::algo
