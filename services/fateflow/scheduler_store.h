#pragma once

// The scheduler's tables (spec/fate-flow.md 14.2): t_schedule_job, t_schedule_task,
// t_schedule_task_status. What a scheduler needs after a restart is all in here.

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "dag/dag.h"
#include "scheduler/scheduler.h"
#include "sql/database.h"

namespace fate::flow {

// A job's DAG and what the state machine needs of it.
scheduler::JobPlan PlanOf(const std::string& job_id, const dag::Dag& dag);

struct StoredJob {
  std::shared_ptr<const dag::Dag> dag;
  scheduler::JobRecord record;
};

class SchedulerStore {
 public:
  // Creates the tables that are missing.
  static absl::StatusOr<std::unique_ptr<SchedulerStore>> Open(sql::Database& database);

  // A new job, status ready. Error: kAlreadyExists.
  absl::Status AddJob(const std::string& job_id, const dag::Dag& dag, absl::Time now);

  // The rows among the actions, in one transaction; other actions are left alone.
  using FindDag = std::function<const dag::Dag*(const std::string& job_id)>;
  absl::Status Write(const scheduler::Actions& actions, const FindDag& find_dag, absl::Time now);

  // nullopt for an unknown job.
  absl::StatusOr<std::optional<StoredJob>> Load(const std::string& job_id);
  // Jobs that have not ended, or whose end not every party knows; oldest first.
  absl::StatusOr<std::vector<std::string>> UnfinishedJobs();
  absl::StatusOr<bool> HasTask(const scheduler::TaskReport& report);

 private:
  explicit SchedulerStore(sql::Database& database) : database_(database) {}
  absl::Status Write(const scheduler::JobRow& row, int64_t now_ms);
  absl::Status Write(const scheduler::TaskRow& row, const dag::Dag& dag, int64_t now_ms);
  absl::Status Write(const scheduler::SiteRow& row, const dag::Dag& dag, int64_t now_ms);
  absl::Status LoadTasks(scheduler::JobRecord* record);

  sql::Database& database_;
};

}  // namespace fate::flow
