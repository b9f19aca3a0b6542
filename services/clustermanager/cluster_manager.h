#pragma once

// The clustermanager as a service: configuration, commands, admin address.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "clustermanager/cluster_driver.h"
#include "clustermanager/store_catalog.h"
#include "daemon/daemon.h"
#include "http/server.h"
#include "rpc/command.h"
#include "rpc/server.h"
#include "session/cluster.h"

namespace fate::clustermanager {

struct Config {
  std::string host;
  int port = 4670;
  int admin_port = 14670;
  std::string database_path;
  session::Settings settings;
  std::map<std::string, std::string> meta_info;  // what nodeMetaInfo answers

  // Errors: kInvalidArgument naming file, line, key and remedy.
  static absl::StatusOr<Config> Load(const std::string& path);
};

class ClusterManager : public daemon::Running {
 public:
  static absl::Status Check(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const std::string& config_path);
  ~ClusterManager() override;

 private:
  ClusterManager(Config config, std::unique_ptr<ClusterDriver> driver, StoreCatalog catalog);
  absl::Status Listen();
  void RegisterSessionCommands();
  void RegisterNodeCommands();
  void RegisterStoreCommands();
  void RegisterStubs();

  // A typed handler; an argument that cannot be parsed is answered here.
  template <class Request, class Handle>
  void On(const char* uri, Handle handle);
  template <class Handle>
  void OnStore(const char* uri, Handle handle);

  Config config_;
  std::unique_ptr<ClusterDriver> driver_;
  StoreCatalog catalog_;  // used on the driver's thread only
  rpc::CommandService service_{rpc::ErrorStyle::kManager};
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<http::Server> admin_;
};

}  // namespace fate::clustermanager
