#include "fateflow/task_inputs.h"

#include <filesystem>
#include <functional>

#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/layout.h"

namespace fate::flow {
namespace {

using ResolveChannel = std::function<absl::StatusOr<Json>(const Json& channel)>;

// The define entry of an input; {} when the component does not know the key.
Json Declared(const Json& define, const char* kind, const std::string& key) {
  for (const Json& artifact : Member(Member(define, "inputs"), kind)) {
    if (Text(artifact, "name") == key) return artifact;
  }
  return Json::object();
}

Json AsList(const Json& channels) {
  return channels.is_array() ? channels : Json::array({channels});
}

absl::Status ResolveKind(const Json& channels_by_key, const Json& define, const char* kind,
                         const ResolveChannel& resolve, Json& artifacts) {
  if (!channels_by_key.is_object()) return absl::OkStatus();
  for (const auto& [key, channels] : channels_by_key.items()) {
    Json declared = Declared(define, kind, key), found = Json::array();
    for (const Json& channel : AsList(channels)) {
      auto list = resolve(channel);
      if (!list.ok() && absl::IsNotFound(list.status()) && Boolean(declared, "optional")) continue;
      if (!list.ok()) {
        return Annotate(list.status(), fmt::format("Get {} artifacts failed: input {}", kind, key));
      }
      found.insert(found.end(), list->begin(), list->end());
    }
    bool single = found.size() == 1 && !Boolean(declared, "is_multi") && !channels.is_array();
    if (!found.empty()) artifacts[key] = single ? found[0] : found;
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Json> TaskInputs::TableArtifact(const std::string& name_space,
                                               const std::string& name) {
  ASSIGN_OR_RETURN(Json table, data_.FindTable(name_space, name));
  if (table.is_null()) {
    return NotFoundError("no table {} in namespace {}; upload it first", name, name_space);
  }
  Json info = TableInfo(table);
  return Json{{"uri", info["path"]},
              {"type_name", info["data_type"]},
              {"metadata",
               {{"metadata",
                 {{"options", {{"partitions", table["partitions"]}}}, {"schema", info["meta"]}}},
                {"name", name},
                {"namespace", name_space},
                {"source", info["source"].empty() ? Json() : info["source"]},
                {"model_overview", nullptr},
                {"data_overview", nullptr}}}};
}

absl::StatusOr<Json> TaskInputs::DataArtifacts(const Json& pre, const Json& channel) {
  Json artifacts = Json::array();
  if (!Text(channel, "namespace").empty() && !Text(channel, "name").empty()) {
    ASSIGN_OR_RETURN(Json artifact,
                     TableArtifact(Text(channel, "namespace"), Text(channel, "name")));
    artifacts.push_back(std::move(artifact));
    return artifacts;
  }
  std::string job_id = Text(channel, "job_id", Text(pre, "job_id"));
  std::string producer = Text(channel, "producer_task"), key = Text(channel, "output_artifact_key");
  ASSIGN_OR_RETURN(Json task,
                   jobs_.NewestTask({job_id, Text(pre, "role"), Text(pre, "party_id")}, producer));
  if (task.is_null()) return NotFoundError("job {} has no task {} here", job_id, producer);
  ASSIGN_OR_RETURN(std::vector<Json> outputs, data_.OutputsOf(task, key));
  for (const Json& output : outputs) {
    ASSIGN_OR_RETURN(Json artifact, TableArtifact(Text(output, "namespace"), Text(output, "name")));
    artifacts.push_back(std::move(artifact));
  }
  if (!artifacts.empty()) return artifacts;
  return NotFoundError("task {} left no data under output key {}", producer, key);
}

absl::StatusOr<Json> TaskInputs::ModelArtifacts(const Json& pre, const Json& channel,
                                                const std::string& task_dir) {
  ModelKey key{Text(channel, "model_id", Text(pre, "model_id")),
               Text(channel, "model_version", Text(pre, "model_version")),
               Text(pre, "role"),
               Text(pre, "party_id"),
               Text(channel, "producer_task"),
               Text(channel, "output_artifact_key")};
  ASSIGN_OR_RETURN(std::vector<Json> rows, models_.Find(key));
  if (rows.empty()) {
    return NotFoundError("model {} version {} has no output {} of task {}", key.model_id,
                         key.model_version, key.output_key, key.task_name);
  }
  ASSIGN_OR_RETURN(std::string tar, models_.TarOf(key));
  std::string directory =
      fmt::format("{}/input/model/{}_{}", task_dir, key.task_name, key.output_key);
  RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(Unpack(tar, directory));
  Json artifacts = Json::array();
  for (const Json& meta : rows[0]["meta_data"]) {
    artifacts.push_back({{"uri", fmt::format("file://{}/{}", directory, Text(meta, "model_key"))},
                         {"type_name", rows[0]["type_name"]},
                         {"metadata", meta}});
  }
  return artifacts;
}

absl::StatusOr<Json> TaskInputs::Resolve(const Json& pre, const Json& define,
                                         const std::string& task_dir) {
  Json artifacts = Json::object();
  Json inputs = Member(pre, "input_artifacts");
  RETURN_IF_ERROR(ResolveKind(
      Member(inputs, "data"), define, "data",
      [&](const Json& channel) { return DataArtifacts(pre, channel); }, artifacts));
  RETURN_IF_ERROR(ResolveKind(
      Member(inputs, "model"), define, "model",
      [&](const Json& channel) { return ModelArtifacts(pre, channel, task_dir); }, artifacts));
  return artifacts;
}

}  // namespace fate::flow
