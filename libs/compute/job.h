#pragma once

// A job on its way: one task for each partition, sent to the eggs that own them at the same time
// (spec/eggroll-compute-and-storage.md 5). No thread waits for a task; the first failure cancels
// the others. Internal to this library.

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eggroll/meta.pb.h"

namespace fate::compute {

// "<session>/job/<name>/<YYYYMMDDHHMMSSmicros>", never the same twice in a process.
std::string NewJobId(const std::string& session_id, const std::string& job_name);
// "<job id>/task/<partition>": also the broker tag of the task's data.
std::string TaskId(const std::string& job_id, int partition);

struct EggTask {
  com::webank::eggroll::core::meta::Task task;  // without its job
  std::shared_ptr<const std::string> job;       // serialized once for all tasks
  com::webank::eggroll::core::meta::Processor egg;
  int partition = 0;
  std::string what;  // "native:toy.share on partition 2 of ns/name", for error texts

  // The Task message as sent.
  std::string Serialize() const;
};

// Decomposes by section 5.3; `only` picks one partition.
// Error: kFailedPrecondition when partitions of one task lie on different eggs.
absl::StatusOr<std::vector<EggTask>> SplitJob(const com::webank::eggroll::core::meta::Job& job,
                                              const std::string& task_name,
                                              std::optional<int> only = std::nullopt);

class RunningJob {
 public:
  // `on_failure` is called at most once, from a gRPC thread, when the first task fails.
  RunningJob(std::vector<EggTask> tasks, absl::Duration timeout,
             std::function<void()> on_failure = {});
  // Cancels what still runs.
  ~RunningJob();

  // The results in the order of the tasks, or the first failure: it names task, partition, table
  // and egg. Returns when every task has ended.
  absl::StatusOr<std::vector<std::string>> Wait();
  // False when tasks still run after `timeout`.
  bool WaitFor(absl::Duration timeout);
  void Cancel();

 private:
  struct State;
  std::shared_ptr<State> state_;
};

// Runs tasks to their end.
absl::StatusOr<std::vector<std::string>> RunTasks(std::vector<EggTask> tasks,
                                                  absl::Duration timeout);

// An egg's failure as a person should read it: task, egg and cause.
absl::Status ExplainEggFailure(const absl::Status& status, const EggTask& task);

}  // namespace fate::compute
