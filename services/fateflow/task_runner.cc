#include "fateflow/task_runner.h"

#include <filesystem>

#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "fateflow/task_config.h"
#include "yaml/yaml.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

constexpr absl::Duration kKillTimeout = absl::Seconds(5);
constexpr absl::Duration kCleanUpTimeout = absl::Seconds(20);
constexpr absl::Duration kCleanUpPause = absl::Seconds(5);
constexpr size_t kErrorBytes = 4000;

std::string ResultPath(const std::string& task_dir) {
  return task_dir + "/output/task_result.yaml";
}
std::string ConfigPath(const std::string& task_dir) {
  return task_dir + "/input/task_parameters.yaml";
}

std::vector<std::string> CommandOf(const Json& task) {
  std::vector<std::string> command;
  for (const Json& argument : Member(task, "cmd")) command.push_back(argument.get<std::string>());
  return command;
}

// Why a component failed, in the words it left.
absl::Status ComponentFailure(const Json& result, std::optional<int> exit_code,
                              const std::string& output_path) {
  std::string reason = Text(Member(result, "status"), "exceptions");
  if (reason.empty()) reason = Trim(TailOf(output_path, kErrorBytes));
  if (!exit_code) return InternalError("the component failed: {}", reason);
  if (*exit_code > 128) {
    return InternalError("the component was killed by signal {}: {}", *exit_code - 128, reason);
  }
  return InternalError("the component ended with exit code {}: {}", *exit_code, reason);
}

}  // namespace

bool TaskRunner::Killed(const TaskKey& key) {
  std::lock_guard lock(mutex_);
  auto run = runs_.find(key.execution_id());
  return run == runs_.end() || run->second.killed;
}

void TaskRunner::Start(const TaskKey& key) {
  {
    std::lock_guard lock(mutex_);
    if (!runs_.try_emplace(key.execution_id()).second) return;
  }
  parts_.reactor.Post([this, key] {
    log::Scope scope({.job = key.job_id, .session = key.execution_id()});
    if (absl::Status status = Launch(key); !status.ok()) End(key, status);
  });
}

absl::StatusOr<ProcessSpec> TaskRunner::Prepare(const Json& task, const std::string& task_dir) {
  const Json& pre = task["component_parameters"];
  ASSIGN_OR_RETURN(std::string log_dir,
                   parts_.layout.TaskLogDir(KeyOf(task).job(), Text(task, "task_name")));
  for (const char* folder : {"/input", "/output", "/pid"}) {
    RETURN_IF_ERROR(MakeDirectories(task_dir + folder));
  }
  for (const char* folder : {"/stdout", "/root", "/component"}) {
    RETURN_IF_ERROR(MakeDirectories(log_dir + folder));
  }
  RETURN_IF_ERROR(WriteTextFile(task_dir + "/input/preprocess_parameters.yaml", yaml::Write(pre)));
  ASSIGN_OR_RETURN(Json define, parts_.components.Define(Text(pre, "component"), Text(pre, "role"),
                                                         Text(pre, "stage")));
  ASSIGN_OR_RETURN(Json inputs, parts_.inputs.Resolve(pre, define, task_dir));
  Json outputs = OutputArtifacts(parts_.config, pre, define, task_dir);
  Json config = TaskConfig(pre, std::move(inputs), std::move(outputs));
  RETURN_IF_ERROR(WriteTextFile(ConfigPath(task_dir), yaml::Write(config)));
  return ProcessSpec{
      .command = {parts_.components.program(), "component", "execute", "--config",
                  ConfigPath(task_dir), "--execution-final-meta-path", ResultPath(task_dir)},
      .directory = task_dir,
      .output = log_dir + "/stdout/task_execute",
      .environment = {{"FATE_JOB_ID", Text(task, "job_id")},
                      {"PROCESS_ROLE", "worker"},
                      {"FATE_FLOW_PID", std::to_string(getpid())}}};
}

