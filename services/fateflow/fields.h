#pragma once

// Checks and converts the arguments of one request (spec/fate-flow.md 3): fields are looked at
// in the order of their declaration and only the first wrong one is reported.

#include <string>
#include <string_view>
#include <vector>

#include "fateflow/answer.h"
#include "http/server.h"

namespace fate::flow {

enum class FieldType { kString, kInteger, kFloat, kBoolean, kObject, kList, kStrings, kAny };
enum class Source { kJson, kQuery, kForm };

struct Field {
  std::string_view name;
  FieldType type = FieldType::kString;
  bool required = false;
};
using Fields = std::vector<Field>;

constexpr Field Required(std::string_view name, FieldType type = FieldType::kString) {
  return {name, type, true};
}
constexpr Field Optional(std::string_view name, FieldType type = FieldType::kString) {
  return {name, type, false};
}

// The given fields of `input` (a JSON object), converted. Strings reject numbers; integers and
// booleans accept their text forms; null counts as absent for an optional field.
// Error: code 5001 with data {"json": {"job_id": ["Missing data for required field."]}}.
absl::StatusOr<Json> CheckFields(const Fields& fields, const Json& input, Source source);

// Query arguments as an object: kStrings fields collect repeated keys.
Json QueryObject(const Fields& fields, const http::Request& request);

// Members of validated arguments.
std::string Text(const Json& args, std::string_view name, std::string_view fallback = "");
int64_t Integer(const Json& args, std::string_view name, int64_t fallback = 0);
bool Boolean(const Json& args, std::string_view name, bool fallback = false);
// Null when absent. The result refers into `object`.
const Json& Member(const Json& object, std::string_view name);
const Json& Member(Json&& object, std::string_view name) = delete;

}  // namespace fate::flow
