#include <numeric>

#include "algo/binning/encrypted_labels.h"
#include "algo/binning/guest_and_host.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::algo {
namespace {

using federation::Federation;
using federation::Party;

// Every row must have become a masked ciphertext before the table may leave.
absl::Status AuditBeforeSending(const compute::Table& encrypted, const std::string& key,
                                int64_t rows) {
  ASSIGN_OR_RETURN(const auto partitions, encrypted.Fold("binning.audit_labels", key));
  uint64_t ciphertexts = 0, unmasked = 0;
  for (const std::string& bytes : partitions) {
    LabelAudit audit;
    if (!audit.ParseFromString(bytes)) return InternalError("an egg returned no audit");
    ciphertexts += audit.ciphertexts();
    unmasked += audit.unmasked();
  }
  if (ciphertexts == static_cast<uint64_t>(rows) && unmasked == 0) return absl::OkStatus();
  return InternalError("{} of {} labels were encrypted, {} without a mask: nothing was sent",
                       ciphertexts, rows, unmasked);
}

template <class Message>
absl::StatusOr<Message> GetMessage(Federation& federation, const std::string& name,
                                   const Party& from) {
  ASSIGN_OR_RETURN(const std::string bytes, federation.GetObject(name, kBinningTag, from));
  Message message;
  if (!message.ParseFromString(bytes)) {
    return DataLossError("{} sent {} bytes as {} that cannot be read", from.ToString(),
                         bytes.size(), name);
  }
  return message;
}

absl::StatusOr<size_t> CheckLayout(const AnonymousColumns& columns, const FeatureBinSizes& sizes) {
  if (columns.names_size() != sizes.columns_size() ||
      size_t(columns.names_size()) > dataframe::kMaxColumns) {
    return DataLossError("{} column names for {} columns", columns.names_size(),
                         sizes.columns_size());
  }
  size_t bins = 0;
  for (const auto& column : sizes.columns()) {
    if (column.sizes_size() < 1 || column.sizes_size() > kMaxBins) {
      return DataLossError("a column with {} bins", column.sizes_size());
    }
    bins += static_cast<size_t>(column.sizes_size());
  }
  return bins;
}

absl::StatusOr<std::vector<int64_t>> DecryptCounts(const PackedCounts& message,
                                                   const crypto::paillier::PrivateKey& key,
                                                   size_t bins) {
  if (message.slot_bits() != kSlotBits || message.count() != bins) {
    return DataLossError("{} counts of {} bits for {} bins", message.count(), message.slot_bits(),
                         bins);
  }
  ASSIGN_OR_RETURN(const crypto::Residues packed,
                   crypto::paillier::AdmitCiphertexts(key.public_key(), message.ciphertexts()));
  return UnpackSums(key, packed, bins);
}

// A column without missing cells must hold every row and every event.
absl::Status CheckTotals(const BinCounts& counts, const std::string& column,
                         const LabelCounts& labels) {
  const auto rows = static_cast<int64_t>(labels.zeros() + labels.ones());
  int64_t sizes = 0, events = 0;
  bool possible = true;
  for (size_t i = 0; i < counts.sizes.size(); ++i) {
    possible = possible && counts.sizes[i] >= 0 && counts.sizes[i] <= rows &&
               counts.events[i] <= counts.sizes[i];
    sizes += counts.sizes[i];
    events += counts.events[i];
  }
  const auto ones = static_cast<int64_t>(labels.ones());
  if (possible && sizes <= rows && events <= ones && (sizes < rows || events == ones)) {
    return absl::OkStatus();
  }
  return DataLossError("the totals of column '{}' cannot be: {} events in {} rows of {} in {}",
                       Escape(column), events, sizes, ones, rows);
}

absl::StatusOr<BinningModel::NamedMetrics> HostMetrics(Federation& federation, const Party& host,
                                                       const crypto::paillier::PrivateKey& key,
                                                       const BinningParameters& parameters,
                                                       const LabelCounts& labels) {
  ASSIGN_OR_RETURN(const auto columns,
                   GetMessage<AnonymousColumns>(federation, "anonymous_col_bin", host));
  ASSIGN_OR_RETURN(const auto packed,
                   GetMessage<PackedCounts>(federation, "event_non_event_count", host));
  ASSIGN_OR_RETURN(const auto sizes,
                   GetMessage<FeatureBinSizes>(federation, "feature_bin_sizes", host));
  ASSIGN_OR_RETURN(const size_t bins, CheckLayout(columns, sizes));
  ASSIGN_OR_RETURN(const std::vector<int64_t> events, DecryptCounts(packed, key, bins));
  BinningModel::NamedMetrics metrics;
  auto next = events.begin();
  for (int i = 0; i < sizes.columns_size(); ++i) {
    BinCounts counts;
    for (const uint64_t size : sizes.columns(i).sizes()) {
      counts.sizes.push_back(static_cast<int64_t>(size));
      counts.events.push_back(*next++);
    }
    RETURN_IF_ERROR(CheckTotals(counts, columns.names(i), labels));
    metrics.emplace_back(columns.names(i), ComputeMetrics(counts, parameters.woe_definition,
                                                          parameters.adjustment_factor));
  }
  return metrics;
}

}  // namespace

absl::Status SendLabels(Federation& federation, const dataframe::DataFrame& frame,
                        const crypto::paillier::PublicKey& key, int64_t rows) {
  const std::vector<Party> hosts = federation.PartiesOf("host");
  for (const Party& host : hosts) {
    RETURN_IF_ERROR(federation.PutObject("pk", kBinningTag, host, key.Serialize()));
  }
  LabelKey parameters;
  parameters.set_public_key(key.Serialize());
  const std::string bytes = parameters.SerializeAsString();
  ASSIGN_OR_RETURN(const compute::Table encrypted,
                   frame.table.Map("binning.encrypt_labels", bytes));
  RETURN_IF_ERROR(AuditBeforeSending(encrypted, bytes, rows));
  for (const Party& host : hosts) {
    RETURN_IF_ERROR(federation.PutTable("enc_y", kBinningTag, host, encrypted));
  }
  return encrypted.Destroy();
}

absl::StatusOr<BinningModel::NamedMetrics> ReceiveHostMetrics(
    Federation& federation, const Party& host, const crypto::paillier::PrivateKey& key,
    const BinningParameters& parameters, const LabelCounts& labels) {
  auto metrics = HostMetrics(federation, host, key, parameters, labels);
  if (!metrics.ok()) return Annotate(metrics.status(), "encrypted totals of " + host.ToString());
  return metrics;
}

}  // namespace fate::algo
