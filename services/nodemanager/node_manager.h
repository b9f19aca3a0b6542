#pragma once

// The nodemanager as a service: configuration, commands, admin address.

#include <map>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "daemon/daemon.h"
#include "daemon/eggroll_settings.h"
#include "eggroll/meta.pb.h"
#include "http/server.h"
#include "nodemanager/egg_command.h"
#include "nodemanager/manager_link.h"
#include "nodemanager/process_keeper.h"
#include "rpc/command.h"
#include "rpc/server.h"

namespace fate::nodemanager {

struct Config {
  daemon::EggrollSettings eggroll;
  int admin_port = 14671;
  absl::Duration heartbeat_interval = absl::Seconds(10);
  absl::Duration kill_grace = absl::Seconds(10);
  EggProgram egg;
  std::map<std::string, std::string> meta_info;

  // Errors: kInvalidArgument naming file, line, key and remedy.
  static absl::StatusOr<Config> Load(const std::string& path);
};

class NodeManager : public daemon::Running {
 public:
  static absl::Status Check(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const std::string& config_path);

 private:
  using Processor = com::webank::eggroll::core::meta::Processor;
  using SessionMeta = com::webank::eggroll::core::meta::SessionMeta;

  explicit NodeManager(Config config) : config_(std::move(config)) {}
  absl::Status Listen();
  void RegisterCommands();
  template <class Request, class Handle>
  void On(const char* uri, Handle handle);
  absl::Status StartEggs(const SessionMeta& order);
  absl::Status EndEggs(const SessionMeta& order, int signal);
  void ForwardHeartbeat(Processor heartbeat, rpc::Respond respond);
  void OnEnd(const ProcessEnd& end);

  // In the order in which they are made; the end comes in the reverse: no more orders, all eggs
  // end, the clustermanager is told.
  Config config_;
  rpc::CommandClient client_;
  std::unique_ptr<ManagerLink> link_;
  std::unique_ptr<ProcessKeeper> keeper_;
  rpc::CommandService service_{rpc::ErrorStyle::kManager};
  std::unique_ptr<rpc::Server> server_;
  std::unique_ptr<http::Server> admin_;
};

}  // namespace fate::nodemanager
