#include "algo/binning/binning_parameters.h"

#include <algorithm>
#include <cmath>

#include "algo/parameters.h"
#include "base/status.h"
#include "base/text.h"
#include "crypto/key_checks.h"

namespace fate::algo {
namespace {

using nlohmann::json;

constexpr char kComponent[] = "hetero_feature_binning";

absl::StatusOr<std::optional<std::vector<std::string>>> Names(const Parameters& parameters,
                                                              const json& object,
                                                              const std::string& key) {
  if (!parameters.Has(key)) return std::nullopt;
  std::vector<std::string> names;
  if (!object[key].is_array()) return parameters.Error(key, "a list of column names");
  for (const json& name : object[key]) {
    if (!name.is_string()) return parameters.Error(key, "a list of column names");
    names.push_back(name.get<std::string>());
  }
  return names;
}

absl::StatusOr<std::optional<std::vector<int64_t>>> Indexes(const Parameters& parameters,
                                                            const json& object,
                                                            const std::string& key) {
  if (!parameters.Has(key)) return std::nullopt;
  std::vector<int64_t> indexes;
  if (!object[key].is_array()) return parameters.Error(key, "a list of column indexes from 0");
  for (const json& index : object[key]) {
    if (!index.is_number_integer() || index.get<int64_t>() < 0) {
      return parameters.Error(key, "a list of column indexes from 0");
    }
    indexes.push_back(index.get<int64_t>());
  }
  return indexes;
}

absl::Status RefuseBoth(const Parameters& parameters, const std::string& a, const std::string& b) {
  if (!parameters.Has(a) || !parameters.Has(b)) return absl::OkStatus();
  return InvalidArgumentError("parameters '{}' and '{}' of {} cannot both be given; remove one", a,
                              b, kComponent);
}

// A list, or an object with the values in any order of its keys.
absl::StatusOr<std::vector<double>> SplitPoints(const std::string& column, const json& list) {
  std::vector<double> points;
  for (const json& point : list) {
    if (!point.is_number()) {
      return InvalidArgumentError("parameter 'split_pt_dict' of {}: a split point of '{}' is {}",
                                  kComponent, column, point.dump());
    }
    points.push_back(point.get<double>());
  }
  std::sort(points.begin(), points.end());
  points.erase(std::unique(points.begin(), points.end()), points.end());
  if (!list.is_structured() || points.size() < 2 || points.size() > size_t{kMaxBins}) {
    return InvalidArgumentError(
        "parameter 'split_pt_dict' of {}: column '{}' needs 2 to {} different split points, the "
        "last one the upper end",
        kComponent, column, kMaxBins);
  }
  return points;
}

absl::Status ParseSplitPoints(const Parameters& parameters, const json& object,
                              BinningParameters& result) {
  const bool manual = result.method == BinningMethod::kManual;
  if (!parameters.Has("split_pt_dict")) {
    if (!manual) return absl::OkStatus();
    return InvalidArgumentError("method 'manual' of {} needs parameter 'split_pt_dict'",
                                kComponent);
  }
  const json& dict = object["split_pt_dict"];
  if (!dict.is_object()) {
    return parameters.Error("split_pt_dict", "an object {column: [split points]}");
  }
  for (const auto& [column, list] : dict.items()) {
    ASSIGN_OR_RETURN(result.split_points[column], SplitPoints(column, list));
  }
  return absl::OkStatus();
}

absl::Status ParseCipher(const Parameters& parameters, const json& object,
                         BinningParameters& result) {
  if (!parameters.Has("he_param")) return absl::OkStatus();
  if (!object["he_param"].is_object()) {
    return parameters.Error("he_param", "an object {kind, key_length}");
  }
  const Parameters cipher(std::string(kComponent) + ".he_param", object["he_param"]);
  ASSIGN_OR_RETURN(const std::string kind, cipher.Text("kind", "paillier"));
  if (ToLower(kind) != "paillier") {
    return PermissionDeniedError("{} is not allowed in config: {} works with paillier", kind,
                                 kComponent);
  }
  ASSIGN_OR_RETURN(const int64_t bits,
                   cipher.Int("key_length", crypto::kDefaultKeyBits, 0, int64_t{1} << 20));
  result.key_bits = static_cast<int>(bits);
  return crypto::CheckKeyBits(result.key_bits);
}

absl::Status ParseChoices(const Parameters& parameters, BinningParameters& result) {
  ASSIGN_OR_RETURN(const std::string method,
                   parameters.Choice("method", "quantile", {"quantile", "bucket", "manual"}));
  result.method = method == "quantile" ? BinningMethod::kQuantile
                  : method == "bucket" ? BinningMethod::kBucket
                                       : BinningMethod::kManual;
  ASSIGN_OR_RETURN(const std::string transform,
                   parameters.Choice("transform_method", "", {"", "woe", "bin_idx"}));
  result.transform = transform == "woe"       ? TransformMethod::kWoe
                     : transform == "bin_idx" ? TransformMethod::kBinIndex
                                              : TransformMethod::kNone;
  ASSIGN_OR_RETURN(const std::string compatibility,
                   parameters.Choice("compatibility", "", {"", "fate-1.11.3", "fate-2.2"}));
  result.woe_definition =
      compatibility == "fate-2.2" ? WoeDefinition::kFate22 : WoeDefinition::kFate1;
  return absl::OkStatus();
}

absl::Status ParseNumbers(const Parameters& parameters, BinningParameters& result) {
  ASSIGN_OR_RETURN(const int64_t n_bins, parameters.Int("n_bins", 10, 2, kMaxBins));
  result.n_bins = static_cast<int>(n_bins);
  ASSIGN_OR_RETURN(result.relative_error, parameters.Number("relative_error", 1e-6));
  if (!(result.relative_error > 0 && result.relative_error <= 1)) {
    return parameters.Error("relative_error", "above 0 and at most 1");
  }
  ASSIGN_OR_RETURN(result.adjustment_factor, parameters.Number("adjustment_factor", 0.5));
  if (!(result.adjustment_factor > 0) || std::isinf(result.adjustment_factor)) {
    return parameters.Error("adjustment_factor", "a number above 0");
  }
  ASSIGN_OR_RETURN(result.use_anonymous, parameters.Bool("use_anonymous", false));
  ASSIGN_OR_RETURN(result.skip_metrics, parameters.Bool("skip_metrics", false));
  ASSIGN_OR_RETURN(result.local_only, parameters.Bool("local_only", false));
  return absl::OkStatus();
}

// ---- columns ----

class Resolver {
 public:
  Resolver(const dataframe::Schema& schema, bool use_anonymous)
      : columns_(schema.Columns()), use_anonymous_(use_anonymous) {}

