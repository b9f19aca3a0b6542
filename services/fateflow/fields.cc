#include "fateflow/fields.h"

#include <optional>

#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

std::string_view NameOf(Source source) {
  switch (source) {
    case Source::kJson:
      return "json";
    case Source::kQuery:
      return "querystring";
    case Source::kForm:
      return "form";
  }
  return "";
}

std::string_view TextOfWrongType(FieldType type) {
  switch (type) {
    case FieldType::kInteger:
      return "Not a valid integer.";
    case FieldType::kFloat:
      return "Not a valid number.";
    case FieldType::kBoolean:
      return "Not a valid boolean.";
    case FieldType::kObject:
      return "Not a valid mapping type.";
    case FieldType::kList:
      return "Not a valid list.";
    default:
      return "Not a valid string.";
  }
}

std::optional<Json> ToInteger(const Json& value) {
  if (value.is_number_integer()) return value;
  if (value.is_number_float()) return static_cast<int64_t>(value.get<double>());
  if (!value.is_string()) return std::nullopt;
  auto number = ParseInt<int64_t>(Trim(value.get_ref<const std::string&>()));
  return number ? std::optional<Json>(*number) : std::nullopt;
}

std::optional<Json> ToFloat(const Json& value) {
  if (value.is_number()) return value;
  if (!value.is_string()) return std::nullopt;
  auto number = ParseDouble(Trim(value.get_ref<const std::string&>()));
  return number ? std::optional<Json>(*number) : std::nullopt;
}

std::optional<Json> ToBoolean(const Json& value) {
  if (value.is_boolean()) return value;
  std::string text = value.is_number_integer() ? std::to_string(value.get<int64_t>())
                     : value.is_string()       ? ToLower(value.get_ref<const std::string&>())
                                               : "";
  for (std::string_view yes : {"true", "t", "1", "on", "yes", "y"}) {
    if (text == yes) return true;
  }
  for (std::string_view no : {"false", "f", "0", "off", "no", "n"}) {
    if (text == no) return false;
  }
  return std::nullopt;
}

std::optional<Json> If(bool condition, const Json& value) {
  return condition ? std::optional<Json>(value) : std::nullopt;
}

// Objects and lists of a form or query string arrive as JSON text.
std::optional<Json> ToStructure(const Json& value, bool (Json::*is)() const noexcept) {
  if ((value.*is)()) return value;
  if (!value.is_string()) return std::nullopt;
  Json parsed = Json::parse(value.get_ref<const std::string&>(), nullptr, false);
  return If(!parsed.is_discarded() && (parsed.*is)(), parsed);
}

std::optional<Json> Convert(const Json& value, FieldType type, Source source) {
  switch (type) {
    case FieldType::kString:
      return If(value.is_string(), value);
    case FieldType::kInteger:
      return ToInteger(value);
    case FieldType::kFloat:
      return ToFloat(value);
    case FieldType::kBoolean:
      return ToBoolean(value);
    case FieldType::kObject:
      return source == Source::kJson ? If(value.is_object(), value)
                                     : ToStructure(value, &Json::is_object);
    case FieldType::kList:
      return source == Source::kJson ? If(value.is_array(), value)
                                     : ToStructure(value, &Json::is_array);
    case FieldType::kStrings:
      return value.is_array() ? value : value.is_string() ? Json::array({value}) : Json::array();
    case FieldType::kAny:
      return value;
  }
  return std::nullopt;
}

absl::Status Invalid(Source source, std::string_view field, std::string_view text) {
  Json data = {{NameOf(source), {{field, Json::array({text})}}}};
  return FlowErrorText(kInvalidParameter, "Invalid request.", data);
}

}  // namespace

absl::StatusOr<Json> CheckFields(const Fields& fields, const Json& input, Source source) {
  if (!input.is_object()) return Invalid(source, "_schema", "Invalid input type.");
  Json args = Json::object();
  for (const Field& field : fields) {
    auto found = input.find(field.name);
    if (found == input.end()) {
      if (!field.required) continue;
      return Invalid(source, field.name, "Missing data for required field.");
    }
    if (found->is_null()) {
      if (!field.required) continue;
      return Invalid(source, field.name, "Field may not be null.");
    }
    auto value = Convert(*found, field.type, source);
    if (!value) return Invalid(source, field.name, TextOfWrongType(field.type));
    args[std::string(field.name)] = *std::move(value);
  }
  return args;
}

Json QueryObject(const Fields& fields, const http::Request& request) {
  Json object = Json::object();
  for (const auto& [name, value] : request.query) {
    bool list = false;
    for (const Field& field : fields) {
      list = list || (field.name == name && field.type == FieldType::kStrings);
    }
    if (list) {
      object[name].push_back(value);
    } else if (!object.contains(name)) {
      object[name] = value;
    }
  }
  return object;
}

std::string Text(const Json& args, std::string_view name, std::string_view fallback) {
  const Json& value = Member(args, name);
  return value.is_string() ? value.get<std::string>() : std::string(fallback);
}

int64_t Integer(const Json& args, std::string_view name, int64_t fallback) {
  const Json& value = Member(args, name);
  return value.is_number() ? value.get<int64_t>() : fallback;
}

bool Boolean(const Json& args, std::string_view name, bool fallback) {
  const Json& value = Member(args, name);
  return value.is_boolean() ? value.get<bool>() : fallback;
}

const Json& Member(const Json& object, std::string_view name) {
  static const Json null;
  if (!object.is_object()) return null;
  auto found = object.find(name);
  return found == object.end() ? null : *found;
}

}  // namespace fate::flow
