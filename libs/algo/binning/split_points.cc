#include "algo/binning/split_points.h"

#include <algorithm>

#include "algo/binning/order_statistics.h"
#include "base/status.h"
#include "fate/binning.pb.h"

namespace fate::algo {
namespace {

// Up to so many cells every different value is counted at once; beyond, digit by digit.
constexpr int64_t kOnePassCells = int64_t{1} << 20;
constexpr int kDigitBits = 12;
// More counters than six passes over the most bins need: kMaxBins * 2^kDigitBits.
constexpr uint64_t kMaxEntries = uint64_t{1} << 22;

absl::StatusOr<std::vector<DigitCounts>> CountDigits(const dataframe::DataFrame& frame,
                                                     const DigitRequest& request) {
  ASSIGN_OR_RETURN(const auto partitions,
                   frame.table.Fold("binning.histogram", request.SerializeAsString()));
  std::vector<DigitCounts> counts(static_cast<size_t>(request.columns_size()));
  for (const std::string& bytes : partitions) {
    DigitHistogram histogram;
    if (!histogram.ParseFromString(bytes) || histogram.columns_size() != request.columns_size()) {
      return InternalError("an egg returned no histogram");
    }
    for (size_t i = 0; i < counts.size(); ++i) {
      const auto& column = histogram.columns(static_cast<int>(i));
      for (int k = 0; k < std::min(column.keys_size(), column.counts_size()); ++k) {
        counts[i][column.keys(k)] += column.counts(k);
      }
    }
  }
  return counts;
}

absl::StatusOr<OrderStatistics> Select(const dataframe::DataFrame& frame,
                                       const std::vector<BinnedColumn>& columns,
                                       OrderStatistics::RanksOf ranks, int64_t rows) {
  OrderStatistics statistics(columns.size(), std::move(ranks));
  const bool one_pass = rows * static_cast<int64_t>(columns.size()) <= kOnePassCells;
  while (!statistics.done()) {
    const int bits = one_pass ? 64 : std::min(kDigitBits, 64 - statistics.known_bits());
    DigitRequest request;
    request.set_prefix_bits(static_cast<uint32_t>(statistics.known_bits()));
    request.set_digit_bits(static_cast<uint32_t>(bits));
    request.set_max_entries(kMaxEntries);
    for (size_t i = 0; i < columns.size(); ++i) {
      auto* column = request.add_columns();
      column->set_index(columns[i].index);
      const std::vector<uint64_t> prefixes = statistics.Prefixes(i);
      column->mutable_prefixes()->Add(prefixes.begin(), prefixes.end());
    }
    ASSIGN_OR_RETURN(const auto counts, CountDigits(frame, request));
    statistics.Take(bits, counts);
  }
  return statistics;
}

absl::StatusOr<std::vector<std::vector<double>>> ComputedBoundaries(
    const dataframe::DataFrame& frame, const std::vector<BinnedColumn>& columns,
    const BinningParameters& parameters, int64_t rows) {
  const bool quantile = parameters.method == BinningMethod::kQuantile;
  const auto ranks = [&](uint64_t count) {
    return quantile ? QuantileRanks(parameters.n_bins, count) : std::vector<uint64_t>{1, count};
  };
  ASSIGN_OR_RETURN(const OrderStatistics statistics, Select(frame, columns, ranks, rows));
  std::vector<std::vector<double>> boundaries;
  for (size_t i = 0; i < columns.size(); ++i) {
    std::vector<double> values = statistics.Values(i);
    if (values.empty()) {
      return InvalidArgumentError(
          "column '{}' has missing cells only; leave it out of bin_col or fill it",
          columns[i].name);
    }
    boundaries.push_back(quantile ? values
                                  : EqualWidthBoundaries(values[0], values[1], parameters.n_bins));
  }
  return boundaries;
}

absl::StatusOr<std::vector<std::vector<double>>> ManualBoundaries(
    const std::vector<BinnedColumn>& columns, const BinningParameters& parameters) {
  std::vector<std::vector<double>> boundaries;
  for (const BinnedColumn& column : columns) {
    const std::string& name = parameters.use_anonymous ? column.anonymous_name : column.name;
    const auto it = parameters.split_points.find(name);
    if (it == parameters.split_points.end()) {
      return InvalidArgumentError(
          "parameter 'split_pt_dict' of hetero_feature_binning has no split points for column "
          "'{}'; "
          "add them, or name the columns to bin in bin_col",
          name);
    }
    boundaries.push_back(it->second);
  }
  return boundaries;
}

absl::StatusOr<std::vector<std::vector<double>>> CategoryValues(
    const dataframe::DataFrame& frame, const std::vector<BinnedColumn>& columns) {
  std::vector<std::vector<double>> values;
  for (const BinnedColumn& column : columns) {
    DigitRequest request;
    request.set_digit_bits(64);
    request.set_max_entries(kMaxBins);
    request.add_columns()->set_index(column.index);
    auto counts = CountDigits(frame, request);
    if (!counts.ok()) {
      return Annotate(counts.status(), "category_col '" + column.name + "' is no category");
    }
    if (counts->at(0).empty() || counts->at(0).size() > size_t{kMaxBins}) {
      return InvalidArgumentError("category_col '{}' has {} different values; 1 to {} are allowed",
                                  column.name, counts->at(0).size(), kMaxBins);
    }
    values.emplace_back();
    for (const auto& [key, count] : counts->at(0)) values.back().push_back(FromOrderedKey(key));
  }
  return values;
}

}  // namespace

absl::StatusOr<std::vector<BinningModel::Column>> FindBins(const dataframe::DataFrame& frame,
                                                           const std::vector<BinnedColumn>& columns,
                                                           const BinningParameters& parameters,
                                                           int64_t rows) {
  const auto first_category = std::find_if(columns.begin(), columns.end(),
                                           [](const BinnedColumn& c) { return c.is_category; });
  const std::vector<BinnedColumn> numbers(columns.begin(), first_category);
  const std::vector<BinnedColumn> categories(first_category, columns.end());
  const bool manual = parameters.method == BinningMethod::kManual;
  ASSIGN_OR_RETURN(auto boundaries, manual ? ManualBoundaries(numbers, parameters)
                                           : ComputedBoundaries(frame, numbers, parameters, rows));
  if (parameters.woe_definition == WoeDefinition::kFate1) {
    for (auto& list : boundaries) list.erase(std::unique(list.begin(), list.end()), list.end());
  }
  ASSIGN_OR_RETURN(auto values, CategoryValues(frame, categories));
  std::vector<BinningModel::Column> result;
  for (size_t i = 0; i < columns.size(); ++i) {
    const bool is_category = i >= numbers.size();
    auto& list = is_category ? values[i - numbers.size()] : boundaries[i];
    result.push_back({columns[i], {std::move(list), is_category}});
  }
  return result;
}

}  // namespace fate::algo