  absl::StatusOr<uint32_t> ByName(const std::string& parameter, const std::string& name) const {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (name == (use_anonymous_ ? columns_[i]->anonymous_name : columns_[i]->name)) {
        return static_cast<uint32_t>(i);
      }
    }
    return InvalidArgumentError(
        "parameter '{}' of {} names {} '{}', which the data does not have; its columns are {}",
        parameter, kComponent, use_anonymous_ ? "anonymous column" : "column", Escape(name),
        Known());
  }

  absl::StatusOr<uint32_t> ByIndex(const std::string& parameter, int64_t index) const {
    if (index < static_cast<int64_t>(columns_.size())) return static_cast<uint32_t>(index);
    return InvalidArgumentError("parameter '{}' of {} names column {}, the data has {} columns",
                                parameter, kComponent, index, columns_.size());
  }

  BinnedColumn Column(uint32_t index, bool is_category) const {
    return {columns_[index]->name, columns_[index]->anonymous_name, index, is_category};
  }
  size_t size() const { return columns_.size(); }

 private:
  std::string Known() const {
    std::vector<std::string> names;
    for (size_t i = 0; i < std::min<size_t>(columns_.size(), 20); ++i) {
      names.push_back(use_anonymous_ ? columns_[i]->anonymous_name : columns_[i]->name);
    }
    if (columns_.size() > names.size()) names.push_back("...");
    return Join(names, ", ");
  }

