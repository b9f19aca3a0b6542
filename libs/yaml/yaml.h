#pragma once

// YAML as configuration files use it, as JSON values.

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"

namespace fate::yaml {

// Plain scalars become null, booleans and numbers as in YAML's core schema; quoted ones stay text.
// Keys become texts. Aliases are expanded.
// Errors: kInvalidArgument with line and reason; kResourceExhausted for a document that is nested
// too deep or expands to more than a million values.
absl::StatusOr<nlohmann::json> Parse(const std::string& text);

// JSON with indent 2 and a final line end.
std::string Write(const nlohmann::json& json);

}  // namespace fate::yaml
