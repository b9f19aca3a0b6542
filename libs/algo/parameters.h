#pragma once

// Typed reading of a component's parameters. Errors name component, parameter, what it must be
// and what it is.
//
//   Parameters parameters("psi", context.parameters());
//   ASSIGN_OR_RETURN(int64_t partition, parameters.Int("partition", 1, 1, kMaxPartitions));

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::algo {

class Parameters {
 public:
  // `object` must outlive this.
  Parameters(std::string component, const nlohmann::json& object)
      : component_(std::move(component)), object_(object) {}

  // Absent and null mean `fallback`; without one the parameter is required. Within [low, high].
  absl::StatusOr<int64_t> Int(const std::string& key, std::optional<int64_t> fallback, int64_t low,
                              int64_t high) const;
  absl::StatusOr<double> Number(const std::string& key, std::optional<double> fallback) const;
  absl::StatusOr<bool> Bool(const std::string& key, bool fallback) const;
  absl::StatusOr<std::string> Text(const std::string& key,
                                   std::optional<std::string> fallback) const;
  // One of `choices`, compared after lower-casing.
  absl::StatusOr<std::string> Choice(const std::string& key, const std::string& fallback,
                                     const std::vector<std::string>& choices) const;
  bool Has(const std::string& key) const;

  // "parameter 'partition' of psi must be ...; it is 3"
  absl::Status Error(const std::string& key, const std::string& must_be) const;

 private:
  absl::Status Missing(const std::string& key, const std::string& must_be) const;
  std::string component_;
  const nlohmann::json& object_;
};

}  // namespace fate::algo
