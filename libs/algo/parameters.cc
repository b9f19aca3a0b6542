#include "algo/parameters.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::algo {

bool Parameters::Has(const std::string& key) const {
  return object_.is_object() && object_.contains(key) && !object_[key].is_null();
}

absl::Status Parameters::Error(const std::string& key, const std::string& must_be) const {
  std::string is = object_[key].dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  if (is.size() > 80) is = is.substr(0, 77) + "...";
  return InvalidArgumentError("parameter '{}' of {} must be {}; it is {}", key, component_, must_be,
                              is);
}

absl::Status Parameters::Missing(const std::string& key, const std::string& must_be) const {
  return InvalidArgumentError("parameter '{}' of {} is missing; it must be {}", key, component_,
                              must_be);
}

absl::StatusOr<int64_t> Parameters::Int(const std::string& key, std::optional<int64_t> fallback,
                                        int64_t low, int64_t high) const {
  std::string must_be = fmt::format("an integer from {} to {}", low, high);
  if (!Has(key)) {
    if (!fallback) return Missing(key, must_be);
    return *fallback;
  }
  const auto& value = object_[key];
  bool fits = value.is_number_integer() &&
              !(value.is_number_unsigned() && value.get<uint64_t>() > uint64_t(INT64_MAX));
  if (!fits || value.get<int64_t>() < low || value.get<int64_t>() > high) {
    return Error(key, must_be);
  }
  return value.get<int64_t>();
}

absl::StatusOr<double> Parameters::Number(const std::string& key,
                                          std::optional<double> fallback) const {
  if (!Has(key)) {
    if (!fallback) return Missing(key, "a number");
    return *fallback;
  }
  if (!object_[key].is_number()) return Error(key, "a number");
  return object_[key].get<double>();
}

absl::StatusOr<bool> Parameters::Bool(const std::string& key, bool fallback) const {
  if (!Has(key)) return fallback;
  if (!object_[key].is_boolean()) return Error(key, "true or false");
  return object_[key].get<bool>();
}

absl::StatusOr<std::string> Parameters::Text(const std::string& key,
                                             std::optional<std::string> fallback) const {
  if (!Has(key)) {
    if (!fallback) return Missing(key, "a text");
    return *fallback;
  }
  if (!object_[key].is_string()) return Error(key, "a text");
  return object_[key].get<std::string>();
}

absl::StatusOr<std::string> Parameters::Choice(const std::string& key, const std::string& fallback,
                                               const std::vector<std::string>& choices) const {
  ASSIGN_OR_RETURN(std::string text, Text(key, fallback));
  text = ToLower(text);
  if (std::find(choices.begin(), choices.end(), text) != choices.end()) return text;
  return Error(key, "one of " + Join(choices, ", "));
}

}  // namespace fate::algo
