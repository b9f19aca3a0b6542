#include "fateflow/task_outputs.h"

#include <filesystem>

#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/layout.h"
#include "fateflow/storage_client.h"
#include "yaml/yaml.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

Json AsList(const Json& items) {
  if (items.is_null()) return Json::array();
  return items.is_array() ? items : Json::array({items});
}

std::string PathOfFileUri(const std::string& uri) {
  return uri.starts_with("file://") ? uri.substr(7) : "";
}

// What 15.6 keeps of one model file.
Json ModelMeta(const Json& item, const std::string& model_key, const Json& index) {
  Json metadata = Member(item, "metadata");
  Json meta = {{"model_key", model_key}, {"type_name", Text(item, "type_name")}, {"index", index}};
  for (const char* name :
       {"metadata", "name", "namespace", "model_overview", "data_overview", "source"}) {
    meta[name] = Member(metadata, name);
  }
  return meta;
}

}  // namespace

absl::Status TaskOutputs::PublishData(const Json& task, const std::string& key, const Json& item,
                                      int64_t index) {
  Json metadata = Member(item, "metadata");
  DataOutput output{.output_key = key,
                    .index = index,
                    .uri = Text(item, "uri"),
                    .name_space = Text(metadata, "namespace"),
                    .name = Text(metadata, "name"),
                    .data_type = Text(item, "type_name")};
  if (output.data_type == "data_unresolved") {
    output.uri = "";
    ASSIGN_OR_RETURN(Json table, data_.FindTable(output.name_space, output.name));
    if (table.is_null()) {
      return FlowError(kTableNotFound, {{"name", output.name}, {"namespace", output.name_space}});
    }
    return data_.Publish(task, output);
  }
  if (output.name_space.empty() || output.name.empty()) {
    ASSIGN_OR_RETURN(DataUri uri, DataUri::Parse(output.uri));
    output.name_space = uri.name_space;
    output.name = uri.name;
  }
  auto object = [](const Json& json) { return json.is_object() ? json : Json::object(); };
  output.schema = object(Member(Member(metadata, "metadata"), "schema"));
  output.overview = object(Member(metadata, "data_overview"));
  output.source = object(Member(metadata, "source"));
  return data_.Publish(task, output);
}

absl::Status TaskOutputs::PublishModel(const Json& task, const std::string& key, const Json& items,
                                       const std::string& task_dir) {
  Json metas = Json::array();
  std::string directory, type_name;
  for (const Json& item : AsList(items)) {
    fs::path path = PathOfFileUri(Text(item, "uri"));
    if (path.empty()) return InvalidArgumentError("model output {} has no file URI", key);
    std::string model_key = path.filename().string();
    Json index = items.is_array() ? Json(metas.size()) : Json();
    metas.push_back(ModelMeta(item, model_key, index));
    directory = path.parent_path().string();
    type_name = Text(item, "type_name");
    RETURN_IF_ERROR(WriteTextFile(path.string() + ".meta.yaml", yaml::Write(metas.back())));
  }
  if (metas.empty()) return absl::OkStatus();
  std::string tar = fmt::format("{}/output/{}.tar", task_dir, key);
  RETURN_IF_ERROR(PackFiles(FilesBelow(directory), tar, ArchiveFormat::kTar));
  ModelKey model = ModelsOfTask(task);
  model.output_key = key;
  absl::Status saved = models_.Save(model, Text(task, "job_id"), type_name, metas, tar);
  fs::remove(tar);
  return saved;
}

absl::Status TaskOutputs::PublishMetric(const Json& task, const Json& item) {
  std::string path = PathOfFileUri(Text(item, "uri"));
  if (path.empty()) return absl::OkStatus();  // the component posted it itself
  ASSIGN_OR_RETURN(std::string text, ReadTextFile(path));
  Json metrics = Json::parse(text, nullptr, false);
  if (!metrics.is_array()) return InvalidArgumentError("metric file {} holds no list", path);
  return metrics_.Save(task, metrics);
}

absl::Status TaskOutputs::DestroyConsumed(const Json& task_config) {
  for (const auto& [key, artifacts] : Member(task_config, "input_artifacts").items()) {
    for (const Json& artifact : AsList(artifacts)) {
      if (Text(artifact, "type_name") != "table") continue;
      Json metadata = artifact["metadata"];
      ASSIGN_OR_RETURN(StoreName name,
                       StoreName::Parse(Text(metadata, "namespace"), Text(metadata, "name")));
      RETURN_IF_ERROR(Annotate(storage_.Destroy(name), "cannot destroy the table of input " + key));
      RETURN_IF_ERROR(data_.ForgetTable(name.name_space(), name.name()));
    }
  }
  return absl::OkStatus();
}

absl::Status TaskOutputs::Publish(const Json& task, const Json& task_config, const Json& result,
                                  const std::string& task_dir) {
  Json outputs = Member(Member(result, "io_meta"), "outputs");
  for (const auto& [key, items] : Member(outputs, "data").items()) {
    int64_t index = 0;
    for (const Json& item : AsList(items)) {
      if (Boolean(item, "consumed", true)) RETURN_IF_ERROR(PublishData(task, key, item, index));
      ++index;
    }
  }
  for (const auto& [key, items] : Member(outputs, "model").items()) {
    RETURN_IF_ERROR(PublishModel(task, key, items, task_dir));
  }
  for (const auto& [key, items] : Member(outputs, "metric").items()) {
    for (const Json& item : AsList(items)) RETURN_IF_ERROR(PublishMetric(task, item));
  }
  return DestroyConsumed(task_config);
}

}  // namespace fate::flow
