#include "nodemanager/egg_command.h"

#include <unistd.h>

#include <filesystem>

#include "base/status.h"

namespace fate::nodemanager {
namespace {

constexpr char kPathKey[] = "eggroll.resourcemanager.bootstrap.egg_pair.exepath";

bool EndsWith(std::string_view text, std::string_view end) {
  return text.size() >= end.size() && text.substr(text.size() - end.size()) == end;
}

}  // namespace

std::string OwnFolder() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

absl::StatusOr<EggProgram> EggProgram::Find(const Properties& properties, const std::string& home,
                                            const std::string& own_folder) {
  std::string path = properties.Get(kPathKey);
  if (path.empty()) {
    EggProgram program{.path = own_folder + "/egg_pair"};
    if (access(program.path.c_str(), X_OK) == 0) return program;
    return properties.Error(kPathKey, fmt::format("there is no {}; install egg_pair beside "
                                                  "nodemanager or give its path",
                                                  program.path));
  }
  EggProgram program{.path = path, .is_script = EndsWith(path, ".sh")};
  if (path.front() != '/') {
    auto base = home.empty() ? std::filesystem::current_path() : std::filesystem::path(home);
    program.path = (base / path).string();
  }
  if (access(program.path.c_str(), program.is_script ? R_OK : X_OK) != 0) {
    return properties.Error(
        kPathKey, fmt::format("there is no {} to run; leave the value empty for the native "
                              "egg_pair, or set EGGROLL_HOME to the folder it is below",
                              program.path));
  }
  if (!program.is_script) return program;
  program.folder = home;
  program.python_path = properties.Get("python.path");
  program.python_venv = properties.Get("python.venv");
  return program;
}

ProcessCommand EggCommand(const EggProgram& program, const daemon::EggrollSettings& settings,
                          int64_t node_id, const std::string& session, int64_t processor_id) {
  std::string label = "egg_pair-" + std::to_string(processor_id);
  std::string logs = settings.logs_dir + "/" + session + "/";
  ProcessCommand command{.is_script = program.is_script, .folder = program.folder, .label = label};
  auto& a = command.arguments;
  a = {program.path, "--config", settings.config_path};
  if (program.is_script) a.insert(a.begin(), "/bin/bash");
  if (!program.python_path.empty()) a.insert(a.end(), {"--python-path", program.python_path});
  if (!program.python_venv.empty()) a.insert(a.end(), {"--python-venv", program.python_venv});
  a.insert(a.end(), {"--session-id", session, "--server-node-id", std::to_string(node_id),
                     "--processor-id", std::to_string(processor_id)});
  if (program.is_script) {  // the script itself writes egg_pair-P.out and .err
    label = "bootstrap-" + label;
  } else {
    a.insert(a.end(),
             {"--cluster-manager", settings.ClusterManager(), "--node-manager",
              std::to_string(settings.node_manager_port), "--host", settings.node_manager_host});
    command.pid_file = logs + "pid.txt";
  }
  command.out_file = logs + label + ".out";
  command.err_file = logs + label + ".err";
  return command;
}

}  // namespace fate::nodemanager
