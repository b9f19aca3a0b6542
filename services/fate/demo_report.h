#pragma once

// The results of the demo job as a small table.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "fate/flow_client.h"

namespace fate::cli {

struct FeatureIv {
  std::string owner;    // "guest" or the host's anonymous prefix, "host_10000"
  std::string feature;  // "x0" or "host_10000_x3"
  double iv = 0;        // information value
  bool monotonic = false;
};

// From the guest's binning model (the data of /output/model/query), own and hosts' columns.
absl::StatusOr<std::vector<FeatureIv>> ReadFeatures(const Json& models);

// Heading and rows, highest information value first.
std::vector<std::vector<std::string>> FeatureTable(std::vector<FeatureIv> features);

// "psi: 569 of 569 ids are common" from the metric records of the psi task.
std::string PsiLine(const Json& metrics);

}  // namespace fate::cli
