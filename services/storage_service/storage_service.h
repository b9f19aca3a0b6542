#pragma once

// A node's partitions for clients outside a session, on one port: the storage tasks of an egg
// (get, put, delete, count, getAll, putAll, destroy) through CommandService and TransferService.
// No operators. Keys: eggroll.storage.host, .port, .admin.port, eggroll.data.dir.

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/daemon.h"
#include "egg/executor.h"
#include "http/server.h"
#include "rpc/command.h"
#include "rpc/server.h"

namespace fate::storage_service {

struct Config {
  std::string host;
  int port = 7778;
  int admin_port = 17778;
  std::string data_dir;

  static absl::StatusOr<Config> Load(const std::string& path);
};

class StorageService : public daemon::Running {
 public:
  static absl::Status Check(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<StorageService>> Start(const Config& config);
  ~StorageService() override;

  int port() const { return server_->port(); }
  int admin_port() const { return admin_->port(); }

 private:
  explicit StorageService(Config config);
  absl::Status Listen();
  absl::Status Health() const;

  const Config config_;
  rpc::CommandService commands_;
  egg::TaskExecutor executor_;
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<http::Server> admin_;
};

}  // namespace fate::storage_service