  std::vector<const dataframe::Field*> columns_;
  bool use_anonymous_;
};

// nullopt when neither list is given.
absl::StatusOr<std::optional<std::vector<uint32_t>>> Selected(
    const Resolver& resolver, const std::string& kind,
    const std::optional<std::vector<std::string>>& names,
    const std::optional<std::vector<int64_t>>& indexes) {
  if (!names && !indexes) return std::nullopt;
  std::vector<uint32_t> selected;
  for (const std::string& name : names.value_or(std::vector<std::string>{})) {
    ASSIGN_OR_RETURN(const uint32_t index, resolver.ByName(kind + "_col", name));
    selected.push_back(index);
  }
  for (const int64_t number : indexes.value_or(std::vector<int64_t>{})) {
    ASSIGN_OR_RETURN(const uint32_t index, resolver.ByIndex(kind + "_idx", number));
    selected.push_back(index);
  }
  std::vector<uint32_t> sorted = selected;
  std::sort(sorted.begin(), sorted.end());
  if (const auto it = std::adjacent_find(sorted.begin(), sorted.end()); it != sorted.end()) {
    return InvalidArgumentError("{}_col or {}_idx of {} names column '{}' twice", kind, kind,
                                kComponent, resolver.Column(*it, false).name);
  }
  return selected;
}

}  // namespace

absl::StatusOr<BinningParameters> BinningParameters::Parse(const json& object) {
  const Parameters parameters(kComponent, object);
  BinningParameters result;
  RETURN_IF_ERROR(ParseChoices(parameters, result));
  RETURN_IF_ERROR(ParseNumbers(parameters, result));
  RETURN_IF_ERROR(ParseSplitPoints(parameters, object, result));
  RETURN_IF_ERROR(ParseCipher(parameters, object, result));
  RETURN_IF_ERROR(RefuseBoth(parameters, "bin_col", "bin_idx"));
  RETURN_IF_ERROR(RefuseBoth(parameters, "category_col", "category_idx"));
  ASSIGN_OR_RETURN(result.bin_columns, Names(parameters, object, "bin_col"));
  ASSIGN_OR_RETURN(result.category_columns, Names(parameters, object, "category_col"));
  ASSIGN_OR_RETURN(result.bin_indexes, Indexes(parameters, object, "bin_idx"));
  ASSIGN_OR_RETURN(result.category_indexes, Indexes(parameters, object, "category_idx"));
  return result;
}

absl::StatusOr<std::vector<BinnedColumn>> BinningParameters::Resolve(
    const dataframe::Schema& schema) const {
  const Resolver resolver(schema, use_anonymous);
  ASSIGN_OR_RETURN(const auto categories,
                   Selected(resolver, "category", category_columns, category_indexes));
  ASSIGN_OR_RETURN(auto selected, Selected(resolver, "bin", bin_columns, bin_indexes));
  if (!selected) {
    selected.emplace();
    for (uint32_t i = 0; i < resolver.size(); ++i) selected->push_back(i);
  }
  std::vector<BinnedColumn> columns;
  const auto is_category = [&](uint32_t index) {
    return categories && std::count(categories->begin(), categories->end(), index) > 0;
  };
  for (const uint32_t index : *selected) {
    if (!is_category(index)) columns.push_back(resolver.Column(index, false));
  }
  if (categories) {
    for (const uint32_t index : *categories) columns.push_back(resolver.Column(index, true));
  }
  if (columns.empty()) {
    return InvalidArgumentError("{} has no column to bin; name some in 'bin_col'", kComponent);
  }
  return columns;
}

std::string ToText(BinningMethod method) {
  switch (method) {
    case BinningMethod::kQuantile:
      return "quantile";
    case BinningMethod::kBucket:
      return "bucket";
    case BinningMethod::kManual:
      return "manual";
  }
  return "";
}

}  // namespace fate::algo
