#pragma once

// Whole small files.

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fate::component {

// Error: kNotFound naming path and reason; kResourceExhausted beyond kMaxHttpBodyBytes.
absl::StatusOr<std::string> ReadFile(const std::string& path);
// Makes the folders; written beside and renamed, so that nobody sees half a file.
absl::Status WriteFile(const std::string& path, const std::string& content);

}  // namespace fate::component
