#include "nodemanager/node_manager.h"

#include <signal.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "http/admin.h"
#include "nodemanager/process_table.h"
#include "session/commands.h"

namespace fate::nodemanager {
namespace {

namespace commands = session::commands;
namespace meta = com::webank::eggroll::core::meta;

constexpr absl::Duration kForwardTimeout = absl::Seconds(10);

prometheus::Family<prometheus::Counter>& Ends() {
  static auto& ends = prometheus::BuildCounter()
                          .Name("nodemanager_egg_ends_total")
                          .Help("Eggs that ended, by how")
                          .Register(Metrics());
  return ends;
}

prometheus::Gauge& Eggs() {
  static auto& eggs = prometheus::BuildGauge()
                          .Name("nodemanager_eggs")
                          .Help("Running eggs")
                          .Register(Metrics())
                          .Add({});
  return eggs;
}

std::string Home() {
  const char* home = getenv("EGGROLL_HOME");
  return home ? home : "";
}

// The command line as it was run, for operators.
void WriteBootstrapFile(const std::string& folder, const ProcessCommand& command) {
  std::ofstream(folder + "/bootstrap-" + command.label + ".err", std::ios::app);
  std::ofstream file(folder + "/bootstrap-" + command.label + ".out", std::ios::app);
  for (const std::string& argument : command.arguments) file << argument << " ";
  file << "\n";
}

session::ProcessorStatus StatusOf(ProcessEnd::How how) {
  switch (how) {
    case ProcessEnd::How::kExited:
      return session::ProcessorStatus::kStopped;
    case ProcessEnd::How::kKilled:
      return session::ProcessorStatus::kKilled;
    case ProcessEnd::How::kFailed:
      break;
  }
  return session::ProcessorStatus::kError;
}

}  // namespace

absl::StatusOr<Config> Config::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Properties properties, Properties::Load(path));
  Config config;
  ASSIGN_OR_RETURN(config.eggroll, daemon::EggrollSettings::Load(properties));
  ASSIGN_OR_RETURN(config.admin_port,
                   daemon::AdminPort(properties, "eggroll.resourcemanager.nodemanager.admin.port",
                                     config.eggroll.node_manager_port));
  ASSIGN_OR_RETURN(int64_t interval_ms,
                   properties.GetInt("eggroll.resourcemanager.nodemanager.heartbeat.interval",
                                     10'000, 10, 3'600'000));
  config.heartbeat_interval = absl::Milliseconds(interval_ms);
  constexpr char kGrace[] = "eggroll.session.kill.gracefully_wait.sec";
  std::string grace_text = properties.Get(kGrace, "10.0");
  auto grace = ParseDouble(grace_text);
  if (!grace || !(*grace >= 0 && *grace <= 3600)) {
    return properties.Error(kGrace, "give seconds from 0 to 3600");
  }
  config.kill_grace = absl::Seconds(*grace);
  ASSIGN_OR_RETURN(config.egg, EggProgram::Find(properties, Home(), OwnFolder()));
  config.meta_info = daemon::MetaInfo(properties, config.eggroll);
  return config;
}

absl::Status NodeManager::Check(const std::string& config_path) {
  return Config::Load(config_path).status();
}

absl::StatusOr<std::unique_ptr<daemon::Running>> NodeManager::Start(
    const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  std::unique_ptr<NodeManager> manager(new NodeManager(std::move(config)));
  RETURN_IF_ERROR(manager->Listen());
  return manager;
}

absl::Status NodeManager::Listen() {
  const daemon::EggrollSettings& e = config_.eggroll;
  link_ = std::make_unique<ManagerLink>(
      ManagerLink::Options{.manager = e.ClusterManager(),
                           .own = {e.node_manager_host, e.node_manager_port},
                           .meta_file = e.data_dir + "/NodeManagerMeta",
                           .interval = config_.heartbeat_interval});
  ASSIGN_OR_RETURN(keeper_, ProcessKeeper::Create(config_.kill_grace,
                                                  [this](const ProcessEnd& end) { OnEnd(end); }));
  RegisterCommands();
  ASSIGN_OR_RETURN(
      server_, rpc::Server::Start(e.node_manager_host, e.node_manager_port, {service_.service()}));
  link_->Begin();
  ASSIGN_OR_RETURN(admin_, http::StartAdmin(e.node_manager_host, config_.admin_port, [this] {
                     Eggs().Set(static_cast<double>(keeper_->Count()));
                     return link_->Health();
                   }));
  log::Info("listening on {}:{}, admin on port {}, eggs from {}", e.node_manager_host,
            e.node_manager_port, config_.admin_port, config_.egg.path);
  return absl::OkStatus();
}

template <class Request, class Handle>
void NodeManager::On(const char* uri, Handle handle) {
  service_.Register(uri, [uri, handle](const rpc::CommandCall& call, rpc::Respond respond) {
    Request request;
    if (!request.ParseFromString(call.argument)) {
      respond(InvalidArgumentError("the argument of {} is no {}", uri, request.GetTypeName()));
      return;
    }
    handle(request, std::move(respond));
  });
}

void NodeManager::RegisterCommands() {
  // The order comes back as the answer (spec 4).
  auto order = [this](const char* uri, auto carry_out) {
    On<SessionMeta>(uri, [carry_out](const SessionMeta& request, rpc::Respond respond) {
      absl::Status status = carry_out(request);
      if (!status.ok()) return respond(status);
      respond(request.SerializeAsString());
    });
  };
  order(commands::kStartContainers, [this](const auto& request) { return StartEggs(request); });
  order(commands::kStopContainers,
        [this](const auto& request) { return EndEggs(request, SIGTERM); });
  order(commands::kKillContainers,
        [this](const auto& request) { return EndEggs(request, SIGKILL); });
  On<Processor>(commands::kProcessorHeartbeat,
                [this](const auto& request, auto respond) { ForwardHeartbeat(request, respond); });
  On<Processor>(commands::kCheckNodeProcess, [](Processor processor, auto respond) {
    processor.set_status(IsAlive(processor.pid()) ? "RUNNING" : "KILLED");
    respond(processor.SerializeAsString());
  });
  On<meta::MetaInfoRequest>(commands::kNodeMetaInfo, [this](const auto&, auto respond) {
    meta::MetaInfoResponse response;
    response.mutable_metamap()->insert(config_.meta_info.begin(), config_.meta_info.end());
    respond(response.SerializeAsString());
  });
  On<Processor>(commands::kNodeHeartbeat,
                [](const auto&, auto respond) { respond(std::string()); });
  for (const char* uri : commands::kJobContainerCommands) {
    service_.Register(uri, [uri](const rpc::CommandCall&, rpc::Respond respond) {
      respond(
          UnimplementedError("{}: this nodemanager runs no DeepSpeed containers; run the job "
                             "on an eggroll 3 cluster that has GPUs",
                             uri));
    });
  }
}

absl::Status NodeManager::StartEggs(const SessionMeta& order) {
  ASSIGN_OR_RETURN(SessionId session, SessionId::Parse(order.id()));
  if (order.processors_size() > kMaxEggsPerNode * 64) {
    return InvalidArgumentError("session {}: {} processors in one order", session.str(),
                                order.processors_size());
  }
  std::string folder = config_.eggroll.logs_dir + "/" + session.str();
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (error) {
    return FailedPreconditionError("cannot create {}: {}; check eggroll.logs.dir", folder,
                                   error.message());
  }
  int64_t node_id = link_->node_id();
  for (const Processor& egg : order.processors()) {
    if (egg.servernodeid() != node_id) continue;  // another node's
    ProcessCommand command =
        EggCommand(config_.egg, config_.eggroll, node_id, session.str(), egg.id());
    if (!command.is_script) WriteBootstrapFile(folder, command);
    keeper_->Start({session.str(), egg.id()}, std::move(command));
  }
  return absl::OkStatus();
}

absl::Status NodeManager::EndEggs(const SessionMeta& order, int signal) {
  ASSIGN_OR_RETURN(SessionId session, SessionId::Parse(order.id()));
  int64_t node_id = link_->node_id();
  for (const Processor& egg : order.processors()) {
    if (egg.servernodeid() != node_id) continue;
    ProcessName name{session.str(), egg.id()};
    if (signal == SIGKILL) {
      keeper_->Kill(name);
    } else {
      keeper_->Stop(name);
    }
  }
  if (!config_.egg.is_script) return absl::OkStatus();
  // Eggs of scripts outlive their nodemanager: those of an earlier one are found by their words.
  for (const Processor& egg : order.processors()) {
    if (egg.servernodeid() != node_id) continue;
    for (pid_t pid : FindEggs(session.str(), node_id, egg.id())) kill(pid, signal);
  }
  return absl::OkStatus();
}

// spec 10: the egg knows its ports, the node knows its host.
void NodeManager::ForwardHeartbeat(Processor heartbeat, rpc::Respond respond) {
  const std::string& host = config_.eggroll.node_manager_host;
  if (heartbeat.has_commandendpoint()) heartbeat.mutable_commandendpoint()->set_host(host);
  if (heartbeat.has_transferendpoint()) heartbeat.mutable_transferendpoint()->set_host(host);
  auto session = heartbeat.options().find(session::kSessionIdOption);
  if (session != heartbeat.options().end() && heartbeat.status() == "RUNNING") {
    keeper_->HeardOf({session->second, heartbeat.id()}, heartbeat.pid());
  }
  client_.CallAsync(config_.eggroll.ClusterManager(), commands::kSessionHeartbeat,
                    heartbeat.SerializeAsString(), kForwardTimeout, std::move(respond));
}

void NodeManager::OnEnd(const ProcessEnd& end) {
  session::ProcessorStatus status = StatusOf(end.how);
  log::Scope scope({.session = end.name.session});
  log::Info("{}", end.detail);
  Ends().Add({{"status", std::string(session::ToText(status))}}).Increment();
  Processor report;
  report.set_id(end.name.processor);
  report.set_servernodeid(link_->node_id());
  report.set_processortype(session::kEggPair);
  report.set_status(std::string(session::ToText(status)));
  report.set_pid(end.pid);
  (*report.mutable_options())[session::kSessionIdOption] = end.name.session;
  (*report.mutable_options())[session::kProcessorDetailOption] = end.detail;
  link_->Report(std::move(report));
}

}  // namespace fate::nodemanager
