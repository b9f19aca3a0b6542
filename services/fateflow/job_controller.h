#pragma once

// Jobs at this party: what schedulers ask for (spec/fate-flow.md 7, 12.1, 12.5) and what clients
// submit (10.3). Thread-safe.

#include <functional>

#include "dag/dag.h"
#include "fateflow/metric_store.h"
#include "fateflow/task_controller.h"

namespace fate::flow {

class JobController {
 public:
  struct Parts {
    const Config& config;
    const Layout& layout;
    JobStore& jobs;
    DataStore& data;
    ModelStore& models;
    MetricStore& metrics;
    Resources& resources;
    TaskController& tasks;
    CallParty call_party;
    std::function<absl::Status(bool crosses_parties)> preflight;
    std::function<void()> cores_returned;  // other jobs may start now
  };
  explicit JobController(Parts parts) : parts_(std::move(parts)) {}

  // Commands of the scheduler.
  // Error: code 1002 "Create job failed: detail[...]".
  absl::Status Create(const JobKey& key, const dag::Dag& dag);
  absl::Status Start(const JobKey& key);
  // Error: code 1003 when nothing changed.
  absl::Status UpdateStatus(const JobKey& key, const std::string& status,
                            const std::string& message);
  absl::Status UpdateProgress(const JobKey& key, int64_t progress);
  // Takes cores after the daemons of this party have answered. Errors: codes 1005, 1006.
  absl::Status ApplyResource(const JobKey& key);
  absl::Status ReturnResource(const JobKey& key);
  absl::Status Stop(const JobKey& key, const std::string& message);

  // Requests of clients.
  // `schema`: {"dag", "schema_version", "kind"}. The answer is the scheduler's.
  absl::StatusOr<Answer> Submit(const dag::Json& schema, const std::string& user_name);
  absl::StatusOr<Answer> StopEverywhere(const std::string& job_id);
  absl::StatusOr<Answer> Rerun(const std::string& job_id);

  // Gives back cores of jobs that have ended; whoever held them was killed in between.
  absl::Status ReturnLeakedResources();

 private:
  absl::Status InsertJob(const JobKey& key, const dag::Dag& dag);
  absl::Status InsertTask(const JobKey& key, const dag::Dag& dag, const std::string& name);
  absl::Status CheckReferences(const dag::Dag& dag);
  // What an upload left in the folder of temporary files.
  void RemoveSpooledFiles(const JobKey& key);
  // Data, models and metrics of one task become those of another.
  absl::Status CopyOutputs(const Json& source, const Json& target);
  absl::Status Inherit(const JobKey& key, const Json& inheritance);
  absl::StatusOr<Json> AnyJob(const std::string& job_id);
  absl::StatusOr<Answer> AskScheduler(const Json& job, const std::string& path, Json body);
  Parts parts_;
};

}  // namespace fate::flow
