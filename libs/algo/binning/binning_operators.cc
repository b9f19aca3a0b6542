#include <algorithm>
#include <cmath>
#include <unordered_map>

#include "algo/binning/binning_wire.h"
#include "algo/binning/encrypted_labels.h"
#include "algo/binning/hetero_feature_binning.h"
#include "algo/binning/order_statistics.h"
#include "base/status.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "dataframe/block.h"
#include "fate/binning.pb.h"

namespace fate::algo {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;
using dataframe::Block;

template <class Message>
absl::StatusOr<Message> Parse(const std::string& bytes) {
  Message message;
  if (!message.ParseFromString(bytes)) {
    return InvalidArgumentError("cannot read the parameters of a binning operator");
  }
  return message;
}

// Calls take(block) for each block; every block has the columns that the operator names.
template <class Take>
absl::Status ForEachBlock(const OperatorContext& context, PairReader& input, size_t columns,
                          Take take) {
  while (input.Next()) {
    if (context.cancelled && *context.cancelled) return CancelledError("the task was cancelled");
    ASSIGN_OR_RETURN(const Block block, Block::Decode(input.value()));
    if (block.columns() < columns) {
      return DataLossError("a block has {} columns where {} belong", block.columns(), columns);
    }
    RETURN_IF_ERROR(take(block));
  }
  return input.status();
}

template <class Columns>
size_t ColumnsNeeded(const Columns& columns) {
  size_t needed = 0;
  for (const auto& column : columns) needed = std::max<size_t>(needed, column.index() + 1);
  return needed;
}

// ---- order statistics ----

class DigitCounter {
 public:
  DigitCounter(const DigitRequest& request, const DigitRequest::Column& column)
      : column_(column),
        known_(static_cast<int>(request.prefix_bits())),
        digit_(static_cast<int>(request.digit_bits())),
        max_entries_(request.max_entries()) {}

  absl::Status Add(const Block& block) {
    for (const double cell : block.Column(column_.index(), scratch_)) {
      if (std::isnan(cell)) continue;
      const uint64_t key = OrderedKey(cell);
      if (known_ > 0 && !std::binary_search(column_.prefixes().begin(), column_.prefixes().end(),
                                            key >> (64 - known_))) {
        continue;
      }
      ++counts_[key >> (64 - known_ - digit_)];
    }
    return counts_.size() <= max_entries_
               ? absl::OkStatus()
               : ResourceExhaustedError("column {} has more than {} different values",
                                        column_.index(), max_entries_);
  }

  void Write(DigitHistogram::Column& out) const {
    const DigitCounts sorted(counts_.begin(), counts_.end());
    for (const auto& [key, count] : sorted) {
      out.add_keys(key);
      out.add_counts(count);
    }
  }

