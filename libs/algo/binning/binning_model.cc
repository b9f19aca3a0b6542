#include "algo/binning/binning_model.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::algo {
namespace {

using nlohmann::json;

template <class Value>
json ByBin(const std::vector<Value>& values) {
  json result = json::object();
  for (size_t i = 0; i < values.size(); ++i) result[std::to_string(i)] = values[i];
  return result;
}

json Summary(const BinningModel::NamedMetrics& metrics) {
  json summary;
  for (const auto& [column, one] : metrics) {
    summary["event_count"][column] = ByBin(one.event_count);
    summary["non_event_count"][column] = ByBin(one.non_event_count);
    summary["event_rate"][column] = ByBin(one.event_rate);
    summary["non_event_rate"][column] = ByBin(one.non_event_rate);
    summary["woe"][column] = ByBin(one.woe);
    summary["iv_array"][column] = ByBin(one.iv_array);
    summary["is_monotonic"][column] = one.is_monotonic;
    summary["iv"][column] = one.iv;
  }
  return summary;  // null without metrics
}

json HostSummaries(const std::map<std::string, BinningModel::NamedMetrics>& hosts) {
  json result;
  for (const auto& [host, metrics] : hosts) result[host] = Summary(metrics);
  return result;
}

size_t DifferentValues(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return static_cast<size_t>(std::unique(values.begin(), values.end()) - values.begin());
}

// A member that must be an object.
absl::StatusOr<json> Member(const json& model, const std::string& part, const std::string& name) {
  if (model.is_object() && model.contains(part) && model[part].is_object() &&
      model[part].contains(name) && model[part][name].is_object()) {
    return model[part][name];
  }
  return InvalidArgumentError("the input model of hetero_feature_binning has no {}.{}", part, name);
}

// {"0": v0, "1": v1, ...} or [v0, v1, ...]
absl::StatusOr<std::vector<double>> Numbers(const json& values, const std::string& what) {
  std::vector<double> numbers;
  if (values.is_structured() && values.size() <= size_t{kMaxBins}) {
    for (size_t i = 0; i < values.size(); ++i) {
      const std::string key = std::to_string(i);
      if (values.is_object() && !values.contains(key)) break;
      const json& value = values.is_object() ? values[key] : values[i];
      if (value.is_number()) numbers.push_back(value.get<double>());
    }
    if (!numbers.empty() && numbers.size() == values.size()) return numbers;
  }
  return InvalidArgumentError("the input model of hetero_feature_binning: {} are no numbers", what);
}

absl::Status AddColumns(const json& members, bool is_category, const dataframe::Schema& schema,
                        BinningModel& model) {
  for (const auto& [name, values] : members.items()) {
    const int index = schema.ColumnIndex(name);
    if (index < 0) {
      return InvalidArgumentError("the data has no column '{}', on which the binning was trained",
                                  Escape(name));
    }
    ASSIGN_OR_RETURN(std::vector<double> boundaries, Numbers(values, "split points of " + name));
    if (!std::is_sorted(boundaries.begin(), boundaries.end())) {
      return InvalidArgumentError("split points of '{}' in the input model are not ascending",
                                  Escape(name));
    }
    const auto* field = schema.Columns()[static_cast<size_t>(index)];
    model.columns.push_back(
        {{name, field->anonymous_name, static_cast<uint32_t>(index), is_category},
         {std::move(boundaries), is_category}});
  }
  return absl::OkStatus();
}

}  // namespace

json BinningModel::ToJson() const {
  json data = {{"method", ToText(method)},          {"bin_col", json::array()},
               {"category_col", json::array()},     {"split_pt_dict", json::object()},
               {"bin_idx_dict", nullptr},           {"bin_count_dict", json::object()},
               {"category_values", json::object()}, {"adjustment_factor", adjustment_factor}};
  json anonymous = json::object();
  NamedMetrics own;
  for (size_t i = 0; i < columns.size(); ++i) {
    const auto& [column, bins] = columns[i];
    data[column.is_category ? "category_col" : "bin_col"].push_back(column.name);
    data[column.is_category ? "category_values" : "split_pt_dict"][column.name] =
        ByBin(bins.boundaries);
    data["bin_count_dict"][column.name] = DifferentValues(bins.boundaries);
    anonymous[column.name] = column.anonymous_name;
    if (!metrics.empty()) own.emplace_back(column.name, metrics[i]);
  }
  data["metrics_summary"] = Summary(own);
  data["train_metrics_summary"] = data["metrics_summary"];
  data["woe_dict"] = own.empty() ? json() : data["metrics_summary"]["woe"];
  data["host_metrics_summary"] = HostSummaries(host_metrics);
  data["train_host_metrics_summary"] = data["host_metrics_summary"];
  json meta = {{"method", ToText(method)},
               {"metrics", metrics.empty() ? json::array() : json::array({"iv"})},
               {"local_only", local_only},
               {"bin_col", data["bin_col"]},
               {"category_col", data["category_col"]},
               {"model_type", "binning"},
               {"n_bins", n_bins},
               {"compatibility", woe_definition == WoeDefinition::kFate22 ? "fate-2.2" : ""},
               {"column_anonymous_map", anonymous}};
  return {{"data", std::move(data)}, {"meta", std::move(meta)}};
}

absl::StatusOr<BinningModel> BinningModel::FromJson(const json& model,
                                                    const dataframe::Schema& schema) {
  BinningModel result;
  ASSIGN_OR_RETURN(const json split_points, Member(model, "data", "split_pt_dict"));
  RETURN_IF_ERROR(AddColumns(split_points, false, schema, result));
  if (const auto values = Member(model, "data", "category_values"); values.ok()) {
    RETURN_IF_ERROR(AddColumns(*values, true, schema, result));
  }
  const auto woes = Member(model, "data", "woe_dict");
  if (!woes.ok()) return result;
  for (const auto& [column, bins] : result.columns) {
    if (!woes->contains(column.name)) {
      return InvalidArgumentError("the input model of hetero_feature_binning has no woe of '{}'",
                                  column.name);
    }
    ASSIGN_OR_RETURN(std::vector<double> woe,
                     Numbers((*woes)[column.name], "woes of " + column.name));
    if (woe.size() != bins.size()) {
      return InvalidArgumentError("the input model has {} woes for the {} bins of '{}'", woe.size(),
                                  bins.size(), column.name);
    }
    result.metrics.push_back({.woe = std::move(woe)});
  }
  return result;
}

}  // namespace fate::algo
