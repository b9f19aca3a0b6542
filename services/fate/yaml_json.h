#pragma once

// YAML files as JSON documents.

#include <string>

#include "absl/status/statusor.h"
#include "fate/flow_client.h"

namespace fate::cli {

// Errors: kInvalidArgument naming file, line and what is wrong.
absl::StatusOr<Json> LoadYamlOrJson(const std::string& path);
// Plain scalars become numbers, booleans or null as YAML 1.2 reads them; quoted ones stay text.
absl::StatusOr<Json> YamlToJson(const std::string& text, const std::string& file_name);

}  // namespace fate::cli
