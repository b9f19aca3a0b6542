#include "fateflow/data_store.h"

#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

std::string PathOf(const Json& table) {
  std::string engine = table["engine"];
  if (engine == "eggroll") {
    return fmt::format("eggroll:///{}/{}", Text(table, "namespace"), Text(table, "name"));
  }
  return "file://" + Text(table["address"], "path");
}

Json AddressOf(const DataUri& uri, const DataOutput& output) {
  if (uri.engine != "eggroll") return {{"path", uri.path}};
  return {{"namespace", output.name_space}, {"name", output.name}};
}

Columns TableColumns(const DataOutput& output, const DataUri& uri) {
  auto count = output.overview.find("count");
  auto samples = output.overview.find("samples");
  bool has_count = count != output.overview.end() && count->is_number();
  bool has_samples = samples != output.overview.end() && !samples->is_null();
  return {{"name", output.name},
          {"namespace", output.name_space},
          {"address", JsonValue(AddressOf(uri, output))},
          {"engine", uri.engine},
          {"options", "{}"},
          {"partitions", output.partitions},
          {"data_meta", JsonValue(output.schema)},
          {"count", has_count ? sql::Value(count->get<int64_t>()) : sql::Value()},
          {"part_of_data", has_samples ? JsonValue(*samples) : sql::Value("[]")},
          {"source", JsonValue(output.source)},
          {"data_type", output.data_type}};
}

}  // namespace

absl::StatusOr<DataUri> DataUri::Parse(const std::string& uri) {
  size_t colon = uri.find("://");
  if (colon == std::string::npos) return InvalidArgumentError("'{}' is no URI", Escape(uri));
  DataUri parsed{.engine = uri.substr(0, colon), .path = uri.substr(colon + 3)};
  std::vector<std::string> pieces;
  for (std::string_view piece : Split(parsed.path, '/')) {
    if (!piece.empty()) pieces.emplace_back(piece);
  }
  if (parsed.engine != "eggroll") {
    if (pieces.size() >= 2) parsed.name_space = pieces[pieces.size() - 2];
    if (!pieces.empty()) parsed.name = pieces.back();
    return parsed;
  }
  if (pieces.size() < 2) {
    return InvalidArgumentError("URI '{}' names no table; expected eggroll:///namespace/name",
                                Escape(uri));
  }
  parsed.name_space = pieces[0];
  parsed.name = Join({pieces.begin() + 1, pieces.end()}, "_");
  return parsed;
}

absl::StatusOr<Json> DataStore::FindTable(const std::string& name_space, const std::string& name) {
  return records_.First("t_storage_table_meta", {{"namespace", name_space}, {"name", name}});
}

absl::Status DataStore::BindPath(const std::string& name_space, const std::string& name,
                                 const std::string& path) {
  return records_.Put("t_storage_table_meta", {{"name", name},
                                               {"namespace", name_space},
                                               {"address", JsonValue({{"path", path}})},
                                               {"engine", "path"},
                                               {"options", "{}"},
                                               {"data_meta", "{}"},
                                               {"part_of_data", "[]"},
                                               {"source", "{}"},
                                               {"data_type", "data_directory"}});
}

absl::Status DataStore::ForgetTable(const std::string& name_space, const std::string& name) {
  return records_.Delete("t_storage_table_meta", {{"namespace", name_space}, {"name", name}})
      .status();
}

absl::Status DataStore::Publish(const Json& task, const DataOutput& output) {
  if (!output.uri.empty()) {
    ASSIGN_OR_RETURN(DataUri uri, DataUri::Parse(output.uri));
    RETURN_IF_ERROR(records_.Put("t_storage_table_meta", TableColumns(output, uri)));
  }
  return records_.Put("t_tracking_data_output", {{"job_id", Text(task, "job_id")},
                                                 {"task_id", Text(task, "task_id")},
                                                 {"task_version", Integer(task, "task_version")},
                                                 {"task_name", Text(task, "task_name")},
                                                 {"role", Text(task, "role")},
                                                 {"party_id", Text(task, "party_id")},
                                                 {"output_key", output.output_key},
                                                 {"index", output.index},
                                                 {"uri", output.uri},
                                                 {"namespace", output.name_space},
                                                 {"name", output.name}});
}

absl::StatusOr<std::vector<Json>> DataStore::OutputsOf(const Json& task,
                                                       const std::string& output_key) {
  Columns where = KeyOf(task).Where();
  if (!output_key.empty()) where.emplace_back("output_key", output_key);
  return records_.Select("t_tracking_data_output", where, "order by f_output_key, f_index");
}

absl::Status DataStore::ForgetJob(const std::string& job_id) {
  return records_.Delete("t_tracking_data_output", {{"job_id", job_id}}).status();
}

Json TableInfo(const Json& table) {
  return {{"namespace", table["namespace"]}, {"name", table["name"]},
          {"count", table["count"]},         {"meta", table["data_meta"]},
          {"engine", table["engine"]},       {"path", PathOf(table)},
          {"source", table["source"]},       {"data_type", table["data_type"]}};
}

}  // namespace fate::flow
