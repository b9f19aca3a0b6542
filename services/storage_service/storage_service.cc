#include "storage_service/storage_service.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "base/log.h"
#include "base/properties.h"
#include "base/status.h"
#include "daemon/eggroll_settings.h"
#include "http/admin.h"

namespace fate::storage_service {
namespace {

constexpr int kDefaultPort = 7778;
constexpr absl::Duration kGrace = absl::Seconds(1);
constexpr char kSessionName[] = "storage";  // what the executor calls itself in log lines

}  // namespace

absl::StatusOr<Config> Config::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Properties properties, Properties::Load(path));
  ASSIGN_OR_RETURN(auto eggroll, daemon::EggrollSettings::Load(properties));
  Config config;
  config.host = properties.Get("eggroll.storage.host", eggroll.node_manager_host);
  ASSIGN_OR_RETURN(config.port, properties.GetPort("eggroll.storage.port", kDefaultPort));
  ASSIGN_OR_RETURN(config.admin_port,
                   daemon::AdminPort(properties, "eggroll.storage.admin.port", config.port));
  config.data_dir = eggroll.data_dir;
  return config;
}

absl::Status StorageService::Check(const std::string& config_path) {
  return Config::Load(config_path).status();
}

absl::StatusOr<std::unique_ptr<daemon::Running>> StorageService::Start(
    const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  return Start(config);
}

absl::StatusOr<std::unique_ptr<StorageService>> StorageService::Start(const Config& config) {
  std::unique_ptr<StorageService> service(new StorageService(config));
  RETURN_IF_ERROR(service->Listen());
  return service;
}

StorageService::StorageService(Config config)
    : config_(std::move(config)),
      commands_(rpc::ErrorStyle::kEgg),
      executor_({.session_id = kSessionName, .data_dir = config_.data_dir}) {
  executor_.Register(commands_);
}

absl::Status StorageService::Listen() {
  std::error_code error;
  std::filesystem::create_directories(config_.data_dir, error);
  RETURN_IF_ERROR(Health());
  ASSIGN_OR_RETURN(server_,
                   rpc::Server::Start(config_.host, config_.port,
                                      {commands_.service(), executor_.transfer_service()}));
  ASSIGN_OR_RETURN(admin_,
                   http::StartAdmin(config_.host, config_.admin_port, [this] { return Health(); }));
  log::Info("listening on {}:{}, admin on port {}, tables in {}", config_.host, server_->port(),
            admin_->port(), config_.data_dir);
  return absl::OkStatus();
}

absl::Status StorageService::Health() const {
  if (access(config_.data_dir.c_str(), R_OK | W_OK | X_OK) == 0) return absl::OkStatus();
  return UnavailableError("cannot write to eggroll.data.dir {}: {}", config_.data_dir,
                          std::strerror(errno));
}

StorageService::~StorageService() {
  admin_.reset();
  executor_.Close();
  if (server_) server_->Shutdown(kGrace);
}

}  // namespace fate::storage_service
