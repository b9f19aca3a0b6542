#include "nodemanager/process_keeper.h"

#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"

extern char** environ;

namespace fate::nodemanager {
namespace {

int OpenPid(pid_t pid) { return static_cast<int>(syscall(SYS_pidfd_open, pid, 0)); }

// The last line a process wrote to its error file, for messages.
std::string LastLine(const std::string& path) {
  std::ifstream file(path, std::ios::ate | std::ios::binary);
  constexpr std::streamoff kTail = 1024;
  std::streamoff size = file ? static_cast<std::streamoff>(file.tellg()) : 0;
  std::string tail(static_cast<size_t>(std::min(size, kTail)), '\0');
  file.seekg(size - static_cast<std::streamoff>(tail.size()));
  file.read(tail.data(), static_cast<std::streamsize>(tail.size()));
  std::string_view text = Trim(tail);
  return Escape(text.substr(text.rfind('\n') == text.npos ? 0 : text.rfind('\n') + 1));
}

std::string Describe(const ProcessCommand& command, pid_t pid, int wait_status) {
  std::string text = fmt::format("{} (pid {}) ", command.label, pid);
  if (WIFSIGNALED(wait_status)) {
    text += fmt::format("was killed by signal {} ({})", WTERMSIG(wait_status),
                        strsignal(WTERMSIG(wait_status)));
  } else {
    text += fmt::format("exited with code {}", WEXITSTATUS(wait_status));
  }
  std::string line = LastLine(command.err_file);
  if (!line.empty()) text += ": " + line;
  return text + "; read " + command.err_file;
}

// Operators look for the pids of a session here (spec/eggroll-control-plane.md 9.1).
void WritePidLine(const std::string& path, int64_t processor, pid_t pid) {
  if (path.empty()) return;
  std::ofstream file(path, std::ios::app);
  file << "egg_pair processor id:" << processor << ", os process id:" << pid << "\n";
}

// posix_spawn with its three objects.
class Spawner {
 public:
  Spawner() {
    posix_spawn_file_actions_init(&files_);
    posix_spawnattr_init(&attributes_);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes_, &none);
    posix_spawnattr_setsigdefault(&attributes_, &all);
    posix_spawnattr_setpgroup(&attributes_, 0);
    posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP);
  }
  ~Spawner() {
    posix_spawn_file_actions_destroy(&files_);
    posix_spawnattr_destroy(&attributes_);
  }

  // The pid, or the error of what failed.
  absl::StatusOr<pid_t> Spawn(const ProcessCommand& command) {
    posix_spawn_file_actions_addopen(&files_, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&files_, 1, command.out_file.c_str(),
                                     O_WRONLY | O_CREAT | O_APPEND, 0644);
    posix_spawn_file_actions_addopen(&files_, 2, command.err_file.c_str(),
                                     O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0644);
    posix_spawn_file_actions_addclosefrom_np(&files_, 3);
    if (!command.folder.empty()) {
      posix_spawn_file_actions_addchdir_np(&files_, command.folder.c_str());
    }
    std::vector<char*> arguments;
    for (const std::string& a : command.arguments)
      arguments.push_back(const_cast<char*>(a.c_str()));
    arguments.push_back(nullptr);
    pid_t pid = -1;
    int code = posix_spawn(&pid, arguments[0], &files_, &attributes_, arguments.data(), environ);
    if (code == 0) return pid;
    return UnavailableError("{} cannot be started: {} ({}); output was to go to {}", command.label,
                            command.arguments[0], strerror(code), command.err_file);
  }

 private:
  posix_spawn_file_actions_t files_;
  posix_spawnattr_t attributes_;
};

}  // namespace

struct ProcessKeeper::Process {
  ProcessName name;
  ProcessCommand command;
  pid_t pid = -1;      // leads the group
  int pid_fd = -1;     // -1 once reaped
  pid_t egg_pid = -1;  // left behind by a script
  int egg_fd = -1;
  bool end_requested = false;
  bool reported = false;
  absl::Time kill_at = absl::InfiniteFuture();
};

