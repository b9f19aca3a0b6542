#pragma once

// Runs the component process of each task on this node (spec/fate-flow.md 15): prepares its
// files, starts it, learns of its end at once, publishes what it left. Processes outlive a
// restart of the flow server and are found again. Thread-safe.

#include <functional>
#include <map>
#include <mutex>
#include <string>

#include "fateflow/components.h"
#include "fateflow/config.h"
#include "fateflow/layout.h"
#include "fateflow/process.h"
#include "fateflow/reactor.h"
#include "fateflow/task_inputs.h"
#include "fateflow/task_outputs.h"

namespace fate::flow {

class TaskRunner {
 public:
  struct Parts {
    const Config& config;
    const Layout& layout;
    JobStore& jobs;
    Components& components;
    TaskInputs& inputs;
    TaskOutputs& outputs;
    Reactor& reactor;
  };
  // Called once per task that ran to its end, on a worker thread: "" or why it failed.
  using OnEnd = std::function<void(const TaskKey& key, const std::string& error)>;

  TaskRunner(Parts parts, OnEnd on_end) : parts_(parts), on_end_(std::move(on_end)) {}

  // Prepares and starts in the background.
  void Start(const TaskKey& key);
  // Kills the process group; returns when it is gone. What it left in the engine is cleaned up
  // in the background. OnEnd is not called.
  absl::Status Kill(const TaskKey& key);
  // After a restart of this program: watches what still runs, settles what has ended.
  absl::Status Readopt();

 private:
  struct Run {
    pid_t pid = 0;  // 0: being prepared
    bool killed = false;
    std::vector<std::string> command;
  };
  absl::Status Launch(const TaskKey& key);
  absl::StatusOr<ProcessSpec> Prepare(const Json& task, const std::string& task_dir);
  absl::Status Record(const TaskKey& key, const ProcessSpec& spec, pid_t pid, const char* worker);
  absl::Status Watch(const TaskKey& key, pid_t pid);
  void OnProcessEnd(const TaskKey& key, pid_t pid);
  absl::Status Settle(const TaskKey& key, std::optional<int> exit_code);
  absl::Status CleanUp(const Json& task);
  void CleanUpLater(const Json& task, int attempts = 5);
  void End(const TaskKey& key, const absl::Status& status);
  bool Killed(const TaskKey& key);

  Parts parts_;
  OnEnd on_end_;
  std::mutex mutex_;
  std::map<std::string, Run> runs_;  // by execution id
};

}  // namespace fate::flow
