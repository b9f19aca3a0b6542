#include "fate/yaml_json.h"

#include <yaml-cpp/yaml.h>

#include <fstream>
#include <iterator>

#include "base/status.h"
#include "base/text.h"

namespace fate::cli {
namespace {

Json Scalar(const YAML::Node& node) {
  const std::string& text = node.Scalar();
  if (node.Tag() == "!") return text;  // quoted
  if (text == "true" || text == "True") return true;
  if (text == "false" || text == "False") return false;
  if (text.empty() || text == "null" || text == "~") return nullptr;
  if (auto number = ParseInt<int64_t>(text)) return *number;
  if (text.find_first_not_of("0123456789+-.eE") == std::string::npos) {
    if (auto real = ParseDouble(text)) return *real;
  }
  return text;
}

Json Convert(const YAML::Node& node) {
  if (node.IsMap()) {
    Json object = Json::object();
    for (const auto& entry : node) object[entry.first.Scalar()] = Convert(entry.second);
    return object;
  }
  if (node.IsSequence()) {
    Json array = Json::array();
    for (const auto& entry : node) array.push_back(Convert(entry));
    return array;
  }
  return node.IsScalar() ? Scalar(node) : Json(nullptr);
}

}  // namespace

absl::StatusOr<Json> YamlToJson(const std::string& text, const std::string& file_name) {
  try {
    return Convert(YAML::Load(text));
  } catch (const YAML::Exception& error) {
    return InvalidArgumentError("{}:{}: {}", file_name, error.mark.line + 1, error.msg);
  }
}

absl::StatusOr<Json> LoadYamlOrJson(const std::string& path) {
  std::ifstream file(path);
  if (!file) return InvalidArgumentError("cannot read '{}'", path);
  std::string text{std::istreambuf_iterator<char>(file), {}};
  ASSIGN_OR_RETURN(Json document, YamlToJson(text, path));
  if (!document.is_object()) return InvalidArgumentError("{}: a map was expected", path);
  return document;
}

}  // namespace fate::cli
