#include "fateflow/task_controller.h"

#include "base/log.h"
#include "base/status.h"
#include "fateflow/lifecycle.h"
#include "fateflow/task_config.h"

namespace fate::flow {
namespace {

// The columns of a new version of a task.
Columns NextVersion(const Json& task, const TaskKey& key) {
  Columns values = key.Where();
  for (const char* name : {"protocol", "task_name", "component", "scheduler_party_id",
                           "provider_name", "sync_type", "launcher_name"}) {
    if (task[name].is_string()) values.emplace_back(name, task[name].get<std::string>());
  }
  values.insert(values.end(), {{"execution_id", key.execution_id()},
                               {"status", "waiting"},
                               {"party_status", "waiting"},
                               {"component_parameters",
                                JsonValue(WithVersion(task["component_parameters"], key))},
                               {"task_run", JsonValue(task["task_run"])},
                               {"task_cores", Integer(task, "task_cores")},
                               {"timeout", Integer(task, "timeout")}});
  return values;
}

}  // namespace

absl::StatusOr<Json> TaskController::Find(const TaskKey& key) {
  ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
  if (!task.is_null()) return task;
  return FlowError(kTaskNotFound, {{"role", key.role},
                                   {"party_id", key.party_id},
                                   {"task_id", key.task_id},
                                   {"task_version", key.version}});
}

absl::Status TaskController::Start(const TaskKey& key) {
  ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
  if (task.is_null()) return FlowErrorText(kException, "list index out of range");
  std::string party_status = Text(task, "party_status");
  if (party_status == "running") return absl::OkStatus();
  if (party_status != "waiting") {
    return FlowError(kStartTaskFailed, {{"task_id", key.task_id},
                                        {"task_version", key.version},
                                        {"role", key.role},
                                        {"party_id", key.party_id},
                                        {"party_status", party_status}});
  }
  RETURN_IF_ERROR(jobs_.UpdateTask(key, {{"start_time", jobs_.records().now_ms()}}));
  RETURN_IF_ERROR(SetPartyStatus(key, "running"));
  WatchTimeout(task);
  runner_->Start(key);
  return absl::OkStatus();
}

absl::Status TaskController::SetPartyStatus(const TaskKey& key, const std::string& status,
                                            const std::string& error) {
  // The reason first: whoever sees the failure sees why.
  if (!error.empty()) RETURN_IF_ERROR(jobs_.UpdateTask(key, {{"error_report", error}}));
  ASSIGN_OR_RETURN(bool effective, jobs_.SetTaskStatus(key, "party_status", status));
  ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
  bool changed = effective && Text(task, "party_status") == status;
  if (!changed) return absl::OkStatus();
  if (IsEnd(status)) RETURN_IF_ERROR(resources_.ReturnTask(key));
  if (Text(task, "sync_type") != "poll") reporter_.Report(task, status, error);
  return absl::OkStatus();
}

absl::Status TaskController::Stop(const TaskKey& key, const std::string& status,
                                  const std::string& message) {
  ASSIGN_OR_RETURN(Json task, Find(key));
  if (absl::Status killed = runner_->Kill(key); !killed.ok()) {
    return FlowError(kKillTaskFailed, {{"task_id", key.task_id}, {"detail", Message(killed)}});
  }
  RETURN_IF_ERROR(SetPartyStatus(key, status, Text(task, "error_report").empty() ? message : ""));
  RETURN_IF_ERROR(resources_.ReturnTask(key));
  return jobs_.UpdateTask(key, {{"kill_status", true}});
}

absl::Status TaskController::UpdateStatus(const TaskKey& key, const std::string& status) {
  ASSIGN_OR_RETURN(bool effective, jobs_.SetTaskStatus(key, "status", status));
  if (effective) return absl::OkStatus();
  return FlowError(kTaskUpdateNoEffect, {{"job_id", key.job_id},
                                         {"role", key.role},
                                         {"party_id", key.party_id},
                                         {"task_id", key.task_id},
                                         {"task_version", key.version},
                                         {"status", status}});
}

absl::Status TaskController::Rerun(const TaskKey& key, int64_t new_version) {
  ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
  TaskKey next = key;
  next.version = new_version;
  ASSIGN_OR_RETURN(Json existing, jobs_.FindTask(next));
  if (task.is_null() || !existing.is_null()) return absl::OkStatus();
  return jobs_.records().Insert("t_task", NextVersion(task, next));
}

void TaskController::WatchTimeout(const Json& task) {
  absl::Duration limit = absl::Seconds(Integer(task, "timeout", 259200));
  absl::Duration left = limit;
  if (task["start_time"].is_number()) {
    left -= absl::Milliseconds(jobs_.records().now_ms() - Integer(task, "start_time"));
  }
  reactor_.After(std::max(left, absl::ZeroDuration()),
                 [this, key = KeyOf(task)] { OnTimeout(key); });
}

void TaskController::OnTimeout(const TaskKey& key) {
  auto task = jobs_.FindTask(key);
  if (!task.ok() || task->is_null() || Text(*task, "party_status") != "running") return;
  log::Scope scope({.job = key.job_id, .session = key.execution_id()});
  std::string reason = fmt::format(
      "the task ran longer than its timeout of {} s; raise conf.task.timeout of the job",
      Integer(*task, "timeout"));
  log::Error("{}", reason);
  absl::Status stopped = Stop(key, "timeout", reason);
  if (!stopped.ok()) log::Error("stop after timeout: {}", Message(stopped));
}

absl::Status TaskController::Resume() {
  ASSIGN_OR_RETURN(std::vector<Json> tasks,
                   jobs_.records().Select("t_task", {},
                                          "where f_party_status != 'waiting' and "
                                          "f_status in ('waiting', 'running')"));
  for (const Json& task : tasks) {
    std::string status = Text(task, "party_status");
    if (status == "running") WatchTimeout(task);
    if (Text(task, "sync_type") != "poll") {
      reporter_.Report(task, status, Text(task, "error_report"));
    }
  }
  return absl::OkStatus();
}

}  // namespace fate::flow