absl::StatusOr<std::unique_ptr<ProcessKeeper>> ProcessKeeper::Create(absl::Duration grace,
                                                                     OnEnd on_end) {
  int epoll_fd = epoll_create1(EPOLL_CLOEXEC);
  int wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  epoll_event event{.events = EPOLLIN, .data = {.fd = wake_fd}};
  if (epoll_fd < 0 || wake_fd < 0 || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, wake_fd, &event) != 0) {
    return ResourceExhaustedError("cannot watch processes: {}", strerror(errno));
  }
  return std::unique_ptr<ProcessKeeper>(
      new ProcessKeeper(grace, std::move(on_end), epoll_fd, wake_fd));
}

ProcessKeeper::ProcessKeeper(absl::Duration grace, OnEnd on_end, int epoll_fd, int wake_fd)
    : grace_(grace),
      on_end_(std::move(on_end)),
      epoll_fd_(epoll_fd),
      wake_fd_(wake_fd),
      thread_([this] { Run(); }) {}

ProcessKeeper::~ProcessKeeper() {
  Post([this] { EndAll(); });
  thread_.join();
  close(wake_fd_);
  close(epoll_fd_);
}

void ProcessKeeper::Post(std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    posted_.push_back(std::move(function));
  }
  eventfd_write(wake_fd_, 1);
}

void ProcessKeeper::Start(ProcessName name, ProcessCommand command) {
  Post([this, name = std::move(name), command = std::move(command)] { Launch(name, command); });
}
void ProcessKeeper::Stop(ProcessName name) {
  Post([this, name = std::move(name)] { RequestEnd(name, SIGTERM); });
}
void ProcessKeeper::Kill(ProcessName name) {
  Post([this, name = std::move(name)] { RequestEnd(name, SIGKILL); });
}
void ProcessKeeper::HeardOf(ProcessName name, pid_t pid) {
  Post([this, name = std::move(name), pid] {
    if (auto it = processes_.find(name); it != processes_.end()) Adopt(*it->second, pid);
  });
}
size_t ProcessKeeper::Count() const {
  std::lock_guard lock(mutex_);
  return count_;
}

void ProcessKeeper::Run() {
  while (!ending_ || !processes_.empty()) {
    epoll_event events[64];
    // Rounded up: waking a moment early would spin.
    int64_t wait_ms = absl::ToInt64Milliseconds(UntilNextKill()) + 1;
    int count =
        epoll_wait(epoll_fd_, events, 64, static_cast<int>(std::min<int64_t>(wait_ms, 60'000)));
    for (int i = 0; i < count; ++i) {
      if (events[i].data.fd == wake_fd_) {
        RunPosted();
      } else {
        OnReadable(events[i].data.fd);
      }
    }
    KillOverdue();
    if (ran_scripts_) ReapStrangers();
    std::lock_guard lock(mutex_);
    count_ = processes_.size();
  }
}

void ProcessKeeper::RunPosted() {
  eventfd_t ignored;
  eventfd_read(wake_fd_, &ignored);
  std::deque<std::function<void()>> functions;
  {
    std::lock_guard lock(mutex_);
    functions.swap(posted_);
  }
  for (auto& function : functions) function();
}

absl::Duration ProcessKeeper::UntilNextKill() const {
  absl::Time next = absl::InfiniteFuture();
  for (const auto& [name, process] : processes_) next = std::min(next, process->kill_at);
  return std::clamp(next - absl::Now(), absl::ZeroDuration(), absl::Seconds(60));
}

void ProcessKeeper::KillOverdue() {
  absl::Time now = absl::Now();
  std::vector<Process*> overdue;
  for (auto& [name, process] : processes_) {
    if (process->kill_at <= now) overdue.push_back(process.get());
  }
  for (Process* process : overdue) {
    process->kill_at = absl::InfiniteFuture();
    log::Warning("{} did not end within {}; killing it", process->command.label,
                 absl::FormatDuration(grace_));
    kill(-process->pid, SIGKILL);
    // A script that has left nothing behind will not be heard of again.
    if (process->pid_fd < 0 && process->egg_fd < 0) Finish(*process, SIGKILL);
  }
}

void ProcessKeeper::Watch(int pid_fd, const ProcessName& name) {
  epoll_event event{.events = EPOLLIN, .data = {.fd = pid_fd}};
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, pid_fd, &event);
  names_by_fd_[pid_fd] = name;
}

void ProcessKeeper::Forget(int pid_fd) {
  if (pid_fd < 0) return;
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, pid_fd, nullptr);
  names_by_fd_.erase(pid_fd);
  close(pid_fd);
}

void ProcessKeeper::Launch(const ProcessName& name, ProcessCommand command) {
  if (ending_ || processes_.contains(name)) return;
  if (command.is_script && !std::exchange(ran_scripts_, true)) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // what a script leaves behind becomes a child
  }
  absl::StatusOr<pid_t> pid = Spawner().Spawn(command);
  if (!pid.ok()) {
    on_end_({name, -1, ProcessEnd::How::kFailed, Message(pid.status())});
    return;
  }
  auto process = std::make_unique<Process>();
  process->name = name;
  process->command = std::move(command);
  process->pid = *pid;
  process->pid_fd = OpenPid(*pid);
  log::Info("started {} with pid {}", process->command.label, *pid);
  WritePidLine(process->command.pid_file, name.processor, *pid);
  Watch(process->pid_fd, name);
  processes_[name] = std::move(process);
}

