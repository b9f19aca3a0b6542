#include "fate/demo_report.h"

#include <algorithm>

#include "base/status.h"

namespace fate::cli {
namespace {

// {"iv": {column: number}, "is_monotonic": {column: bool}} of one party.
void AppendFeatures(const std::string& owner, const Json& summary, std::vector<FeatureIv>& out) {
  if (!summary.is_object() || !summary.contains("iv")) return;
  for (const auto& [column, iv] : summary["iv"].items()) {
    if (!iv.is_number()) continue;
    bool monotonic = summary.contains("is_monotonic") &&
                     summary["is_monotonic"].value(column, Json(false)) == Json(true);
    out.push_back({owner, column, iv.get<double>(), monotonic});
  }
}

}  // namespace

absl::StatusOr<std::vector<FeatureIv>> ReadFeatures(const Json& models) {
  std::vector<FeatureIv> features;
  for (const auto& [key, model] : models.items()) {
    if (!model.is_object() || !model.contains("data")) continue;
    const Json& data = model["data"];
    AppendFeatures("guest", data.value("metrics_summary", Json()), features);
    Json hosts = data.value("host_metrics_summary", Json());
    if (!hosts.is_object()) continue;
    if (hosts.contains("iv")) {
      AppendFeatures("host", hosts, features);
    } else {
      for (const auto& [host, summary] : hosts.items()) AppendFeatures(host, summary, features);
    }
  }
  if (features.empty()) {
    return InternalError("the binning model holds no information values");
  }
  return features;
}

std::vector<std::vector<std::string>> FeatureTable(std::vector<FeatureIv> features) {
  std::stable_sort(features.begin(), features.end(),
                   [](const FeatureIv& a, const FeatureIv& b) { return a.iv > b.iv; });
  std::vector<std::vector<std::string>> rows = {{"owner", "feature", "iv", "monotonic woe"}};
  for (const FeatureIv& feature : features) {
    rows.push_back({feature.owner, feature.feature, fmt::format("{:.6f}", feature.iv),
                    feature.monotonic ? "yes" : "no"});
  }
  return rows;
}

std::string PsiLine(const Json& metrics) {
  for (const Json& record : metrics) {
    if (record.value("name", "") != "summary") continue;
    const Json& data = record["data"];
    return fmt::format("psi: {} of {} ids of the guest are common to both parties",
                       data.value("intersect_count", 0), data.value("input_count", 0));
  }
  return "psi: no summary recorded";
}

}  // namespace fate::cli
