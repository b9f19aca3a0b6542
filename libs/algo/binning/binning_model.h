#pragma once

// The model of hetero_feature_binning, in upstream's JSON (spec/federated-algorithms.md 12.1):
// every per-column member is {column: {bin: value}} with the bin's number as text.

#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "algo/binning/binning_parameters.h"
#include "algo/binning/bins.h"

namespace fate::algo {

struct BinningModel {
  struct Column {
    BinnedColumn column;
    Bins bins;
  };
  BinningMethod method = BinningMethod::kQuantile;
  int n_bins = 10;
  double adjustment_factor = 0.5;
  bool local_only = false;
  WoeDefinition woe_definition = WoeDefinition::kFate1;
  std::vector<Column> columns;

  // Guest only, empty when metrics are skipped: own metrics in the order of `columns`; hosts'
  // by "<role>_<party>" and anonymous column name.
  std::vector<ColumnMetrics> metrics;
  using NamedMetrics = std::vector<std::pair<std::string, ColumnMetrics>>;
  std::map<std::string, NamedMetrics> host_metrics;

  nlohmann::json ToJson() const;
  // What a prediction needs: bins by column name and the own woe. The columns' indexes are those
  // of `schema`. Errors: kInvalidArgument naming the member or the column that is missing.
  static absl::StatusOr<BinningModel> FromJson(const nlohmann::json& model,
                                               const dataframe::Schema& schema);
};

}  // namespace fate::algo
