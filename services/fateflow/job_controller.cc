#include "fateflow/job_controller.h"

#include <algorithm>
#include <filesystem>

#include "base/log.h"
#include "base/status.h"
#include "fateflow/components.h"
#include "fateflow/lifecycle.h"
#include "fateflow/task_config.h"

namespace fate::flow {
namespace {

constexpr char kLocalParty[] = "0";

Json ToPlain(const dag::Json& json) { return Json::parse(json.dump()); }

sql::Value TextValue(const dag::Json& json) {
  return json.is_null() ? sql::Value() : sql::Value(json.dump());
}

int64_t CoresOf(const dag::Dag& dag) { return dag.conf().cores.value_or(0); }

Json EngineRun(const dag::Json& conf) {
  return conf.is_object() && conf.contains("engine_run") ? ToPlain(conf["engine_run"]) : Json();
}

absl::Status CreateFailed(const absl::Status& reason) {
  return FlowError(kCreateJobFailed, {{"detail", Message(reason)}});
}

}  // namespace

absl::Status JobController::Create(const JobKey& key, const dag::Dag& dag) {
  if (!dag.Has({key.role, key.party_id})) {
    return CreateFailed(InvalidArgumentError("the job does not name {} {} among its parties",
                                             key.role, key.party_id));
  }
  ASSIGN_OR_RETURN(Json existing, parts_.jobs.FindJob(key));
  if (!existing.is_null()) return absl::OkStatus();  // a repeated request
  absl::Status created =
      parts_.jobs.records().database().Transaction([&](sql::Database&) -> absl::Status {
        RETURN_IF_ERROR(InsertJob(key, dag));
        for (const std::string& name : dag.TasksOf({key.role, key.party_id})) {
          RETURN_IF_ERROR(InsertTask(key, dag, name));
        }
        return absl::OkStatus();
      });
  return created.ok() ? created : CreateFailed(created);
}

absl::Status JobController::InsertJob(const JobKey& key, const dag::Dag& dag) {
  const dag::JobConf& conf = dag.conf();
  CoreDemand demand = DemandOf(parts_.config, key.role, EngineRun(conf.task), CoresOf(dag));
  Columns values = key.Where();
  values.insert(values.end(), {{"protocol", dag.kind()},
                               {"flow_id", ""},
                               {"user_name", ""},
                               {"description", ""},
                               {"dag", dag.ToJson().dump()},
                               {"parties", dag::PartiesJson(dag.parties()).dump()},
                               {"initiator_party_id", conf.initiator_party_id.value_or("")},
                               {"scheduler_party_id", conf.scheduler_party_id.value_or("")},
                               {"status", "ready"},
                               {"inheritance", TextValue(conf.inheritance)},
                               {"progress", 0},
                               {"model_id", conf.model_id.value_or(key.job_id)},
                               {"model_version", conf.model_version.value_or("0")},
                               {"cores", demand.job_cores},
                               {"remaining_cores", demand.job_cores}});
  return parts_.jobs.records().Insert("t_job", values);
}

absl::Status JobController::InsertTask(const JobKey& key, const dag::Dag& dag,
                                       const std::string& name) {
  const dag::JobConf& conf = dag.conf();
  TaskDescription description{
      .key = {key.job_id, key.role, key.party_id, key.job_id + "_" + name, 0},
      .sites = dag.SitesOf(*dag.FindTask(name)),
      .model_id = conf.model_id.value_or(key.job_id),
      .model_version = conf.model_version.value_or("0"),
      .computing_partitions =
          conf.computing_partitions.value_or(parts_.config.job_defaults.computing_partitions)};
  ASSIGN_OR_RETURN(description.task, dag.TaskAt({key.role, key.party_id}, name));
  Json task_conf = ToPlain(description.task.conf);
  ASSIGN_OR_RETURN(description.provider,
                   ProviderOf(Text(task_conf, "provider"), description.task.component_ref));
  CoreDemand job_demand = DemandOf(parts_.config, key.role, EngineRun(conf.task), CoresOf(dag));
  CoreDemand task_demand = DemandOf(parts_.config, key.role, Member(task_conf, "engine_run"), 0);
  description.task_run = task_demand.task_run;
  ASSIGN_OR_RETURN(Json pre, PreTaskConfig(parts_.config, parts_.layout, description));
  int64_t timeout = absl::ToInt64Seconds(parts_.config.job_defaults.task_timeout);
  bool local = key.role == "local";
  Columns values = description.key.Where();
  values.insert(values.end(),
                {{"protocol", dag.kind()},
                 {"task_name", name},
                 {"component", description.task.component_ref},
                 {"execution_id", description.key.execution_id()},
                 {"scheduler_party_id", conf.scheduler_party_id.value_or("")},
                 {"status", "waiting"},
                 {"party_status", "waiting"},
                 {"component_parameters", JsonValue(pre)},
                 {"task_run", JsonValue(task_demand.task_run)},
                 {"task_cores", job_demand.task_cores},
                 {"provider_name", description.provider},
                 {"run_ip", local ? sql::Value(parts_.config.host) : sql::Value()},
                 {"run_port", local ? sql::Value(parts_.config.http_port) : sql::Value()},
                 {"sync_type", conf.sync_type.value_or(parts_.config.job_defaults.sync_type)},
                 {"timeout", Integer(task_conf, "timeout", timeout)}});
  return parts_.jobs.records().Insert("t_task", values);
}

absl::Status JobController::Start(const JobKey& key) {
  ASSIGN_OR_RETURN(Json job, parts_.jobs.FindJob(key));
  if (job.is_null()) return FlowException("can not found the Job record to update");
  if (absl::Status inherited = Inherit(key, job["inheritance"]); !inherited.ok()) {
    RETURN_IF_ERROR(parts_.jobs.SetJobStatus(key, "failed", Message(inherited)).status());
    return absl::OkStatus();
  }
  if (job["start_time"].is_null()) {
    RETURN_IF_ERROR(parts_.jobs.UpdateJob(key, {{"start_time", parts_.jobs.records().now_ms()}}));
  }
  return parts_.jobs.SetJobStatus(key, "running").status();
}

absl::Status JobController::CopyOutputs(const Json& source, const Json& target) {
  ASSIGN_OR_RETURN(std::vector<Json> outputs, parts_.data.OutputsOf(source));
  for (const Json& output : outputs) {
    RETURN_IF_ERROR(parts_.data.Publish(target, {.output_key = Text(output, "output_key"),
                                                 .index = Integer(output, "index"),
                                                 .name_space = Text(output, "namespace"),
                                                 .name = Text(output, "name")}));
  }
  ASSIGN_OR_RETURN(std::vector<Json> models, parts_.models.Find(ModelsOfTask(source)));
  for (const Json& model : models) {
    ModelKey key = ModelsOfTask(target);
    key.output_key = Text(model, "output_key");
    ASSIGN_OR_RETURN(std::string tar, parts_.models.TarOf(KeyOfModel(model)));
    RETURN_IF_ERROR(parts_.models.Save(key, Text(target, "job_id"), Text(model, "type_name"),
                                       model["meta_data"], tar));
  }
  ASSIGN_OR_RETURN(Json metrics, parts_.metrics.Query(source));
  return metrics.empty() ? absl::OkStatus() : parts_.metrics.Save(target, metrics);
}

// Tasks of an ended job count as done here: their outputs become this job's (5.1, 10.3).
absl::Status JobController::Inherit(const JobKey& key, const Json& inheritance) {
  std::string source_id = Text(inheritance, "job_id");
  if (source_id.empty()) return absl::OkStatus();
  for (const Json& name : Member(inheritance, "task_list")) {
    ASSIGN_OR_RETURN(Json source, parts_.jobs.NewestTask({source_id, key.role, key.party_id},
                                                         name.get<std::string>()));
    ASSIGN_OR_RETURN(Json target, parts_.jobs.NewestTask(key, name.get<std::string>()));
    if (target.is_null()) continue;  // does not run here
    if (source.is_null() || Text(source, "party_status") != "success") {
      return FailedPreconditionError("task {} of job {} did not succeed here", name.dump(),
                                     source_id);
    }
    RETURN_IF_ERROR(CopyOutputs(source, target));
    RETURN_IF_ERROR(parts_.tasks.SetPartyStatus(KeyOf(target), "success"));
  }
  return absl::OkStatus();
}

absl::Status JobController::UpdateStatus(const JobKey& key, const std::string& status,
                                         const std::string& message) {
  ASSIGN_OR_RETURN(bool effective, parts_.jobs.SetJobStatus(key, status, message));
  if (IsEnd(status)) {
    RemoveSpooledFiles(key);
    RETURN_IF_ERROR(ReturnResource(key));
  }
  if (effective) return absl::OkStatus();
  return FlowError(
      kJobUpdateNoEffect,
      {{"job_id", key.job_id}, {"role", key.role}, {"party_id", key.party_id}, {"status", status}});
}

absl::Status JobController::UpdateProgress(const JobKey& key, int64_t progress) {
  ASSIGN_OR_RETURN(bool effective, parts_.jobs.SetJobProgress(key, progress));
  if (effective) return absl::OkStatus();
  return FlowError(kJobUpdateNoEffect, {{"job_id", key.job_id},
                                        {"role", key.role},
                                        {"party_id", key.party_id},
                                        {"progress", progress}});
}

absl::Status JobController::ApplyResource(const JobKey& key) {
  ASSIGN_OR_RETURN(Json job, parts_.jobs.FindJob(key));
  if (job.is_null()) return FlowException("can not found the Job record to update");
  if (absl::Status ready = parts_.preflight(key.party_id != kLocalParty); !ready.ok()) {
    // The scheduler waits for cores, but not for long for an engine that does not answer.
    return FlowErrorText(kJobResource,
                         fmt::format("Job resource exception: role[{}],party_id[{}],detail[{}]",
                                     key.role, key.party_id, Message(ready)),
                         {{"engine_unavailable", true}});
  }
  return parts_.resources.ApplyJob(key);
}

absl::Status JobController::ReturnResource(const JobKey& key) {
  ASSIGN_OR_RETURN(bool returned, parts_.resources.ReturnJob(key));
  if (returned) parts_.cores_returned();
  return absl::OkStatus();
}

void JobController::RemoveSpooledFiles(const JobKey& key) {
  auto tasks = parts_.jobs.NewestTasks(key.Where());
  if (key.party_id != kLocalParty || !tasks.ok()) return;
  for (const Json& task : *tasks) {
    std::string file = Text(Member(task["component_parameters"], "parameters"), "file");
    std::error_code ignored;
    if (file.starts_with(parts_.layout.temp_dir() + "/")) std::filesystem::remove(file, ignored);
  }
}

absl::Status JobController::Stop(const JobKey& key, const std::string& message) {
  Columns where = key.Where();
  ASSIGN_OR_RETURN(std::vector<Json> tasks, parts_.jobs.NewestTasks(where));
  std::reverse(tasks.begin(), tasks.end());
  for (const Json& task : tasks) {
    std::string status = Text(task, "status");
    bool started = Text(task, "party_status") != "waiting";
    bool idle = status == "success" || status == "pass" || (status == "waiting" && !started);
    if (idle) continue;
    if (absl::Status stopped = parts_.tasks.Stop(KeyOf(task), "failed", message); !stopped.ok()) {
      return FlowError(kKillJobFailed, {{"job_id", key.job_id}, {"detail", Message(stopped)}});
    }
  }
  ASSIGN_OR_RETURN(Json job, parts_.jobs.FindJob(key));
  if (job.is_null()) return absl::OkStatus();
  if (!IsEnd(Text(job, "status"))) {
    RETURN_IF_ERROR(parts_.jobs.SetJobStatus(key, "failed", message).status());
  }
  return ReturnResource(key);
}

absl::StatusOr<Json> JobController::AnyJob(const std::string& job_id) {
  ASSIGN_OR_RETURN(Json job, parts_.jobs.records().First("t_job", {{"job_id", job_id}}));
  if (job.is_null()) return FlowError(kJobNotFound, {{"job_id", job_id}});
  return job;
}

absl::Status JobController::CheckReferences(const dag::Dag& dag) {
  const dag::JobConf& conf = dag.conf();
  if (conf.inheritance.is_object()) {
    Json inheritance = ToPlain(conf.inheritance);
    std::string source = Text(inheritance, "job_id");
    auto fail = [&](const std::string& detail) {
      return FlowError(kInheritance, {{"job_id", source}, {"detail", detail}});
    };
    ASSIGN_OR_RETURN(std::vector<Json> tasks, parts_.jobs.NewestTasks({{"job_id", source}}));
    auto job = AnyJob(source);
    if (!job.ok()) return fail("no found job " + source);
    if (!IsEnd(Text(*job, "status"))) return fail("job " + source + " has not ended");
    for (const Json& name : Member(inheritance, "task_list")) {
      bool found = std::any_of(tasks.begin(), tasks.end(),
                               [&](const Json& task) { return task["task_name"] == name; });
      if (!found) return fail("job " + source + " has no task " + name.dump());
    }
  }
  if (!conf.model_warehouse.is_object()) return absl::OkStatus();
  Json warehouse = ToPlain(conf.model_warehouse);
  ModelKey key{.model_id = Text(warehouse, "model_id"),
               .model_version = Text(warehouse, "model_version")};
  ASSIGN_OR_RETURN(std::vector<Json> models, parts_.models.Find(key));
  if (!models.empty()) return absl::OkStatus();
  return FlowError(kJobParameters, {{"model_id", key.model_id},
                                    {"model_version", key.model_version},
                                    {"position", "dag_schema.dag.conf.model_warehouse"}});
}

absl::StatusOr<Answer> JobController::Submit(const dag::Json& schema,
                                             const std::string& user_name) {
  auto parsed = dag::Dag::Parse(schema);
  if (!parsed.ok()) {
    return FlowError(kJobParameters,
                     {{"detail", Message(parsed.status())}, {"position", "dag_schema"}});
  }
  dag::Dag& dag = *parsed;
  dag::JobConf& conf = dag.mutable_conf();
  conf.initiator_party_id = parts_.config.party_id;
  if (!conf.scheduler_party_id) conf.scheduler_party_id = parts_.config.party_id;
  if (!conf.computing_partitions) {
    conf.computing_partitions = parts_.config.job_defaults.computing_partitions;
  }
  RETURN_IF_ERROR(CheckReferences(dag));
  ASSIGN_OR_RETURN(Json answer, parts_.call_party(*conf.scheduler_party_id, "",
                                                  "/v2/scheduler/job/create", dag.ToJson().dump()));
  Answer result{.code = static_cast<int>(Integer(answer, "code", kException)),
                .message = Text(answer, "message"),
                .data = Member(answer, "data"),
                .job_id = Text(answer, "job_id")};
  if (result.code != kSuccess) return result;
  log::Scope scope({.job = result.job_id});
  log::Info("job submitted to the scheduler at party {}", *conf.scheduler_party_id);
  RETURN_IF_ERROR(parts_.jobs.records()
                      .Update("t_job", {{"user_name", user_name}}, {{"job_id", result.job_id}})
                      .status());
  ASSIGN_OR_RETURN(std::string directory, parts_.layout.JobDir(result.job_id));
  RETURN_IF_ERROR(MakeDirectories(directory));
  RETURN_IF_ERROR(WriteTextFile(directory + "/dag.yaml", dag.ToJson().dump(2) + "\n"));
  return result;
}

absl::StatusOr<Answer> JobController::AskScheduler(const Json& job, const std::string& path,
                                                   Json body) {
  auto answer =
      parts_.call_party(Text(job, "scheduler_party_id"), Text(job, "job_id"), path, Dump(body));
  if (!answer.ok()) {
    return Answer{.code = 104, .message = "Federated schedule error, " + Message(answer.status())};
  }
  return Answer{.code = static_cast<int>(Integer(*answer, "code", kException)),
                .message = Text(*answer, "message"),
                .data = Member(*answer, "data")};
}

absl::StatusOr<Answer> JobController::StopEverywhere(const std::string& job_id) {
  ASSIGN_OR_RETURN(Json job, AnyJob(job_id));
  ASSIGN_OR_RETURN(std::vector<Json> tasks, parts_.jobs.NewestTasks({{"job_id", job_id}}));
  std::reverse(tasks.begin(), tasks.end());
  for (const Json& task : tasks) {
    if (Text(task, "party_status") != "running") continue;
    absl::Status stopped = parts_.tasks.Stop(KeyOf(task), "canceled", "stopped by a user");
    if (!stopped.ok()) log::Warning("stop {}: {}", Text(task, "task_id"), Message(stopped));
  }
  return AskScheduler(job, "/v2/scheduler/job/stop",
                      {{"job_id", job_id}, {"stop_status", "canceled"}});
}

absl::StatusOr<Answer> JobController::Rerun(const std::string& job_id) {
  ASSIGN_OR_RETURN(Json job, AnyJob(job_id));
  return AskScheduler(job, "/v2/scheduler/job/rerun", {{"job_id", job_id}});
}

absl::Status JobController::ReturnLeakedResources() {
  ASSIGN_OR_RETURN(std::vector<Json> jobs,
                   parts_.jobs.records().Select("t_job", {{"resource_in_use", true}}));
  for (const Json& job : jobs) {
    if (!IsEnd(Text(job, "status"))) continue;
    JobKey key{Text(job, "job_id"), Text(job, "role"), Text(job, "party_id")};
    RETURN_IF_ERROR(ReturnResource(key));
  }
  return absl::OkStatus();
}

}  // namespace fate::flow
