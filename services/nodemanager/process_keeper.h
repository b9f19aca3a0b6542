#pragma once

// Starts, watches and ends the processes of this node. One thread starts them all and lives as long
// as the keeper: an egg that asks the kernel to be told of its parent's death is told of the
// keeper's. Deaths are seen at once (pidfd), children are always reaped.
//
//   native egg   the child is the egg
//   boot script  the child is a shell that may leave the egg behind in its process group; the egg
//                is known by the pid of its heartbeat, and is believed only in that group
//
// Every process leads its own group, and the whole group is signalled. Thread-safe.

#include <sys/types.h>

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::nodemanager {

struct ProcessName {
  std::string session;
  int64_t processor = -1;
  friend auto operator<=>(const ProcessName&, const ProcessName&) = default;
};

struct ProcessCommand {
  std::vector<std::string> arguments;  // the first one is the program
  bool is_script = false;              // may leave the egg behind
  std::string folder;                  // working directory, "" for the keeper's own
  std::string out_file;                // appended
  std::string err_file;                // truncated
  std::string pid_file;                // gets a line with the pid, "" for none
  std::string label;                   // "egg_pair-3", for messages
};

struct ProcessEnd {
  enum class How { kExited, kFailed, kKilled };  // code 0; other code or signal; ended on request
  ProcessName name;
  pid_t pid = -1;
  How how = How::kFailed;
  std::string detail;  // "egg_pair-3 (pid 99) was killed by signal 9; read .../egg_pair-3.err"
};

class ProcessKeeper {
 public:
  using OnEnd = std::function<void(const ProcessEnd&)>;  // on the keeper's thread, once a process

  // grace: between SIGTERM and SIGKILL.
  static absl::StatusOr<std::unique_ptr<ProcessKeeper>> Create(absl::Duration grace, OnEnd on_end);
  // Ends all processes: SIGTERM, after the grace SIGKILL.
  ~ProcessKeeper();

  // A name that runs already is left alone. A program that cannot be started is reported as ended.
  void Start(ProcessName name, ProcessCommand command);
  void Stop(ProcessName name);
  void Kill(ProcessName name);
  // A heartbeat of the process came from this pid.
  void HeardOf(ProcessName name, pid_t pid);
  size_t Count() const;

 private:
  struct Process;
  ProcessKeeper(absl::Duration grace, OnEnd on_end, int epoll_fd, int wake_fd);
  void Post(std::function<void()> function);
  void Run();
  void RunPosted();
  absl::Duration UntilNextKill() const;
  void KillOverdue();
  void Launch(const ProcessName& name, ProcessCommand command);
  void RequestEnd(const ProcessName& name, int signal);
  void EndAll();
  void Adopt(Process& process, pid_t pid);
  void OnReadable(int pid_fd);
  void Finish(Process& process, int wait_status);
  void ReapStrangers();
  void Watch(int pid_fd, const ProcessName& name);
  void Forget(int pid_fd);

  const absl::Duration grace_;
  const OnEnd on_end_;
  const int epoll_fd_, wake_fd_;
  mutable std::mutex mutex_;
  std::deque<std::function<void()>> posted_;
  size_t count_ = 0;
  // Of the keeper's thread.
  std::map<ProcessName, std::unique_ptr<Process>> processes_;
  std::map<int, ProcessName> names_by_fd_;
  bool ending_ = false;
  bool ran_scripts_ = false;
  std::thread thread_;
};

}  // namespace fate::nodemanager
