#include "fate/yaml_json.h"

#include <fstream>
#include <iterator>

#include "base/status.h"
#include "yaml/yaml.h"

namespace fate::cli {

absl::StatusOr<Json> YamlToJson(const std::string& text, const std::string& file_name) {
  auto document = yaml::Parse(text);
  if (!document.ok()) {
    return InvalidArgumentError("{}: {}", file_name, Message(document.status()));
  }
  return Json(*document);
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
