#pragma once

// What happens to a task at this party: start, stop, end, rerun, timeout (spec/fate-flow.md 7,
// 11, 12, 13.3). Thread-safe.

#include "fateflow/job_store.h"
#include "fateflow/reporter.h"
#include "fateflow/resources.h"
#include "fateflow/task_runner.h"

namespace fate::flow {

class TaskController {
 public:
  TaskController(JobStore& jobs, Resources& resources, Reporter& reporter, Reactor& reactor)
      : jobs_(jobs), resources_(resources), reporter_(reporter), reactor_(reactor) {}
  void SetRunner(TaskRunner* runner) { runner_ = runner; }

  // Error: code 2001 for a task that has ended, 6000 for an unknown one. Starting what runs is no
  // error.
  absl::Status Start(const TaskKey& key);
  // Errors: code 2000 (unknown), 2003 (cannot be killed).
  absl::Status Stop(const TaskKey& key, const std::string& status, const std::string& message = "");
  // Error: code 2002 when nothing changed.
  absl::Status UpdateStatus(const TaskKey& key, const std::string& status);
  absl::Status Rerun(const TaskKey& key, int64_t new_version);
  // Sets party_status and, if that had an effect, tells the scheduler.
  absl::Status SetPartyStatus(const TaskKey& key, const std::string& status,
                              const std::string& error = "");
  // After a restart: timeouts of running tasks, reports that may have been lost.
  absl::Status Resume();

 private:
  absl::StatusOr<Json> Find(const TaskKey& key);
  void WatchTimeout(const Json& task);
  void OnTimeout(const TaskKey& key);

  JobStore& jobs_;
  Resources& resources_;
  Reporter& reporter_;
  Reactor& reactor_;
  TaskRunner* runner_ = nullptr;
};

}  // namespace fate::flow
