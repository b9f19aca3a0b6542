#include "yaml/yaml.h"

#include <yaml-cpp/yaml.h>

#include "base/status.h"
#include "base/text.h"

namespace fate::yaml {
namespace {

using nlohmann::json;

constexpr int kMaxDepth = 64;
constexpr int kMaxValues = 1'000'000;

bool OneOf(const std::string& text, std::initializer_list<const char*> choices) {
  return std::find(choices.begin(), choices.end(), text) != choices.end();
}

json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!" || node.Tag() == "tag:yaml.org,2002:str") return text;  // quoted
  if (OneOf(text, {"", "~", "null", "Null", "NULL"})) return nullptr;
  if (OneOf(text, {"true", "True", "TRUE"})) return true;
  if (OneOf(text, {"false", "False", "FALSE"})) return false;
  if (auto integer = ParseInt<int64_t>(text)) return *integer;
  if (OneOf(text, {".nan", ".NaN", ".NAN"})) return std::numeric_limits<double>::quiet_NaN();
  bool numeric = text.find_first_not_of("0123456789+-.eE") == text.npos;
  if (auto number = ParseDouble(text); numeric && number) return *number;
  return text;
}

absl::Status TooLarge() {
  return ResourceExhaustedError("the document is deeper than {} levels or larger than {} values",
                                kMaxDepth, kMaxValues);
}

// JSON, or a discarded value when it is none. What is too deep is dropped while it is read.
json ParseJson(const std::string& text, bool& too_large) {
  int values = 0;
  auto keep = [&](int depth, json::parse_event_t, json&) {
    too_large = too_large || depth > kMaxDepth || ++values > 2 * kMaxValues;
    return !too_large;
  };
  return json::parse(text, keep, /*allow_exceptions=*/false);
}

class Converter {
 public:
  absl::StatusOr<json> Convert(const YAML::Node& node, int depth = 0) {
    if (depth > kMaxDepth || ++values_ > kMaxValues) return TooLarge();
    switch (node.Type()) {
      case YAML::NodeType::Scalar:
        return Scalar(node);
      case YAML::NodeType::Sequence:
        return List(node, depth);
      case YAML::NodeType::Map:
        return Object(node, depth);
      default:
        return json();
    }
  }

 private:
  absl::StatusOr<json> List(const YAML::Node& node, int depth) {
    json list = json::array();
    for (const auto& item : node) {
      ASSIGN_OR_RETURN(json value, Convert(item, depth + 1));
      list.push_back(std::move(value));
    }
    return list;
  }
  absl::StatusOr<json> Object(const YAML::Node& node, int depth) {
    json object = json::object();
    for (const auto& entry : node) {
      if (!entry.first.IsScalar()) {
        return InvalidArgumentError("YAML line {}: a key is no text", entry.first.Mark().line + 1);
      }
      ASSIGN_OR_RETURN(json value, Convert(entry.second, depth + 1));
      object[entry.first.Scalar()] = std::move(value);
    }
    return object;
  }
  int values_ = 0;
};

}  // namespace

absl::StatusOr<json> Parse(const std::string& text) {
  bool too_large = false;
  json value = ParseJson(text, too_large);
  if (too_large) return TooLarge();
  if (!value.is_discarded()) return value;
  try {
    return Converter().Convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return InvalidArgumentError("not YAML: {}", error.what());
  }
}

std::string Write(const json& value) {
  return value.dump(2, ' ', false, json::error_handler_t::replace) + "\n";
}

}  // namespace fate::yaml
