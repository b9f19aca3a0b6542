#pragma once

// Child processes of the flow server: each in its own process group, found again after a restart
// by pid and command line (spec/fate-flow.md 15.1).

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::flow {

struct ProcessSpec {
  std::vector<std::string> command;                // command[0]: path of the program
  std::string directory;                           // working directory
  std::string output;                              // file that takes stdout and stderr
  std::map<std::string, std::string> environment;  // added to this process's
};

// Error: kUnavailable naming the program and why it did not start.
absl::StatusOr<pid_t> Spawn(const ProcessSpec& spec);

// How a child ended: 0..255, or 128 + signal. nullopt: not our child, or still running.
std::optional<int> Reap(pid_t pid);

// True when `pid` runs exactly this command.
bool IsRunning(pid_t pid, const std::vector<std::string>& command);

// SIGKILL to the process group of `pid`, then waits until `pid` is gone.
// Error: kDeadlineExceeded.
absl::Status KillGroup(pid_t pid, absl::Duration timeout);

// Runs a command to its end. Error: kInternal with the exit code and the end of its output,
// kDeadlineExceeded (the process is killed).
absl::Status RunToEnd(const ProcessSpec& spec, absl::Duration timeout);

// The last `bytes` of a file, "" when there is none.
std::string TailOf(const std::string& path, size_t bytes);

}  // namespace fate::flow
