#include "component_e2e/component_process.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/status.h"
#include "fate_component/files.h"

namespace fate::testing {
namespace {

using component::ReadFile;
using component::WriteFile;
using nlohmann::json;

std::string Program() {
  return std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
         "bin/fate_component";
}

pid_t Start(const std::vector<std::string>& arguments, const std::string& output_path,
            const std::string& task_config) {
  std::string program = Program();
  std::vector<char*> argv = {program.data()};
  for (const std::string& word : arguments) argv.push_back(const_cast<char*>(word.c_str()));
  argv.push_back(nullptr);
  int out = open(output_path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  pid_t pid = fork();
  if (pid == 0) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    if (!task_config.empty()) setenv("FATE_TASK_CONFIG", task_config.c_str(), 1);
    execv(argv[0], argv.data());
    _exit(127);
  }
  close(out);
  return pid;
}

int WaitFor(pid_t pid, absl::Duration timeout) {
  int status = 0;
  if (!Eventually([&] { return waitpid(pid, &status, WNOHANG) == pid; }, timeout)) return -1;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

std::string Content(const std::string& path) {
  auto content = ReadFile(path);
  return content.ok() ? *content : "";
}

json Party(const std::string& role, const std::string& id) {
  return {{"role", role}, {"partyid", id}};
}

}  // namespace

int RunFateComponent(const std::vector<std::string>& arguments, const std::string& output_path,
                     const std::string& task_config) {
  return WaitFor(Start(arguments, output_path, task_config), absl::Seconds(60));
}

ComponentProcess::ComponentProcess(const LocalParty& party, const TaskSpec& spec)
    : folder_(fmt::format("{}/tasks/{}_{}", party.folder(), spec.task, spec.role)) {
  std::filesystem::create_directories(folder_ + "/output");
  json config = Config(party, spec);
  if (!WriteFile(folder_ + "/config.yaml", config.dump()).ok()) std::abort();
  pid_ = Start({"component", "execute", "--config", folder_ + "/config.yaml",
                "--execution-final-meta-path", folder_ + "/output/task_result.yaml"},
               folder_ + "/stdout", "");
}

ComponentProcess::~ComponentProcess() {
  if (pid_ <= 0) return;
  kill(pid_, SIGKILL);
  waitpid(pid_, nullptr, 0);
}

json ComponentProcess::OutputArtifacts(const TaskSpec& spec) const {
  std::string define_path = folder_ + "/define.yaml";
  RunFateComponent({"component", "artifact-type", "--name", spec.component, "--role", spec.role,
                    "--stage", spec.stage, "--output-path", define_path},
                   folder_ + "/stdout");
  json artifacts = json::object();
  json outputs = json::parse(Content(define_path)).at("outputs");
  for (const char* kind : {"data", "model", "metric"}) {
    for (const json& artifact : outputs[kind]) {
      std::string name = artifact["name"], type = artifact["types"][0]["type_name"];
      bool is_table = artifact["types"][0]["path_type"] == "distributed";
      artifacts[name] = {
          {"type_name", type},
          {"uri", is_table ? fmt::format("eggroll:///{}/{}_{}", spec.task, name, spec.role)
                           : fmt::format("file://{}/output/{}/{}", folder_, name, type)}};
    }
  }
  return artifacts;
}

json ComponentProcess::Config(const LocalParty& party, const TaskSpec& spec) {
  std::string federation = spec.task + "_0";
  std::string execution = fmt::format("{}_{}_{}", federation, spec.role, spec.party_id);
  json parties = json::array();
  for (const auto& [role, id] : spec.parties) parties.push_back(Party(role, id));
  auto handler = [&](const char* level) {
    return json{{"level", level}, {"filename", fmt::format("{}/logs/{}", folder_, level)}};
  };
  conf_ = {
      {"computing",
       {{"type", "eggroll"},
        {"metadata",
         {{"computing_id", execution},
          {"host", party.address()},
          {"port", 4670},
          {"options", json::object()}}}}},
      {"federation",
       {{"type", "rollsite"},
        {"metadata",
         {{"federation_id", federation},
          {"parties", {{"local", Party(spec.role, spec.party_id)}, {"parties", parties}}},
          {"rollsite_config", {{"host", party.address()}, {"port", 9370}}}}}}},
      {"logger",
       {{"config", {{"handlers", {{"info", handler("INFO")}, {"error", handler("ERROR")}}}}}}}};
  return {{"job_id", "j"},
          {"task_id", spec.task},
          {"party_task_id", execution},
          {"task_name", spec.component + "_0"},
          {"component", spec.component},
          {"role", spec.role},
          {"party_id", spec.party_id},
          {"stage", spec.stage},
          {"parameters", spec.parameters},
          {"input_artifacts", spec.inputs},
          {"output_artifacts", OutputArtifacts(spec)},
          {"conf", conf_}};
}

int ComponentProcess::Wait(absl::Duration timeout) {
  int code = WaitFor(pid_, timeout);
  if (code >= 0) pid_ = -1;
  return code;
}

void ComponentProcess::Signal(int number) const { kill(pid_, number); }

json ComponentProcess::Result() const {
  json result = json::parse(Content(folder_ + "/output/task_result.yaml"), nullptr, false);
  return result.is_discarded() ? json::object() : result;
}

json ComponentProcess::Output(const std::string& kind, const std::string& key) const {
  return Result()["io_meta"]["outputs"][kind][key];
}

json ComponentProcess::Model(const std::string& key) const {
  std::string uri = Output("model", key)["uri"];
  return json::parse(Content(uri.substr(std::string("file://").size())), nullptr, false);
}

json ComponentProcess::Metrics() const {
  return json::parse(Content(folder_ + "/output/metric/json_metric"), nullptr, false);
}

std::string ComponentProcess::Log(const std::string& level) const {
  return Content(folder_ + "/logs/" + level);
}

std::string ComponentProcess::Stdout() const { return Content(folder_ + "/stdout"); }

}  // namespace fate::testing
