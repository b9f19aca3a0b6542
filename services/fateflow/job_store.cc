#include "fateflow/job_store.h"

#include <algorithm>
#include <map>

#include "base/status.h"
#include "fateflow/lifecycle.h"

namespace fate::flow {

Columns JobKey::Where() const {
  return {{"job_id", job_id}, {"role", role}, {"party_id", party_id}};
}

Columns TaskKey::Where() const {
  return {{"job_id", job_id},
          {"role", role},
          {"party_id", party_id},
          {"task_id", task_id},
          {"task_version", version}};
}

std::string TaskKey::federation_id() const { return fmt::format("{}_{}", task_id, version); }

std::string TaskKey::execution_id() const {
  return fmt::format("{}_{}_{}_{}", task_id, version, role, party_id);
}

TaskKey KeyOf(const Json& task) {
  return {task["job_id"], task["role"], task["party_id"], task["task_id"], task["task_version"]};
}

absl::StatusOr<Json> JobStore::FindJob(const JobKey& key) {
  return records_.First("t_job", key.Where());
}

absl::StatusOr<Json> JobStore::FindTask(const TaskKey& key) {
  return records_.First("t_task", key.Where());
}

absl::StatusOr<Json> JobStore::FindExecution(const std::string& execution_id) {
  return records_.First("t_task", {{"execution_id", execution_id}});
}

absl::StatusOr<std::vector<Json>> JobStore::NewestTasks(const Columns& where) {
  ASSIGN_OR_RETURN(std::vector<Json> tasks, records_.Select("t_task", where, "order by rowid"));
  std::map<std::string, int64_t> newest;
  auto identity = [](const Json& task) {
    TaskKey key = KeyOf(task);
    key.version = 0;
    return key.job_id + " " + key.execution_id();
  };
  for (const Json& task : tasks) {
    int64_t& version = newest[identity(task)];
    version = std::max(version, task["task_version"].get<int64_t>());
  }
  std::erase_if(tasks, [&](const Json& task) {
    return task["task_version"].get<int64_t>() != newest[identity(task)];
  });
  return tasks;
}

absl::StatusOr<Json> JobStore::NewestTask(const JobKey& key, const std::string& task_name) {
  Columns where = key.Where();
  where.emplace_back("task_name", task_name);
  return records_.First("t_task", where, "order by f_task_version desc");
}

absl::StatusOr<bool> JobStore::Move(const std::string& table, const Columns& where, const Json& row,
                                    const std::string& column, const std::string& status,
                                    bool allowed, Columns extra) {
  Columns changes = std::move(extra);
  const std::string old_status = row[column];
  if (allowed) changes.emplace_back(column, status);
  if (IsEnd(status) && row["start_time"].is_number()) {
    int64_t now = records_.now_ms();
    changes.emplace_back("end_time", now);
    changes.emplace_back("elapsed", now - row["start_time"].get<int64_t>());
  }
  if (changes.empty()) return false;
  Columns expected = where;
  expected.emplace_back(column, old_status);
  ASSIGN_OR_RETURN(int64_t written, records_.Update(table, changes, expected));
  return written > 0;
}

absl::StatusOr<bool> JobStore::SetJobStatus(const JobKey& key, const std::string& status,
                                            const std::string& message) {
  ASSIGN_OR_RETURN(Json job, FindJob(key));
  if (job.is_null()) return FlowException("can not found the Job record to update");
  bool allowed = CanJobMove(job["status"].get<std::string>(), status);
  Columns extra;
  if (IsEnd(status) && allowed) extra.emplace_back("tag", "job_end");
  if (allowed && (!message.empty() || !IsEnd(status)))
    extra.emplace_back("status_message", message);
  return Move("t_job", key.Where(), job, "status", status, allowed, std::move(extra));
}

absl::StatusOr<bool> JobStore::SetJobProgress(const JobKey& key, int64_t progress) {
  ASSIGN_OR_RETURN(Json job, FindJob(key));
  if (job.is_null()) return FlowError(kJobNotFound);
  if (progress <= 0 || progress < Integer(job, "progress")) return false;
  ASSIGN_OR_RETURN(int64_t written,
                   records_.Update("t_job", {{"progress", progress}}, key.Where()));
  return written > 0;
}

absl::StatusOr<bool> JobStore::SetTaskStatus(const TaskKey& key, const std::string& column,
                                             const std::string& status) {
  ASSIGN_OR_RETURN(Json task, FindTask(key));
  if (task.is_null()) return FlowException("can not found the Task record to update");
  bool allowed = CanTaskMove(task[column].get<std::string>(), status);
  return Move("t_task", key.Where(), task, column, status, allowed, {});
}

absl::Status JobStore::UpdateTask(const TaskKey& key, const Columns& changes) {
  return records_.Update("t_task", changes, key.Where()).status();
}

absl::Status JobStore::UpdateJob(const JobKey& key, const Columns& changes) {
  return records_.Update("t_job", changes, key.Where()).status();
}

}  // namespace fate::flow
