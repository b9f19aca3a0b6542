#pragma once

// Cores of the computing engine, given to jobs and, within a job, to its tasks
// (spec/fate-flow.md 13). Every operation is one transaction; taking what is already held and
// returning what is already returned succeed without effect. Arbiters take nothing.

#include "fateflow/config.h"
#include "fateflow/job_store.h"

namespace fate::flow {

// Cores of one task and of a job (13.1, engine eggroll).
struct CoreDemand {
  int64_t task_cores = 0;
  int64_t job_cores = 0;
  Json task_run;  // {"cores", "nodes", "task_cores_per_node"}
};
CoreDemand DemandOf(const Config& config, const std::string& role, const Json& engine_run,
                    int64_t job_cores);

class Resources {
 public:
  explicit Resources(JobStore& jobs) : jobs_(jobs), records_(jobs.records()) {}

  // At start-up: the total comes from the configuration, what is in use stays in use.
  absl::Status RegisterEngine(const Config& config);

  // Errors: code 1006 (more than the engine has at all), 1005 (not free now), 6000 (unknown job).
  absl::Status ApplyJob(const JobKey& key);
  // True when cores came free.
  absl::StatusOr<bool> ReturnJob(const JobKey& key);
  // Error: code 2004.
  absl::Status ApplyTask(const TaskKey& key);
  absl::Status ReturnTask(const TaskKey& key);

 private:
  absl::StatusOr<Json> JobWithinLimit(const JobKey& key);
  JobStore& jobs_;
  Records& records_;
};

}  // namespace fate::flow
