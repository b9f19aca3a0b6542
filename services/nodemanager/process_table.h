#pragma once

// The operating system's processes: who lives, and which are a given egg.

#include <sys/types.h>

#include <string>
#include <vector>

namespace fate::nodemanager {

// True while the process exists and has not ended (a zombie has).
bool IsAlive(pid_t pid);

// Processes of this user whose command line holds the three options with exactly these values; what
// upstream does with ps and grep, without hitting processor 10 for 1 (spec
// eggroll-control-plane.md 9.2).
std::vector<pid_t> FindEggs(const std::string& session, int64_t node_id, int64_t processor_id);

}  // namespace fate::nodemanager
