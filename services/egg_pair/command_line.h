#pragma once

// The command line of an egg (spec/eggroll-compute-and-storage.md 2.1): what node managers pass,
// in long form or with upstream's short names of several letters.

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace CLI {
class App;
}

namespace fate::egg_pair {

struct CommandLine {
  std::string session_id;
  std::string cluster_manager;
  int node_manager_port = 0;
  int command_port = 0;   // 0: any free port
  int transfer_port = 0;  // 0: any free port
  int64_t server_node_id = 0;
  int64_t processor_id = 0;
  // Where to listen; given by a native nodemanager only, with which the egg ends.
  std::string host;
};

// Adds what only an egg has; the values are in `options` after parsing.
void AddOptions(CLI::App& app, CommandLine* options);
// Reads the options that every daemon has; call after parsing.
absl::Status Complete(const CLI::App& app, CommandLine* options);

// -cm, -nm, -sn, -prid in their long forms, and --log-file in the session's log folder when the
// configuration names one. Error: kInvalidArgument for a session id that is no folder name.
absl::StatusOr<std::vector<std::string>> Normalize(std::vector<std::string> arguments);

}  // namespace fate::egg_pair
