// /output routes: metrics, models and data of one task (spec/fate-flow.md 5.4).

#include <filesystem>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fateflow/archive.h"
#include "fateflow/csv_export.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<Json> TaskOf(Party& party, const Call& call) {
  JobKey key{Text(call.args, "job_id"), Text(call.args, "role"), Text(call.args, "party_id")};
  std::string name = Text(call.args, "task_name");
  ASSIGN_OR_RETURN(Json task, party.jobs.NewestTask(key, name));
  if (!task.is_null()) return task;
  return FlowError(kTaskNotFound, {{"job_id", key.job_id},
                                   {"role", key.role},
                                   {"party_id", key.party_id},
                                   {"task_name", name}});
}

absl::StatusOr<Answer> MetricKeys(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(Json keys, party.metrics.Keys(task));
  return Answer::Data(std::move(keys));
}

absl::StatusOr<Answer> QueryMetrics(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  const Json& filters = Member(call.args, "filters");
  ASSIGN_OR_RETURN(Json metrics,
                   party.metrics.Query(task, filters.is_object() ? filters : Json::object()));
  return Answer::Data(std::move(metrics));
}

absl::StatusOr<Answer> DeleteMetrics(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(int64_t removed, party.metrics.Delete(task));
  return Answer::Data(removed > 0);
}

absl::StatusOr<std::vector<Json>> ModelsOf(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  return party.models.Find(ModelsOfTask(task));
}

absl::StatusOr<Answer> QueryModel(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(std::vector<Json> rows, ModelsOf(party, call));
  if (rows.empty()) {
    return FlowError(kNoModelOutput, {{"job_id", Text(call.args, "job_id")},
                                      {"role", Text(call.args, "role")},
                                      {"party_id", Text(call.args, "party_id")},
                                      {"task_name", Text(call.args, "task_name")}});
  }
  Json models = Json::object();
  for (const Json& row : rows) {
    ASSIGN_OR_RETURN(models[Text(row, "output_key")], party.models.Read(row));
  }
  return Answer::Data(std::move(models));
}

absl::StatusOr<Answer> DownloadModel(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(std::vector<Json> rows, ModelsOf(party, call));
  if (rows.empty()) return FlowErrorText(kException, "ValueError('No found model')");
  ASSIGN_OR_RETURN(std::string path, party.models.TarOf(KeyOfModel(rows[0])));
  http::Response response = FileResponse(path, "application/x-tar", Text(rows[0], "output_key"));
  response.remove_body_file = false;
  return Answer::Raw(std::move(response));
}

absl::StatusOr<Answer> DeleteModel(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(int64_t removed, party.models.Delete(ModelsOfTask(task)));
  if (removed > 0) return Success();
  return FlowError(kNoModelOutput, {{"task_name", Text(call.args, "task_name")}});
}

absl::Status ExportOutput(Party& party, const Json& output, const std::string& directory,
                          std::vector<ArchiveMember>& members) {
  std::string key = Text(output, "output_key");
  ASSIGN_OR_RETURN(Json table,
                   party.data.FindTable(Text(output, "namespace"), Text(output, "name")));
  if (table.is_null()) {
    return FlowError(kTableNotFound,
                     {{"name", output["name"]}, {"namespace", output["namespace"]}});
  }
  std::string name = fmt::format("{}/{}", key, Integer(output, "index"));
  RETURN_IF_ERROR(MakeDirectories(directory + "/" + key));
  RETURN_IF_ERROR(ExportCsv(party.storage, table, directory + "/" + name));
  for (const char* suffix : {".csv", ".meta"}) {
    members.push_back({name + suffix, directory + "/" + name + suffix});
  }
  return absl::OkStatus();
}

absl::StatusOr<Answer> DownloadData(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(std::vector<Json> outputs,
                   party.data.OutputsOf(task, Text(call.args, "output_key")));
  if (outputs.empty()) {
    return FlowError(kTableNotFound, {{"task_name", Text(call.args, "task_name")}});
  }
  std::string directory =
      fmt::format("{}/download-{}", party.layout.temp_dir(), absl::ToUnixNanos(absl::Now()));
  std::vector<ArchiveMember> members;
  absl::Status exported;
  for (const Json& output : outputs) {
    if (exported.ok()) exported = ExportOutput(party, output, directory, members);
  }
  std::string archive = directory + ".tar.gz";
  if (exported.ok()) exported = PackFiles(members, archive, ArchiveFormat::kTarGz);
  std::error_code ignored;
  fs::remove_all(directory, ignored);
  RETURN_IF_ERROR(exported);
  std::string name = fmt::format("{}_{}_{}_{}", Text(task, "job_id"), Text(task, "role"),
                                 Text(task, "party_id"), Text(task, "task_name"));
  return Answer::Raw(FileResponse(archive, "application/gzip", name));
}

absl::StatusOr<Answer> DataTable(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(std::vector<Json> outputs, party.data.OutputsOf(task));
  Json tables = Json::object();
  for (const Json& output : outputs) {
    tables[Text(output, "output_key")].push_back(
        {{"namespace", output["namespace"]}, {"name", output["name"]}});
  }
  return Answer::Raw(JsonResponse(tables));
}

absl::StatusOr<Answer> DisplayData(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, call));
  ASSIGN_OR_RETURN(std::vector<Json> outputs, party.data.OutputsOf(task));
  Json tables = Json::object();
  for (const Json& output : outputs) {
    ASSIGN_OR_RETURN(Json table,
                     party.data.FindTable(Text(output, "namespace"), Text(output, "name")));
    std::string type = table.is_null() ? "" : Text(table, "data_type");
    if (type != "dataframe" && type != "table") continue;
    tables[Text(output, "output_key")].push_back({{"data", table["part_of_data"]},
                                                  {"metadata", table["data_meta"]},
                                                  {"total", table["count"]}});
  }
  return Answer::Raw(JsonResponse(tables));
}

}  // namespace

void AddOutputRoutes(Router& router, Party& party) {
  const Fields task = {Required("job_id"), Required("role"), Required("party_id"),
                       Required("task_name")};
  auto with = [&task](Field field) {
    Fields fields = task;
    fields.push_back(field);
    return fields;
  };
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  router.Get("/output/metric/key/query", task, bind(MetricKeys));
  router.Get("/output/metric/query", with(Optional("filters", FieldType::kObject)),
             bind(QueryMetrics));
  router.Post("/output/metric/delete", task, bind(DeleteMetrics));
  router.Get("/output/model/query", task, bind(QueryModel));
  router.Get("/output/model/download", task, bind(DownloadModel));
  router.Post("/output/model/delete", task, bind(DeleteModel));
  router.Get("/output/data/download", with(Optional("output_key")), bind(DownloadData));
  router.Get("/output/data/table", task, bind(DataTable));
  router.Get("/output/data/display", task, bind(DisplayData));
}

}  // namespace fate::flow