 private:
  const DigitRequest::Column& column_;
  int known_, digit_;
  uint64_t max_entries_;
  std::unordered_map<uint64_t, uint64_t> counts_;
  std::vector<double> scratch_;
};

absl::StatusOr<std::string> Histogram(const OperatorContext& context, PairReader& input) {
  ASSIGN_OR_RETURN(const auto request, Parse<DigitRequest>(context.parameters));
  const uint64_t bits = uint64_t{request.prefix_bits()} + request.digit_bits();
  if (request.digit_bits() == 0 || bits > 64)
    return InvalidArgumentError("a digit of {} bits", bits);
  std::vector<DigitCounter> counters;
  for (const auto& column : request.columns()) counters.emplace_back(request, column);
  RETURN_IF_ERROR(ForEachBlock(context, input, ColumnsNeeded(request.columns()),
                               [&](const Block& block) -> absl::Status {
                                 for (auto& counter : counters) RETURN_IF_ERROR(counter.Add(block));
                                 return absl::OkStatus();
                               }));
  DigitHistogram result;
  for (const auto& counter : counters) counter.Write(*result.add_columns());
  return result.SerializeAsString();
}

// ---- in clear, at the party that owns the data ----

absl::StatusOr<std::string> CountLabels(const OperatorContext& context, PairReader& input) {
  LabelCounts counts;
  RETURN_IF_ERROR(ForEachBlock(context, input, 0, [&](const Block& block) -> absl::Status {
    if (!block.has_label()) return InvalidArgumentError("the data has no label");
    for (size_t row = 0; row < block.rows(); ++row) {
      const double label = block.label(row);
      if (label == 0) {
        counts.set_zeros(counts.zeros() + 1);
      } else if (label == 1) {
        counts.set_ones(counts.ones() + 1);
      } else {
        counts.set_others(counts.others() + 1);
        counts.set_an_other(label);
      }
    }
    return absl::OkStatus();
  }));
  return counts.SerializeAsString();
}

absl::StatusOr<std::string> CountBins(const OperatorContext& context, PairReader& input) {
  ASSIGN_OR_RETURN(const auto request, Parse<BinnedColumns>(context.parameters));
  std::vector<BinCounts> counts;
  const std::vector<Bins> bins = ReadBins(request);
  for (const Bins& column : bins) {
    counts.push_back({std::vector<int64_t>(column.size()), std::vector<int64_t>(column.size())});
  }
  RETURN_IF_ERROR(ForEachBlock(
      context, input, ColumnsNeeded(request.columns()), [&](const Block& block) -> absl::Status {
        if (!block.has_label()) return InvalidArgumentError("the data has no label");
        for (size_t i = 0; i < bins.size(); ++i) {
          const uint32_t index = request.columns(static_cast<int>(i)).index();
          for (size_t row = 0; row < block.rows(); ++row) {
            const int bin = bins[i].Of(block.value(row, index));
            if (bin < 0) continue;
            ++counts[i].sizes[static_cast<size_t>(bin)];
            counts[i].events[static_cast<size_t>(bin)] += block.label(row) == 1;
          }
        }
        return absl::OkStatus();
      }));
  BinTotals result;
  for (const BinCounts& column : counts) {
    auto* out = result.add_columns();
    for (const int64_t size : column.sizes) out->add_sizes(static_cast<uint64_t>(size));
    for (const int64_t events : column.events) out->add_events(static_cast<uint64_t>(events));
  }
  return result.SerializeAsString();
}

// Each cell of a column becomes its bin's replacement; a cell without a bin becomes NaN.
absl::Status Transform(const OperatorContext& context, PairReader& input, PairWriter& output) {
  ASSIGN_OR_RETURN(const auto request, Parse<BinnedColumns>(context.parameters));
  const std::vector<Bins> bins = ReadBins(request);
  for (size_t i = 0; i < bins.size(); ++i) {
    if (request.columns(static_cast<int>(i)).replacements_size() !=
        static_cast<int>(bins[i].size())) {
      return InvalidArgumentError("binning.transform needs one replacement for each bin");
    }
  }
  return ForEachBlock(
      context, input, ColumnsNeeded(request.columns()), [&](const Block& block) -> absl::Status {
        dataframe::BlockBuilder builder(block.columns(), block.has_label(), block.has_weight());
        for (size_t row = 0; row < block.rows(); ++row) {
          dataframe::Row cells = block.ToRow(row);
          for (size_t i = 0; i < bins.size(); ++i) {
            const auto& column = request.columns(static_cast<int>(i));
            double& cell = cells.values[column.index()];
            const int bin = bins[i].Of(cell);
            cell = bin < 0 ? std::nan("") : column.replacements(bin);
          }
          builder.Add(std::move(cells));
        }
        return output.Put(input.key(), builder.Finish());
      });
}

// ---- encrypted ----

// block key -> block  ==>  block key -> encrypted labels; with the public key only
absl::Status Encrypt(const OperatorContext& context, PairReader& input, PairWriter& output) {
  ASSIGN_OR_RETURN(const auto request, Parse<LabelKey>(context.parameters));
  ASSIGN_OR_RETURN(const auto key, crypto::paillier::PublicKey::Parse(request.public_key()));
  const crypto::paillier::Encryptor encryptor(key);
  return ForEachBlock(context, input, 0, [&](const Block& block) -> absl::Status {
    if (!block.has_label()) return InvalidArgumentError("the data has no label");
    ASSIGN_OR_RETURN(const std::string labels, EncryptLabels(encryptor, block));
    return output.Put(input.key(), labels);
  });
}

void AddTo(LabelAudit& audit, const crypto::paillier::CiphertextAudit& more) {
  audit.set_ciphertexts(audit.ciphertexts() + more.ciphertexts);
  audit.set_unmasked(audit.unmasked() + more.unmasked);
}

absl::StatusOr<std::string> AuditLabels(const OperatorContext& context, PairReader& input) {
  ASSIGN_OR_RETURN(const auto request, Parse<LabelKey>(context.parameters));
  ASSIGN_OR_RETURN(const auto key, crypto::paillier::PublicKey::Parse(request.public_key()));
  LabelAudit audit;
  while (input.Next()) {
    ASSIGN_OR_RETURN(const EncryptedLabels labels, ParseLabels(key, input.value()));
    AddTo(audit, labels.audit);
  }
  RETURN_IF_ERROR(input.status());
  return audit.SerializeAsString();
}

void WriteSums(const LabelSummer& summer, const std::vector<Bins>& bins, LabelSums& out) {
  size_t next = 0;
  for (const Bins& column : bins) {
    auto* sizes = out.mutable_sizes()->add_columns();
    for (size_t bin = 0; bin < column.size(); ++bin) sizes->add_sizes(summer.sizes()[next++]);
  }
  out.set_sums(crypto::Serialize(summer.sums()));
}

// blocks of the host, encrypted labels under the same keys  ==>  sums by bin
absl::StatusOr<std::string> SumLabels(const OperatorContext& context,
                                      std::vector<PairReader>& inputs) {
  ASSIGN_OR_RETURN(const auto request, Parse<LabelSumRequest>(context.parameters));
  ASSIGN_OR_RETURN(const auto key, crypto::paillier::PublicKey::Parse(request.public_key()));
  if (inputs.size() != 2) return InvalidArgumentError("binning.sum_labels needs two stores");
  std::vector<uint32_t> indexes;
  for (const auto& column : request.columns().columns()) indexes.push_back(column.index());
  const std::vector<Bins> bins = ReadBins(request.columns());
  LabelSummer summer(key, indexes, bins);
  LabelSums result;
  PairReader& encrypted = inputs[1];
  RETURN_IF_ERROR(ForEachBlock(context, inputs[0], ColumnsNeeded(request.columns().columns()),
                               [&](const Block& block) -> absl::Status {
                                 if (!encrypted.Next() || encrypted.key() != inputs[0].key()) {
                                   RETURN_IF_ERROR(encrypted.status());
                                   return summer.Add(block, {});  // says that the rows differ
                                 }
                                 ASSIGN_OR_RETURN(const EncryptedLabels labels,
                                                  ParseLabels(key, encrypted.value()));
                                 AddTo(*result.mutable_audit(), labels.audit);
                                 return summer.Add(block, labels);
                               }));
  if (encrypted.Next()) return FailedPreconditionError("the guest has more rows; run psi first");
  WriteSums(summer, bins, result);
  return result.SerializeAsString();
}

}  // namespace

void RegisterBinningOperators(compute::OperatorRegistry& registry) {
  registry.AddFold("binning.histogram", &Histogram);
  registry.AddFold("binning.label_counts", &CountLabels);
  registry.AddFold("binning.bin_counts", &CountBins);
  registry.AddMap("binning.transform", &Transform);
  registry.AddMap("binning.encrypt_labels", &Encrypt);
  registry.AddFold("binning.audit_labels", &AuditLabels);
  registry.AddStores("binning.sum_labels", &SumLabels);
}

}  // namespace fate::algo