absl::Status TaskRunner::Record(const TaskKey& key, const ProcessSpec& spec, pid_t pid,
                                const char* worker) {
  std::string worker_id = fmt::format("{}_{}_{}", key.execution_id(), worker, pid);
  int64_t now = parts_.jobs.records().now_ms();
  RETURN_IF_ERROR(WriteTextFile(spec.directory + "/pid/" + worker, std::to_string(pid)));
  RETURN_IF_ERROR(parts_.jobs.records().Put("t_worker", {{"worker_id", worker_id},
                                                         {"worker_name", worker},
                                                         {"job_id", key.job_id},
                                                         {"task_id", key.task_id},
                                                         {"task_version", key.version},
                                                         {"role", key.role},
                                                         {"party_id", key.party_id},
                                                         {"run_ip", parts_.config.host},
                                                         {"run_pid", pid},
                                                         {"cmd", JsonValue(spec.command)},
                                                         {"start_time", now}}));
  return parts_.jobs.UpdateTask(key, {{"worker_id", worker_id},
                                      {"cmd", JsonValue(spec.command)},
                                      {"run_ip", parts_.config.host},
                                      {"run_port", parts_.config.http_port},
                                      {"run_pid", pid}});
}

absl::Status TaskRunner::Launch(const TaskKey& key) {
  ASSIGN_OR_RETURN(Json task, parts_.jobs.FindTask(key));
  ASSIGN_OR_RETURN(std::string task_dir, parts_.layout.TaskDir(key, Text(task, "task_name")));
  ASSIGN_OR_RETURN(ProcessSpec spec, Prepare(task, task_dir));
  pid_t pid = 0;
  {
    std::lock_guard lock(mutex_);
    auto run = runs_.find(key.execution_id());
    if (run == runs_.end() || run->second.killed) return CancelledError("stopped before it began");
    ASSIGN_OR_RETURN(pid, Spawn(spec));
    run->second.pid = pid;
    run->second.command = spec.command;
  }
  log::Info("component {} runs as process {}", Text(task, "component"), pid);
  RETURN_IF_ERROR(Record(key, spec, pid, "task_execute"));
  return Watch(key, pid);
}

absl::Status TaskRunner::Watch(const TaskKey& key, pid_t pid) {
  absl::Status watched = parts_.reactor.OnExit(pid, [this, key, pid] { OnProcessEnd(key, pid); });
  if (watched.ok()) return watched;
  parts_.reactor.Post([this, key, pid] { OnProcessEnd(key, pid); });
  return absl::OkStatus();
}

void TaskRunner::OnProcessEnd(const TaskKey& key, pid_t pid) {
  log::Scope scope({.job = key.job_id, .session = key.execution_id()});
  std::optional<int> exit_code = Reap(pid);
  if (Killed(key)) return;
  absl::Status settled = Settle(key, exit_code);
  if (!settled.ok()) {
    if (auto task = parts_.jobs.FindTask(key); task.ok() && !task->is_null()) CleanUpLater(*task);
  }
  End(key, settled);
}

absl::Status TaskRunner::Settle(const TaskKey& key, std::optional<int> exit_code) {
  ASSIGN_OR_RETURN(Json task, parts_.jobs.FindTask(key));
  if (task.is_null()) return NotFoundError("the job was removed while its task ran");
  ASSIGN_OR_RETURN(std::string task_dir, parts_.layout.TaskDir(key, Text(task, "task_name")));
  ASSIGN_OR_RETURN(std::string log_dir,
                   parts_.layout.TaskLogDir(key.job(), Text(task, "task_name")));
  Json result = Json::object();
  if (auto text = ReadTextFile(ResultPath(task_dir)); text.ok()) {
    ASSIGN_OR_RETURN(result, yaml::Parse(*text));
  } else if (!exit_code || *exit_code == 0) {
    return FlowError(kNoTaskOutput);
  }
  bool failed = exit_code.value_or(0) != 0 || Integer(Member(result, "status"), "code", -1) != 0;
  if (failed) return ComponentFailure(result, exit_code, log_dir + "/stdout/task_execute");
  ASSIGN_OR_RETURN(std::string config_text, ReadTextFile(ConfigPath(task_dir)));
  ASSIGN_OR_RETURN(Json config, yaml::Parse(config_text));
  return parts_.outputs.Publish(task, config, result, task_dir);
}

