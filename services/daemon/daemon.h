#pragma once

// Start-up that all daemons share: options, logging, signals.
//
//   int main(int argc, char** argv) {
//     return fate::daemon::Run(argc, argv, {.name = "clustermanager", .about = "...",
//                                           .default_config = "conf/eggroll.properties"},
//                              &ClusterManager::Check, &ClusterManager::Start);
//   }
//
// Options: -c/--config FILE, --check-config, --version, --log-level, --log-format, --log-file,
// and -p/--port, -s/--session-id (accepted for process listings;
// spec/eggroll-control-plane.md 1.1). SIGTERM and SIGINT end the program by destroying the running
// service; SIGPIPE is ignored. Exit codes: 0 stopped or configuration correct, 1 start failed, 2
// wrong options or configuration.

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace CLI {
class App;
}

namespace fate::daemon {

// A started service; its destructor stops it gracefully.
class Running {
 public:
  virtual ~Running() = default;
};

struct Identity {
  std::string name;
  std::string about;
  std::string default_config;
  std::string log_level_key = "eggroll.log.level";  // looked up by `log_setting`
  std::string log_format_key = "eggroll.log.format";
  // Reads a text setting from the configuration file, "" when absent. Default: Properties.
  std::function<std::string(const std::string& config_path, const std::string& key)> log_setting;
  // What --check-config looks at beyond what a start insists on.
  std::function<absl::Status(const std::string& config_path)> check_more;
  // Adds options of this daemon only.
  std::function<void(CLI::App&)> extra_options;
};

using CheckConfig = std::function<absl::Status(const std::string& config_path)>;
using StartService =
    std::function<absl::StatusOr<std::unique_ptr<Running>>(const std::string& config_path)>;

int Run(int argc, char** argv, const Identity& identity, const CheckConfig& check,
        const StartService& start);

// The project's version, "0.1.0".
const char* Version();

}  // namespace fate::daemon
