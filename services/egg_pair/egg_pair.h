#pragma once

// The egg process: two servers (commands and transfers), the operators, the lifeline to the node
// manager and an admin address. Ends tasks and says STOPPED when it is destroyed.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/daemon.h"
#include "egg_pair/command_line.h"

namespace fate::egg_pair {

absl::Status CheckConfig(const std::string& config_path);

absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const CommandLine& options,
                                                       const std::string& config_path);

}  // namespace fate::egg_pair
