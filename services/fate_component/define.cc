#include "fate_component/define.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::component {
namespace {

using nlohmann::json;

json UriTypes(const std::string& type) {
  if (type == "dataframe" || type == "table") return {"eggroll", "hdfs"};
  if (type.ends_with("_unresolved")) return {"unresolved"};
  if (type == "json_metric") return {"file", "http"};
  return {"file"};
}

std::string PathType(const std::string& type) {
  if (type == "dataframe" || type == "table") return "distributed";
  if (type.ends_with("_unresolved")) return "unresolved";
  return type.ends_with("_directory") ? "directory" : "file";
}

json ArtifactJson(const algo::Artifact& artifact) {
  return {{"name", artifact.name},
          {"is_multi", artifact.is_multi},
          {"optional", artifact.optional},
          {"types",
           {{{"type_name", artifact.type},
             {"uri_types", UriTypes(artifact.type)},
             {"path_type", PathType(artifact.type)}}}}};
}

json OfStage(const std::vector<algo::Artifact>& artifacts, const std::string& stage) {
  json list = json::array();
  for (const auto& artifact : artifacts) {
    const auto& stages = artifact.stages;
    bool wanted = stages.empty() || std::find(stages.begin(), stages.end(), stage) != stages.end();
    if (wanted) list.push_back(ArtifactJson(artifact));
  }
  return list;
}

}  // namespace

absl::StatusOr<const algo::Component*> FindComponent(const algo::ComponentRegistry& registry,
                                                     const std::string& name,
                                                     const std::string& role) {
  const algo::Component* component = registry.Find(name);
  if (component == nullptr) {
    return NotFoundError("component '{}' is unknown; known are {}", Escape(name),
                         Join(registry.Names(), ", "));
  }
  const auto& roles = component->roles;
  if (std::find(roles.begin(), roles.end(), role) == roles.end()) {
    return InvalidArgumentError("component {} has no role '{}'; it runs as {}", name, Escape(role),
                                Join(roles, ", "));
  }
  return component;
}

json Define(const algo::Component& component, const std::string& stage) {
  return {{"inputs",
           {{"data", OfStage(component.input_data, stage)},
            {"model", OfStage(component.input_model, stage)}}},
          {"outputs",
           {{"data", OfStage(component.output_data, stage)},
            {"model", OfStage(component.output_model, stage)},
            {"metric", OfStage({{"metric", "json_metric"}}, stage)}}}};
}

}  // namespace fate::component
