#include "daemon/eggroll_settings.h"

#include <filesystem>

#include "base/status.h"

namespace fate::daemon {
namespace {

constexpr char kClusterManager[] = "eggroll.resourcemanager.clustermanager";
constexpr char kNodeManager[] = "eggroll.resourcemanager.nodemanager";

absl::StatusOr<std::string> AbsoluteFolder(const Properties& properties, const std::string& key) {
  std::string folder = properties.Get(key);
  if (folder.empty() || folder.front() != '/') {
    return properties.Error(key, "give the absolute path of a folder");
  }
  return folder;
}

}  // namespace

absl::StatusOr<EggrollSettings> EggrollSettings::Load(const Properties& properties) {
  EggrollSettings s;
  s.cluster_manager_host = properties.Get(std::string(kClusterManager) + ".host", "127.0.0.1");
  s.node_manager_host = properties.Get(std::string(kNodeManager) + ".host", "127.0.0.1");
  ASSIGN_OR_RETURN(s.cluster_manager_port,
                   properties.GetPort(std::string(kClusterManager) + ".port", 4670));
  ASSIGN_OR_RETURN(s.node_manager_port,
                   properties.GetPort(std::string(kNodeManager) + ".port", 4671));
  ASSIGN_OR_RETURN(s.logs_dir, AbsoluteFolder(properties, "eggroll.logs.dir"));
  ASSIGN_OR_RETURN(s.data_dir, AbsoluteFolder(properties, "eggroll.data.dir"));
  s.config_path = std::filesystem::absolute(properties.file_name()).string();
  return s;
}

absl::StatusOr<int> AdminPort(const Properties& properties, std::string_view key,
                              int service_port) {
  constexpr int kOffset = 10'000;
  if (properties.Get(key).empty() && service_port + kOffset > 65535) {
    return properties.Error(key, "the service's port + 10000 is no port; give one");
  }
  return properties.GetPort(key, service_port + kOffset);
}

std::map<std::string, std::string> MetaInfo(const Properties& properties,
                                            const EggrollSettings& settings) {
  constexpr const char* kShown[] = {"eggroll.logs.dir",
                                    "eggroll.data.dir",
                                    "eggroll.bootstrap.root.script",
                                    "eggroll.bootstrap.shell",
                                    "eggroll.bootstrap.shell.args",
                                    "eggroll.resourcemanager.server.node.id",
                                    "eggroll.session.name",
                                    "python.path",
                                    "python.venv",
                                    "eggroll.session.processors.per.node"};
  std::map<std::string, std::string> info;
  for (const char* key : kShown) {
    if (std::string value = properties.Get(key); !value.empty()) info[key] = value;
  }
  info["eggroll.static.conf.path"] = settings.config_path;
  info["eggroll.resourcemanager.clustermanager.host"] = settings.cluster_manager_host;
  info["eggroll.resourcemanager.clustermanager.port"] =
      std::to_string(settings.cluster_manager_port);
  info["eggroll.resourcemanager.nodemanager.host"] = settings.node_manager_host;
  info["eggroll.resourcemanager.nodemanager.port"] = std::to_string(settings.node_manager_port);
  return info;
}

}  // namespace fate::daemon
