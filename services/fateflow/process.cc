#include "fateflow/process.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "absl/cleanup/cleanup.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

std::vector<std::string> Environment(const std::map<std::string, std::string>& added) {
  std::vector<std::string> lines;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    std::string_view line = *entry;
    if (!added.contains(std::string(line.substr(0, line.find('='))))) lines.emplace_back(line);
  }
  for (const auto& [name, value] : added) lines.push_back(name + "=" + value);
  return lines;
}

std::vector<char*> Pointers(const std::vector<std::string>& texts) {
  std::vector<char*> pointers;
  for (const std::string& text : texts) pointers.push_back(const_cast<char*>(text.c_str()));
  pointers.push_back(nullptr);
  return pointers;
}

// Own group, default signals: the daemon blocks SIGTERM and ignores SIGPIPE.
void SetAttributes(posix_spawnattr_t* attributes) {
  sigset_t none, all;
  sigemptyset(&none);
  sigfillset(&all);
  posix_spawnattr_init(attributes);
  posix_spawnattr_setsigmask(attributes, &none);
  posix_spawnattr_setsigdefault(attributes, &all);
  posix_spawnattr_setpgroup(attributes, 0);
  posix_spawnattr_setflags(attributes,
                           POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
}

int OpenPidfd(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// True once the process has ended (or was never there).
bool WaitForEnd(pid_t pid, absl::Duration timeout) {
  int fd = OpenPidfd(pid);
  if (fd < 0) return true;
  pollfd entry{.fd = fd, .events = POLLIN};
  int ready = poll(&entry, 1, static_cast<int>(absl::ToInt64Milliseconds(timeout)));
  close(fd);
  return ready > 0;
}

}  // namespace

absl::StatusOr<pid_t> Spawn(const ProcessSpec& spec) {
  std::vector<std::string> environment = Environment(spec.environment);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&actions, 1, spec.output.c_str(), O_WRONLY | O_CREAT | O_APPEND,
                                   0644);
  posix_spawn_file_actions_adddup2(&actions, 1, 2);
  posix_spawn_file_actions_addchdir_np(&actions, spec.directory.c_str());
  // A child that kept a listening socket would keep a restarted server from its port.
  posix_spawn_file_actions_addclosefrom_np(&actions, 3);
  posix_spawnattr_t attributes;
  SetAttributes(&attributes);
  pid_t pid = 0;
  int error = posix_spawn(&pid, spec.command[0].c_str(), &actions, &attributes,
                          Pointers(spec.command).data(), Pointers(environment).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (error == 0) return pid;
  return UnavailableError(
      "cannot start {} in {}: {}; check that the program is installed beside fateflow",
      spec.command[0], spec.directory, std::strerror(error));
}

std::optional<int> Reap(pid_t pid) {
  int status = 0;
  if (waitpid(pid, &status, WNOHANG) != pid) return std::nullopt;
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

bool IsRunning(pid_t pid, const std::vector<std::string>& command) {
  std::ifstream file("/proc/" + std::to_string(pid) + "/cmdline", std::ios::binary);
  std::string actual{std::istreambuf_iterator<char>(file), {}};
  std::string expected;
  for (const std::string& argument : command) expected += argument + '\0';
  if (actual == expected) return !expected.empty();
  // A script runs as "<interpreter> <script> arguments...".
  return actual.size() > expected.size() && actual.ends_with('\0' + expected);
}

absl::Status KillGroup(pid_t pid, absl::Duration timeout) {
  if (kill(-pid, SIGKILL) != 0) kill(pid, SIGKILL);
  if (WaitForEnd(pid, timeout)) return absl::OkStatus();
  return DeadlineExceededError("process {} did not end {} after SIGKILL", pid,
                               absl::FormatDuration(timeout));
}

absl::Status RunToEnd(const ProcessSpec& spec, absl::Duration timeout) {
  ASSIGN_OR_RETURN(pid_t pid, Spawn(spec));
  bool ended = WaitForEnd(pid, timeout);
  if (!ended) kill(-pid, SIGKILL);
  int status = 0;
  waitpid(pid, &status, 0);
  std::string command = Join(spec.command, " ");
  if (!ended) {
    return DeadlineExceededError("{} did not end within {}", command,
                                 absl::FormatDuration(timeout));
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  return InternalError("{} ended with {}: {}", command,
                       WIFEXITED(status) ? fmt::format("code {}", WEXITSTATUS(status))
                                         : fmt::format("signal {}", WTERMSIG(status)),
                       std::string(Trim(TailOf(spec.output, 2000))));
}

std::string TailOf(const std::string& path, size_t bytes) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return "";
  std::streamoff size = file.tellg();
  file.seekg(std::max<std::streamoff>(0, size - static_cast<std::streamoff>(bytes)));
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace fate::flow
