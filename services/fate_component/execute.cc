#include "fate_component/execute.h"

#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <cstdlib>

#include "absl/time/clock.h"
#include "algo/registry.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "fate_component/define.h"
#include "fate_component/files.h"
#include "fate_component/guard.h"
#include "fate_component/json_fields.h"
#include "fate_component/task_context.h"
#include "yaml/yaml.h"

namespace fate::component {
namespace {

using nlohmann::json;

constexpr int kSuccess = 0, kFailure = 1;
constexpr int kFailedTask = -1;  // status.code of the result file

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "fate_component: %s\n", Message(status).c_str());
  return kFailure;
}

const algo::ComponentRegistry& Registry() {
  static const algo::ComponentRegistry* registry = [] {
    auto* made = new algo::ComponentRegistry;
    algo::RegisterAllComponents(*made);
    return made;
  }();
  return *registry;
}

json EmptyIoMeta() {
  json none = json::object();
  return {{"inputs", {{"data", none}, {"model", none}}},
          {"outputs", {{"data", none}, {"model", none}, {"metric", none}}}};
}

// The result file (15.5). The first of the task and its guard to come writes it.
class ResultFile {
 public:
  explicit ResultFile(std::string path) : path_(std::move(path)) {}

  bool Claim() { return !claimed_.exchange(true); }
  absl::Status WriteSuccess(const json& io_meta) const {
    return Write({{"code", 0}, {"exceptions", nullptr}}, io_meta);
  }
  absl::Status WriteFailure(const std::string& reason) const {
    return Write({{"code", kFailedTask}, {"exceptions", reason}}, EmptyIoMeta());
  }

 private:
  absl::Status Write(const json& status, const json& io_meta) const {
    json result = {{"status", status}, {"io_meta", io_meta}};
    return WriteFile(path_, result.dump(2, ' ', false, json::error_handler_t::replace));
  }
  std::string path_;
  std::atomic<bool> claimed_{false};
};

Guard::Options GuardOptions(const TaskConfig& config) {
  Guard::Options options;
  const char* pid = std::getenv("FATE_FLOW_PID");
  options.flow_pid = pid == nullptr ? 0 : ParseInt<int>(pid).value_or(0);
  const json& uri = Member(Member(config.output_artifacts, "metric"), "uri");
  std::string text = uri.is_string() ? uri.get<std::string>() : "";
  size_t path = text.starts_with("http://") ? text.find('/', 7) : text.npos;
  if (path != text.npos) options.flow_url = text.substr(0, path) + "/healthz";
  return options;
}

// A task from outside: no more work, eggs stopped, reason told. Does not return.
void StopNow(const TaskConfig& config, ResultFile& result, TaskLog& task_log,
             const std::string& reason) {
  if (!result.Claim()) return;
  task_log.Write(log::Level::kError, "", reason);
  if (auto options = SessionOptions(config.conf); options.ok()) {
    compute::Session::KillById(options->cluster_manager, options->id).IgnoreError();
  }
  result.WriteFailure(reason).IgnoreError();
  std::fflush(nullptr);
  _exit(kFailure);
}

absl::Status RunComponent(const algo::Component& component, FileTaskContext& context) {
  if (component.check_parameters) RETURN_IF_ERROR(component.check_parameters(context.parameters()));
  absl::Status status = component.run(context);
  if (!status.ok()) {
    if (auto discarded = context.DiscardOutputs(); !discarded.ok()) {
      log::Warning("cannot remove the task's tables: {}", Message(discarded));
    }
  }
  absl::Status closed = Annotate(context.Close(), "the session cannot be stopped");
  if (status.ok()) return closed;
  if (!closed.ok()) log::Warning("{}", Message(closed));
  return status;
}

absl::StatusOr<json> RunTask(const TaskConfig& config, TaskLog& task_log) {
  ASSIGN_OR_RETURN(const algo::Component* component,
                   FindComponent(Registry(), config.component, config.role));
  absl::Time start = absl::Now();
  FileTaskContext context(config, *component, task_log);
  RETURN_IF_ERROR(RunComponent(*component, context));
  context.Log("", fmt::format("component ran for {:.1f} ms",
                              absl::ToDoubleMilliseconds(absl::Now() - start)));
  return context.IoMeta();
}

int Finish(ResultFile& result, TaskLog& task_log, const absl::StatusOr<json>& io_meta) {
  if (!result.Claim()) {
    for (;;) pause();  // the guard ends the process
  }
  absl::Status status = io_meta.status();
  if (status.ok()) status = result.WriteSuccess(*io_meta);
  if (status.ok()) return kSuccess;
  task_log.Write(log::Level::kError, "", Message(status));
  log::Error("{}", Message(status));
  result.WriteFailure(Message(status)).IgnoreError();
  return kFailure;
}

// A killed session leaves its temporary tables and what it received on the disks of the nodes;
// eggs of another session remove them.
absl::Status CleanUpSession(const json& conf) {
  ASSIGN_OR_RETURN(auto options, SessionOptions(conf));
  std::string killed = options.id;
  RETURN_IF_ERROR(compute::Session::KillById(options.cluster_manager, killed));
  options.id += fmt::format("_cleanup_{}", getpid());
  options.eggs_per_node = 1;
  ASSIGN_OR_RETURN(auto session, compute::Session::Open(std::move(options)));
  RETURN_IF_ERROR(session->Cleanup(killed));
  if (auto received = FederationOptions(conf); received.ok()) {
    RETURN_IF_ERROR(federation::Federation(session.get(), *received).Destroy());
  }
  return session->Stop();
}

}  // namespace

int WriteDefine(const std::string& name, const std::string& role, const std::string& stage,
                const std::string& output_path) {
  auto component = FindComponent(Registry(), name, role);
  if (!component.ok()) return Fail(component.status());
  absl::Status written = WriteFile(output_path, yaml::Write(Define(**component, stage)));
  return written.ok() ? kSuccess : Fail(written);
}

int Execute(const std::string& config_path, const std::string& result_path) {
  ResultFile result(result_path);
  auto text = ReadFile(config_path);
  absl::StatusOr<TaskConfig> config = text.ok() ? TaskConfig::Parse(*text) : text.status();
  if (!config.ok()) {
    absl::Status status = Annotate(config.status(), config_path);
    result.WriteFailure(Message(status)).IgnoreError();
    return Fail(status);
  }
  TaskLog task_log(Member(Member(config->conf, "logger"), "config"), config->component + ".run");
  Guard guard(GuardOptions(*config),
              [&](const std::string& reason) { StopNow(*config, result, task_log, reason); });
  log::Scope scope({.job = config->job_id, .session = config->party_task_id});
  return Finish(result, task_log, RunTask(*config, task_log));
}

int CleanUp(const std::string& environment) {
  const char* text = std::getenv(environment.c_str());
  if (text == nullptr) {
    return Fail(InvalidArgumentError("environment variable {} is not set", environment));
  }
  auto conf = yaml::Parse(text);
  if (!conf.ok()) return Fail(Annotate(conf.status(), environment));
  absl::Status cleaned = CleanUpSession(*conf);
  return cleaned.ok() ? kSuccess : Fail(cleaned);
}

}  // namespace fate::component