absl::Status TaskRunner::CleanUp(const Json& task) {
  const Json& conf = Member(task["component_parameters"], "conf");
  ASSIGN_OR_RETURN(std::string task_dir,
                   parts_.layout.TaskDir(KeyOf(task), Text(task, "task_name")));
  ASSIGN_OR_RETURN(std::string log_dir,
                   parts_.layout.TaskLogDir(KeyOf(task).job(), Text(task, "task_name")));
  RETURN_IF_ERROR(MakeDirectories(task_dir));
  RETURN_IF_ERROR(MakeDirectories(log_dir + "/stdout"));
  Json config = {{"computing", Member(conf, "computing")},
                 {"federation", Member(conf, "federation")}};
  return RunToEnd({.command = {parts_.components.program(), "component", "cleanup", "--env-name",
                               "FATE_TASK_CONFIG"},
                   .directory = task_dir,
                   .output = log_dir + "/stdout/execute_clean",
                   .environment = {{"FATE_TASK_CONFIG", yaml::Write(config)},
                                   {"FATE_JOB_ID", Text(task, "job_id")},
                                   {"PROCESS_ROLE", "worker"}}},
                  kCleanUpTimeout);
}

void TaskRunner::End(const TaskKey& key, const absl::Status& status) {
  {
    std::lock_guard lock(mutex_);
    auto run = runs_.find(key.execution_id());
    if (run == runs_.end() || run->second.killed) return;
    runs_.erase(run);
  }
  if (!status.ok()) log::Error("task failed: {}", Message(status));
  on_end_(key, Message(status));
}

void TaskRunner::CleanUpLater(const Json& task, int attempts) {
  parts_.reactor.Post([this, task, attempts] {
    TaskKey key = KeyOf(task);
    log::Scope scope({.job = key.job_id, .session = key.execution_id()});
    absl::Status cleaned = CleanUp(task);
    if (cleaned.ok()) return;
    log::Warning("cleaning up after the component failed ({} attempts left): {}", attempts - 1,
                 Message(cleaned));
    if (attempts <= 1) return;
    parts_.reactor.After(kCleanUpPause,
                         [this, task, attempts] { CleanUpLater(task, attempts - 1); });
  });
}

absl::Status TaskRunner::Kill(const TaskKey& key) {
  Run run;
  {
    std::lock_guard lock(mutex_);
    auto found = runs_.find(key.execution_id());
    if (found == runs_.end()) return absl::OkStatus();
    found->second.killed = true;
    run = found->second;
  }
  if (run.pid > 0) {
    if (IsRunning(run.pid, run.command)) RETURN_IF_ERROR(KillGroup(run.pid, kKillTimeout));
    ASSIGN_OR_RETURN(Json task, parts_.jobs.FindTask(key));
    if (!task.is_null()) CleanUpLater(task);
  }
  std::lock_guard lock(mutex_);
  runs_.erase(key.execution_id());
  return absl::OkStatus();
}

absl::Status TaskRunner::Readopt() {
  ASSIGN_OR_RETURN(std::vector<Json> tasks,
                   parts_.jobs.records().Select("t_task", {{"party_status", "running"}}));
  for (const Json& task : tasks) {
    TaskKey key = KeyOf(task);
    log::Scope scope({.job = key.job_id, .session = key.execution_id()});
    pid_t pid = static_cast<pid_t>(Integer(task, "run_pid"));
    {
      std::lock_guard lock(mutex_);
      runs_[key.execution_id()] = {.pid = pid, .command = CommandOf(task)};
    }
    if (pid > 0 && IsRunning(pid, CommandOf(task))) {
      log::Info("found component process {} again", pid);
      RETURN_IF_ERROR(Watch(key, pid));
    } else if (pid > 0) {
      parts_.reactor.Post([this, key, pid] { OnProcessEnd(key, pid); });
    } else {
      CleanUpLater(task);
      parts_.reactor.Post(
          [this, key] { End(key, InternalError("fateflow was restarted before the task began")); });
    }
  }
  return absl::OkStatus();
}

}  // namespace fate::flow