void ProcessKeeper::RequestEnd(const ProcessName& name, int signal) {
  auto it = processes_.find(name);
  if (it == processes_.end()) return;
  Process& process = *it->second;
  process.end_requested = true;
  process.kill_at = std::min(process.kill_at, absl::Now() + grace_);
  kill(-process.pid, signal);
  kill(-process.pid, SIGCONT);  // a stopped process sees SIGTERM only once it runs again
}

void ProcessKeeper::EndAll() {
  ending_ = true;
  for (auto& [name, process] : processes_) {
    process->reported = true;
    on_end_({name, process->pid, ProcessEnd::How::kKilled,
             process->command.label + " is ended because its nodemanager stops"});
    RequestEnd(name, SIGTERM);
  }
}

// Only a process of the script's own group can be its egg: a heartbeat proves nothing.
void ProcessKeeper::Adopt(Process& process, pid_t pid) {
  if (!process.command.is_script || pid == process.pid || process.egg_fd >= 0) return;
  if (pid <= 1 || getpgid(pid) != process.pid) return;
  process.egg_fd = OpenPid(pid);
  if (process.egg_fd < 0) return;
  process.egg_pid = pid;
  Watch(process.egg_fd, process.name);
}

void ProcessKeeper::OnReadable(int pid_fd) {
  auto named = names_by_fd_.find(pid_fd);
  if (named == names_by_fd_.end()) return;
  Process& process = *processes_.at(named->second);
  siginfo_t info{};
  bool reaped = waitid(P_PIDFD, static_cast<id_t>(pid_fd), &info, WEXITED | WNOHANG) == 0;
  int status = info.si_code == CLD_EXITED ? info.si_status << 8 : info.si_status & 0x7f;
  if (!reaped) status = 1 << 8;  // not our child: it is gone, nobody knows how
  bool shell_has_left = pid_fd == process.pid_fd && process.command.is_script && status == 0 &&
                        !(process.end_requested && kill(-process.pid, 0) != 0);
  if (!shell_has_left) {
    Finish(process, status);
    return;
  }
  Forget(process.pid_fd);
  process.pid_fd = -1;
}

void ProcessKeeper::Finish(Process& process, int wait_status) {
  kill(-process.pid, SIGKILL);  // what it started ends with it
  Forget(process.pid_fd);
  Forget(process.egg_fd);
  ProcessEnd end{process.name, process.egg_pid > 0 ? process.egg_pid : process.pid};
  bool clean = WIFEXITED(wait_status) && WEXITSTATUS(wait_status) == 0;
  if (clean) {
    end.how = ProcessEnd::How::kExited;
  } else if (process.end_requested) {
    end.how = ProcessEnd::How::kKilled;
  }
  end.detail = Describe(process.command, end.pid, wait_status);
  bool reported = process.reported;
  processes_.erase(process.name);
  if (!reported) on_end_(end);
}

// Helpers that scripts left behind and nobody waits for.
void ProcessKeeper::ReapStrangers() {
  for (;;) {
    siginfo_t info{};
    if (waitid(P_ALL, 0, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid == 0) return;
    bool known = std::any_of(processes_.begin(), processes_.end(), [&](const auto& p) {
      return (p.second->pid == info.si_pid && p.second->pid_fd >= 0) ||
             p.second->egg_pid == info.si_pid;
    });
    if (known) return;  // its pidfd tells
    waitpid(info.si_pid, nullptr, WNOHANG);
  }
}

}  // namespace fate::nodemanager
