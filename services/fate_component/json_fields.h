#pragma once

// Reading members of objects that other programs wrote.

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "base/status.h"

namespace fate::component {

// The member, or null when `object` is no object or has none.
inline const nlohmann::json& Member(const nlohmann::json& object, const char* key) {
  static const nlohmann::json kNull;
  if (!object.is_object()) return kNull;
  auto it = object.find(key);
  return it == object.end() ? kNull : *it;
}

// A text, or an integer as text. Error: kInvalidArgument "<where>: '<key>' is missing".
inline absl::StatusOr<std::string> TextMember(const nlohmann::json& object, const char* key,
                                              std::string_view where) {
  const nlohmann::json& value = Member(object, key);
  if (value.is_string()) return value.get<std::string>();
  if (value.is_number_integer()) return value.dump();
  return InvalidArgumentError("{}: '{}' is {}", where, key,
                              value.is_null() ? "missing" : "not a text");
}

}  // namespace fate::component
