#include "egg_pair/egg_pair.h"

#include <signal.h>
#include <unistd.h>

#include "algo/registry.h"
#include "base/log.h"
#include "base/names.h"
#include "base/properties.h"
#include "base/status.h"
#include "compute/operators.h"
#include "daemon/eggroll_settings.h"
#include "egg/executor.h"
#include "egg_pair/lifeline.h"
#include "federation/federation.h"
#include "http/admin.h"
#include "rpc/command.h"
#include "rpc/server.h"

namespace fate::egg_pair {
namespace {

constexpr absl::Duration kGrace = absl::Milliseconds(200);  // for answers that are on their way
constexpr unsigned int kExitWithinSeconds = 4;              // even if an operator does not look up
constexpr char kThreadsKey[] = "eggroll.rollpair.eggpair.server.executor.pool.max.size";
constexpr char kIntervalKey[] = "eggroll.rollpair.eggpair.server.heartbeat.interval";

compute::OperatorRegistry AllOperators() {
  compute::OperatorRegistry registry;
  compute::RegisterBuiltinOperators(registry);
  federation::RegisterFederationOperators(registry);
  algo::RegisterAllOperators(registry);
  return registry;
}

// The signal handling of daemon::Run ends the process.
void EndProcess(const std::string& why) {
  log::Info("ending: {}", why);
  kill(getpid(), SIGTERM);
}

struct Settings {
  Properties properties;
  daemon::EggrollSettings eggroll;
  int max_threads = 0;
  absl::Duration heartbeat_interval;

  static absl::StatusOr<Settings> Load(const std::string& config_path) {
    Settings s;
    ASSIGN_OR_RETURN(s.properties, Properties::Load(config_path));
    ASSIGN_OR_RETURN(s.eggroll, daemon::EggrollSettings::Load(s.properties));
    ASSIGN_OR_RETURN(s.max_threads, s.properties.GetInt(kThreadsKey, 5000, 16, 100'000));
    ASSIGN_OR_RETURN(int64_t seconds, s.properties.GetInt(kIntervalKey, 10, 1, 3600));
    s.heartbeat_interval = absl::Seconds(seconds);
    return s;
  }
};

class EggPair : public daemon::Running {
 public:
  EggPair(CommandLine options, Settings settings)
      : options_(std::move(options)),
        settings_(std::move(settings)),
        host_(options_.host.empty() ? settings_.eggroll.node_manager_host : options_.host),
        operators_(AllOperators()),
        commands_(rpc::ErrorStyle::kEgg),
        executor_({.session_id = options_.session_id,
                   .data_dir = settings_.eggroll.data_dir,
                   .server_node_id = options_.server_node_id,
                   .properties = &settings_.properties,
                   .operators = &operators_,
                   .max_threads = settings_.max_threads}) {
    executor_.Register(commands_);
  }

  absl::Status Listen() {
    ASSIGN_OR_RETURN(command_server_,
                     rpc::Server::Start(host_, options_.command_port, {commands_.service()}));
    ASSIGN_OR_RETURN(transfer_server_, rpc::Server::Start(host_, options_.transfer_port,
                                                          {executor_.transfer_service()}));
    lifeline_ = std::make_unique<Lifeline>(
        Lifeline::Options{.node_manager = fmt::format("{}:{}", settings_.eggroll.node_manager_host,
                                                      options_.node_manager_port),
                          .interval = settings_.heartbeat_interval,
                          .ends_with_parent = !options_.host.empty()},
        Self(), &EndProcess);
    ASSIGN_OR_RETURN(admin_, http::StartAdmin(host_, 0, [] { return absl::OkStatus(); }));
    log::Info("egg {} of session {} on {}: commands on port {}, transfers on {}, admin on {}",
              options_.processor_id, options_.session_id, host_, command_server_->port(),
              transfer_server_->port(), admin_->port());
    return absl::OkStatus();
  }

  ~EggPair() override {
    alarm(kExitWithinSeconds);
    lifeline_.reset();
    executor_.Close();
    if (command_server_) command_server_->Shutdown(kGrace);
    if (transfer_server_) transfer_server_->Shutdown(absl::ZeroDuration());
  }

 private:
  // Spec 2.3; the node manager puts its own host into both endpoints.
  Lifeline::Processor Self() const {
    Lifeline::Processor self;
    self.set_id(options_.processor_id);
    self.set_servernodeid(options_.server_node_id);
    self.set_processortype("egg_pair");
    self.set_status("RUNNING");
    self.mutable_commandendpoint()->set_host("localhost");
    self.mutable_commandendpoint()->set_port(command_server_->port());
    self.mutable_transferendpoint()->set_host("localhost");
    self.mutable_transferendpoint()->set_port(transfer_server_->port());
    self.set_pid(getpid());
    (*self.mutable_options())["eggroll.session.id"] = options_.session_id;
    return self;
  }

  const CommandLine options_;
  const Settings settings_;
  const std::string host_;
  const compute::OperatorRegistry operators_;
  rpc::CommandService commands_;
  egg::TaskExecutor executor_;
  std::unique_ptr<rpc::Server> command_server_, transfer_server_;
  std::unique_ptr<Lifeline> lifeline_;
  std::unique_ptr<http::Server> admin_;
};

}  // namespace

absl::Status CheckConfig(const std::string& config_path) {
  return Settings::Load(config_path).status();
}

absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const CommandLine& options,
                                                       const std::string& config_path) {
  RETURN_IF_ERROR(SessionId::Parse(options.session_id).status());
  ASSIGN_OR_RETURN(Settings settings, Settings::Load(config_path));
  auto egg = std::make_unique<EggPair>(options, std::move(settings));
  RETURN_IF_ERROR(egg->Listen());
  return egg;
}

}  // namespace fate::egg_pair
