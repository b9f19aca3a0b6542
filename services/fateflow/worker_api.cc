// /worker routes: what component processes ask of their flow server (spec/fate-flow.md 16).

#include <filesystem>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "fateflow/multipart.h"
#include "fateflow/party.h"

namespace fate::flow {
namespace {

absl::StatusOr<Json> TaskOf(Party& party, const std::string& execution_id) {
  ASSIGN_OR_RETURN(Json task, party.jobs.FindExecution(execution_id));
  if (!task.is_null()) return task;
  return FlowError(kTaskNotFound, {{"execution_id", execution_id}});
}

absl::StatusOr<Answer> TaskStatus(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, Text(call.args, "execution_id")));
  RETURN_IF_ERROR(
      party.tasks.SetPartyStatus(KeyOf(task), Text(call.args, "status"), Text(call.args, "error")));
  return Success();
}

absl::StatusOr<Answer> SaveMetrics(Party& party, const std::string& execution_id,
                                   const Json& metrics) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, execution_id));
  if (!metrics.is_array() || metrics.empty()) {
    return InternalError("Save metric data failed, data is {}", metrics.is_array() ? "[]" : "None");
  }
  RETURN_IF_ERROR(party.metrics.Save(task, metrics));
  return Success();
}

absl::StatusOr<Answer> SaveData(Party& party, const Call& call) {
  ASSIGN_OR_RETURN(Json task, TaskOf(party, Text(call.args, "execution_id")));
  RETURN_IF_ERROR(party.data.Publish(task, {.output_key = Text(call.args, "output_key"),
                                            .index = Integer(call.args, "index"),
                                            .uri = Text(call.args, "uri"),
                                            .name_space = Text(call.args, "namespace"),
                                            .name = Text(call.args, "name"),
                                            .schema = Member(call.args, "meta_data"),
                                            .overview = Member(call.args, "overview"),
                                            .source = Member(call.args, "source"),
                                            .data_type = Text(call.args, "data_type"),
                                            .partitions = Integer(call.args, "partitions", 16)}));
  return Success();
}

absl::StatusOr<Json> InfoOf(Party& party, const std::string& name_space, const std::string& name) {
  ASSIGN_OR_RETURN(Json table, party.data.FindTable(name_space, name));
  if (!table.is_null()) return TableInfo(table);
  return FlowError(kTableNotFound, {{"name", name}, {"namespace", name_space}});
}

absl::StatusOr<Answer> QueryData(Party& party, const Call& call) {
  const Json& args = call.args;
  Json list = Json::array();
  if (!Text(args, "namespace").empty() && !Text(args, "name").empty()) {
    ASSIGN_OR_RETURN(Json info, InfoOf(party, Text(args, "namespace"), Text(args, "name")));
    list.push_back(std::move(info));
    return Answer::Data(std::move(list));
  }
  JobKey key{Text(args, "job_id"), Text(args, "role"), Text(args, "party_id")};
  ASSIGN_OR_RETURN(Json task, party.jobs.NewestTask(key, Text(args, "task_name")));
  if (task.is_null()) {
    return FlowError(kTaskNotFound, {{"job_id", key.job_id},
                                     {"role", key.role},
                                     {"party_id", key.party_id},
                                     {"task_name", Text(args, "task_name")}});
  }
  ASSIGN_OR_RETURN(std::vector<Json> outputs, party.data.OutputsOf(task, Text(args, "output_key")));
  if (outputs.empty()) return FlowErrorText(kNoModelOutput, "failed");
  for (const Json& output : outputs) {
    ASSIGN_OR_RETURN(Json info, InfoOf(party, Text(output, "namespace"), Text(output, "name")));
    list.push_back(std::move(info));
  }
  return Answer::Data(std::move(list));
}

absl::StatusOr<Answer> SaveModel(Party& party, const Call& call) {
  const Json& args = call.args;
  ASSIGN_OR_RETURN(Json task, TaskOf(party, Text(args, "execution_id")));
  std::string tar =
      fmt::format("{}/model-{}.tar", party.layout.temp_dir(), absl::ToUnixNanos(absl::Now()));
  RETURN_IF_ERROR(SaveFormFile(call.request, "file", tar));
  auto metas = ReadModelMetas(tar);
  ModelKey key{Text(args, "model_id"), Text(args, "model_version"), Text(task, "role"),
               Text(task, "party_id"), Text(task, "task_name"),     Text(args, "output_key")};
  absl::Status saved = metas.status();
  if (saved.ok()) {
    saved = party.models.Save(key, Text(task, "job_id"), Text(args, "type_name"), *metas, tar);
  }
  std::filesystem::remove(tar);
  RETURN_IF_ERROR(saved);
  return Success();
}

absl::StatusOr<Answer> DownloadModel(Party& party, const Call& call) {
  const Json& args = call.args;
  ModelKey key{Text(args, "model_id"), Text(args, "model_version"), Text(args, "role"),
               Text(args, "party_id"), Text(args, "task_name"),     Text(args, "output_key")};
  ASSIGN_OR_RETURN(std::string path, party.models.TarOf(key));
  http::Response response = FileResponse(path, "application/x-tar", key.output_key);
  response.remove_body_file = false;
  return Answer::Raw(std::move(response));
}

// Unexpected failures name the request; those with a code of their own keep it.
absl::Status AsWorkerFailure(const Party& party, const http::Request& request,
                             const absl::Status& failure) {
  if (CodeOf(failure) != kException) return failure;
  return FlowErrorText(kWorkerApi,
                       fmt::format("Request uri {}{} failed: {}", party.config.BaseUrl(),
                                   NormalPath(request.path), Message(failure)));
}

}  // namespace

void AddWorkerRoutes(Router& router, Party& party) {
  const Field execution_id = Required("execution_id");
  auto bind = [&party](auto handler) {
    return [&party, handler](const Call& call) { return handler(party, call); };
  };
  router.Post("/worker/task/status", {execution_id, Required("status"), Optional("error")},
              bind(TaskStatus));
  router.Post("/worker/metric/save", {execution_id, Optional("data", FieldType::kList)},
              [&party](const Call& call) {
                return SaveMetrics(party, Text(call.args, "execution_id"),
                                   Member(call.args, "data"));
              });
  router.Post("/worker/metric/save/", {Optional("data", FieldType::kList)},
              [&party](const Call& call) {
                return SaveMetrics(party, call.tail, Member(call.args, "data"));
              });
  router.Post("/worker/data/tracking/save",
              {execution_id, Required("meta_data", FieldType::kObject), Required("uri"),
               Required("output_key"), Required("namespace"), Required("name"),
               Required("overview", FieldType::kObject), Required("source", FieldType::kObject),
               Required("data_type"), Required("index", FieldType::kInteger),
               Optional("partitions", FieldType::kInteger)},
              bind(SaveData));
  router.Get("/worker/data/tracking/query",
             {Optional("job_id"), Optional("role"), Optional("party_id"), Optional("task_name"),
              Optional("output_key"), Optional("namespace"), Optional("name")},
             bind(QueryData));
  router.PostForm("/worker/model/save",
                  {Required("model_id"), Required("model_version"), execution_id,
                   Required("output_key"), Required("type_name")},
                  bind(SaveModel));
  router.Get("/worker/model/download",
             {Required("model_id"), Required("model_version"), Required("role"),
              Required("party_id"), Required("task_name"), Required("output_key")},
             bind(DownloadModel));
  router.MapFailures("/worker/",
                     [&party](const http::Request& request, const absl::Status& failure) {
                       return AsWorkerFailure(party, request, failure);
                     });
}

}  // namespace fate::flow
