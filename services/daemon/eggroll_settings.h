#pragma once

// What several daemons read from eggroll.properties: who listens where, and the folders
// (spec/eggroll-control-plane.md 3.2, 14; spec/deployment.md 10.1).

#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "base/properties.h"

namespace fate::daemon {

struct EggrollSettings {
  std::string cluster_manager_host, node_manager_host;
  int cluster_manager_port = 4670, node_manager_port = 4671;
  std::string logs_dir;     // eggroll.logs.dir, absolute
  std::string data_dir;     // eggroll.data.dir, absolute
  std::string config_path;  // absolute

  // Errors: kInvalidArgument naming file, line, key and remedy.
  static absl::StatusOr<EggrollSettings> Load(const Properties& properties);

  std::string ClusterManager() const {
    return cluster_manager_host + ":" + std::to_string(cluster_manager_port);
  }
};

// `key`, or the port 10000 above the service's.
absl::StatusOr<int> AdminPort(const Properties& properties, std::string_view key, int service_port);

// The keys of the command nodeMetaInfo that have a value; what it answers.
std::map<std::string, std::string> MetaInfo(const Properties& properties,
                                            const EggrollSettings& settings);

}  // namespace fate::daemon
