#pragma once

// Jobs and tasks of this party in SQL, and the rules by which they change (spec/fate-flow.md 11):
// a move that is not allowed is dropped, writes are compare-and-set on the old status, an update
// that writes nothing has no effect. Thread-safe.

#include <string>
#include <vector>

#include "fateflow/records.h"

namespace fate::flow {

struct JobKey {
  std::string job_id, role, party_id;
  Columns Where() const;
};

struct TaskKey {
  std::string job_id, role, party_id, task_id;
  int64_t version = 0;
  Columns Where() const;
  JobKey job() const { return {job_id, role, party_id}; }
  // "<task>_<version>_<role>_<party>": execution id and computing session.
  std::string execution_id() const;
  // "<task>_<version>", shared by the parties.
  std::string federation_id() const;
};
TaskKey KeyOf(const Json& task);  // of a task record

class JobStore {
 public:
  JobStore(sql::Database& database, const Clock& clock) : records_(database, clock) {}

  // Null when unknown.
  absl::StatusOr<Json> FindJob(const JobKey& key);
  absl::StatusOr<Json> FindTask(const TaskKey& key);
  absl::StatusOr<Json> FindExecution(const std::string& execution_id);
  // The newest version of each task that matches, in order of creation.
  absl::StatusOr<std::vector<Json>> NewestTasks(const Columns& where);
  absl::StatusOr<Json> NewestTask(const JobKey& key, const std::string& task_name);

  // True when something was written. Error: "can not found the Job record to update".
  absl::StatusOr<bool> SetJobStatus(const JobKey& key, const std::string& status,
                                    const std::string& message = "");
  absl::StatusOr<bool> SetJobProgress(const JobKey& key, int64_t progress);
  // `column`: "status" (what the scheduler says) or "party_status" (what happened here).
  absl::StatusOr<bool> SetTaskStatus(const TaskKey& key, const std::string& column,
                                     const std::string& status);
  absl::Status UpdateTask(const TaskKey& key, const Columns& changes);
  absl::Status UpdateJob(const JobKey& key, const Columns& changes);

  Records& records() { return records_; }

 private:
  absl::StatusOr<bool> Move(const std::string& table, const Columns& where, const Json& row,
                            const std::string& column, const std::string& status, bool allowed,
                            Columns extra);
  Records records_;
};

}  // namespace fate::flow
