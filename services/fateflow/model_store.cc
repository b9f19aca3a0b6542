#include "fateflow/model_store.h"

#include <filesystem>
#include <map>

#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "fateflow/archive.h"
#include "fateflow/layout.h"
#include "yaml/yaml.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxModelFileBytes = size_t{512} << 20;
constexpr std::string_view kMetaSuffix = ".meta.yaml";
constexpr char kEngine[] = "file";

std::vector<std::string> Pieces(const ModelKey& key) {
  return {key.model_id, key.model_version, key.role, key.party_id, key.task_name, key.output_key};
}

std::string StorageKey(const ModelKey& key) { return Join(Pieces(key), "/"); }

}  // namespace

Columns ModelKey::Where() const {
  Columns where = {{"model_id", model_id},   {"model_version", model_version},
                   {"role", role},           {"party_id", party_id},
                   {"task_name", task_name}, {"output_key", output_key}};
  std::erase_if(where, [](const auto& column) { return column.second == sql::Value(""); });
  return where;
}

ModelKey KeyOfModel(const Json& row) {
  return {Text(row, "model_id"), Text(row, "model_version"), Text(row, "role"),
          Text(row, "party_id"), Text(row, "task_name"),     Text(row, "output_key")};
}

ModelKey ModelsOfTask(const Json& task) {
  const Json& pre = task["component_parameters"];
  return {.model_id = Text(pre, "model_id"),
          .model_version = Text(pre, "model_version"),
          .role = Text(task, "role"),
          .party_id = Text(task, "party_id"),
          .task_name = Text(task, "task_name")};
}

absl::StatusOr<std::string> ModelStore::PathOf(const ModelKey& key) const {
  std::string path = directory_;
  for (const std::string& piece : Pieces(key)) {
    if (auto name = SessionId::Parse(piece); !name.ok()) return name.status();
    path += "/" + piece;
  }
  return path;
}

absl::Status ModelStore::Save(const ModelKey& key, const std::string& job_id,
                              const std::string& type_name, const Json& metas,
                              const std::string& tar_path) {
  ASSIGN_OR_RETURN(std::string path, PathOf(key));
  RETURN_IF_ERROR(MakeDirectories(fs::path(path).parent_path().string()));
  std::error_code error;
  fs::copy_file(tar_path, path + ".new", fs::copy_options::overwrite_existing, error);
  if (!error) fs::rename(path + ".new", path, error);
  if (error) return ResourceExhaustedError("cannot store model {}: {}", path, error.message());
  return records_.Put("t_model_meta", {{"model_id", key.model_id},
                                       {"model_version", key.model_version},
                                       {"job_id", job_id},
                                       {"role", key.role},
                                       {"party_id", key.party_id},
                                       {"task_name", key.task_name},
                                       {"storage_key", StorageKey(key)},
                                       {"output_key", key.output_key},
                                       {"type_name", type_name},
                                       {"meta_data", JsonValue(metas)},
                                       {"storage_engine", kEngine}});
}

absl::StatusOr<std::vector<Json>> ModelStore::Find(const ModelKey& key) {
  return records_.Select("t_model_meta", key.Where(), "order by rowid");
}

absl::StatusOr<std::string> ModelStore::TarOf(const ModelKey& key) {
  ASSIGN_OR_RETURN(std::string path, PathOf(key));
  if (fs::is_regular_file(path)) return path;
  return NotFoundError("No found model");
}

absl::StatusOr<Json> ModelStore::Read(const Json& row) {
  ASSIGN_OR_RETURN(std::string path, TarOf(KeyOfModel(row)));
  std::map<std::string, std::string> files;
  RETURN_IF_ERROR(ReadMembers(path, kMaxModelFileBytes, [&](const auto& name, const auto& content) {
    files[fs::path(name).lexically_normal().string()] = content;
    return absl::OkStatus();
  }));
  Json list = Json::array();
  for (const Json& meta : row["meta_data"]) {
    Json model = Json::parse(files[Text(meta, "model_key")], nullptr, false);
    if (model.is_discarded()) continue;
    if (Member(meta, "index").is_null()) return model;
    size_t index = static_cast<size_t>(Integer(meta, "index"));
    if (index >= row["meta_data"].size()) continue;
    list[index] = std::move(model);
  }
  return list;
}

absl::StatusOr<int64_t> ModelStore::Delete(const ModelKey& key) {
  ASSIGN_OR_RETURN(std::vector<Json> rows, Find(key));
  for (const Json& row : rows) {
    if (auto path = TarOf(KeyOfModel(row)); path.ok()) fs::remove(*path);
  }
  if (rows.empty()) return 0;
  return records_.Delete("t_model_meta", key.Where());
}

absl::Status ModelStore::Export(const ModelKey& key, const std::string& zip_path) {
  ASSIGN_OR_RETURN(std::vector<Json> rows, Find(key));
  std::vector<ArchiveMember> members;
  for (const Json& row : rows) {
    ModelKey found = KeyOfModel(row);
    ASSIGN_OR_RETURN(std::string path, TarOf(found));
    members.push_back({StorageKey(found), path});
  }
  if (members.empty()) return FlowError(kNoModelOutput);
  RETURN_IF_ERROR(MakeDirectories(fs::path(zip_path).parent_path().string()));
  return PackFiles(members, zip_path, ArchiveFormat::kZip);
}

absl::Status ModelStore::Import(const std::string& zip_path, const std::string& model_id,
                                const std::string& model_version, const std::string& temp_dir) {
  RETURN_IF_ERROR(Unpack(zip_path, temp_dir));
  for (const ArchiveMember& member : FilesBelow(temp_dir)) {
    std::vector<std::string_view> pieces = Split(member.name, '/');
    if (pieces.size() != 6) {
      return InvalidArgumentError("{} is not <model>/<version>/<role>/<party>/<task>/<output>",
                                  Escape(member.name));
    }
    ModelKey key{model_id,
                 model_version,
                 std::string(pieces[2]),
                 std::string(pieces[3]),
                 std::string(pieces[4]),
                 std::string(pieces[5])};
    ASSIGN_OR_RETURN(Json metas, ReadModelMetas(member.path));
    std::string type_name =
        metas.empty() ? "json_model" : Text(metas[0], "type_name", "json_model");
    RETURN_IF_ERROR(Save(key, model_id, type_name, metas, member.path));
  }
  return absl::OkStatus();
}

absl::StatusOr<Json> ReadModelMetas(const std::string& tar_path) {
  Json metas = Json::array();
  RETURN_IF_ERROR(ReadMembers(tar_path, kMaxModelFileBytes,
                              [&](const auto& name, const auto& content) -> absl::Status {
                                if (!name.ends_with(kMetaSuffix)) return absl::OkStatus();
                                ASSIGN_OR_RETURN(Json meta, yaml::Parse(content));
                                metas.push_back(std::move(meta));
                                return absl::OkStatus();
                              }));
  return metas;
}

}  // namespace fate::flow
