#pragma once

// Parameters of hetero_feature_binning (spec/federated-algorithms.md 10.1, column 2.x), checked.

#include <map>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "algo/binning/bins.h"
#include "dataframe/schema.h"

namespace fate::algo {

enum class BinningMethod { kQuantile, kBucket, kManual };
enum class TransformMethod { kNone, kWoe, kBinIndex };

// A host sends one encrypted count for each bin, so their number has a bound; and a category
// with more values than this is no category.
inline constexpr int kMaxBins = 1000;

struct BinningParameters {
  BinningMethod method = BinningMethod::kQuantile;
  int n_bins = 10;
  std::map<std::string, std::vector<double>> split_points;  // manual: ascending, by column
  std::optional<std::vector<std::string>> bin_columns, category_columns;
  std::optional<std::vector<int64_t>> bin_indexes, category_indexes;
  bool use_anonymous = false;
  TransformMethod transform = TransformMethod::kNone;
  bool skip_metrics = false;
  bool local_only = false;
  double relative_error = 1e-6;  // accepted; quantiles are exact
  double adjustment_factor = 0.5;
  int key_bits = 2048;
  WoeDefinition woe_definition = WoeDefinition::kFate1;  // parameter "compatibility"

  // Errors: kInvalidArgument naming the parameter, what it must be and what it is.
  static absl::StatusOr<BinningParameters> Parse(const nlohmann::json& parameters);

  // The columns to bin, then the categories. Errors: kInvalidArgument naming the column that
  // the data does not have, or has twice in the lists.
  absl::StatusOr<std::vector<BinnedColumn>> Resolve(const dataframe::Schema& schema) const;
};

std::string ToText(BinningMethod method);

}  // namespace fate::algo
