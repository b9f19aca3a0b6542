#include "clustermanager/cluster_manager.h"

#include "absl/time/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/names.h"
#include "base/properties.h"
#include "base/status.h"
#include "clustermanager/cluster_tables.h"
#include "clustermanager/messages.h"
#include "clustermanager/schema.h"
#include "daemon/eggroll_settings.h"
#include "http/admin.h"
#include "session/commands.h"

namespace fate::clustermanager {
namespace {

namespace commands = session::commands;

absl::StatusOr<absl::Duration> Milliseconds(const Properties& properties, const char* key,
                                            absl::Duration fallback) {
  ASSIGN_OR_RETURN(int64_t ms, properties.GetInt(key, absl::ToInt64Milliseconds(fallback), 1,
                                                 absl::ToInt64Milliseconds(absl::Hours(24 * 365))));
  return absl::Milliseconds(ms);
}

absl::StatusOr<session::Settings> LoadSettings(const Properties& properties) {
  session::Settings s;
  ASSIGN_OR_RETURN(int64_t eggs,
                   properties.GetInt(session::kEggsPerNodeOption, 1, 1, kMaxEggsPerNode));
  s.eggs_per_node = static_cast<int>(eggs);
  ASSIGN_OR_RETURN(s.start_timeout,
                   Milliseconds(properties, "eggroll.session.start.timeout.ms", s.start_timeout));
  ASSIGN_OR_RETURN(s.stop_timeout,
                   Milliseconds(properties, "eggroll.session.stop.timeout.ms", s.stop_timeout));
  ASSIGN_OR_RETURN(s.max_live, Milliseconds(properties, "eggroll.session.max.live.ms", s.max_live));
  ASSIGN_OR_RETURN(
      s.heartbeat_interval,
      Milliseconds(properties, "eggroll.resourcemanager.nodemanager.heartbeat.interval",
                   s.heartbeat_interval));
  ASSIGN_OR_RETURN(
      int64_t count,
      properties.GetInt("eggroll.resourcemanager.clustermanager.node.heartbeat.expire.count",
                        s.heartbeat_expire_count, 1, 1000));
  s.heartbeat_expire_count = static_cast<int>(count);
  return s;
}

std::vector<int64_t> HealthyIds(const session::Cluster& cluster) {
  std::vector<int64_t> ids;
  for (const session::Node* node : cluster.HealthyNodes()) ids.push_back(node->id);
  return ids;
}

std::string Bytes(const google::protobuf::MessageLite& message) {
  return message.SerializeAsString();
}
template <class Message>
std::string Bytes(const std::optional<Message>& message) {
  return message ? message->SerializeAsString() : std::string();
}

// spec 8.4
meta::CheckResourceEnoughResponse CheckResources(const session::Cluster& cluster,
                                                 const meta::CheckResourceEnoughRequest& request) {
  int64_t sum = 0, most = 0;
  meta::CheckResourceEnoughResponse response;
  for (const auto& [id, node] : cluster.nodes()) {
    *response.mutable_clusterinfo()->add_servernodes() = ToMessage(node);
    if (node.status != session::NodeStatus::kHealthy) continue;
    for (const session::Resource& resource : node.resources) {
      if (resource.type != request.resource_type()) continue;
      sum += resource.Free();
      most = std::max(most, resource.Free());
    }
  }
  if (request.check_type() == "clusterCheck") {
    response.set_is_enough(sum >= request.required_resource_count());
  } else if (request.check_type() == "nodeCheck") {
    response.set_is_enough(most >= request.required_resource_count());
  }
  return response;
}

prometheus::Family<prometheus::Counter>& Calls() {
  static auto& calls = prometheus::BuildCounter()
                           .Name("clustermanager_commands_total")
                           .Help("Commands received, by URI")
                           .Register(Metrics());
  return calls;
}

}  // namespace

absl::StatusOr<Config> Config::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Properties properties, Properties::Load(path));
  ASSIGN_OR_RETURN(auto eggroll, daemon::EggrollSettings::Load(properties));
  Config config;
  config.host = eggroll.cluster_manager_host;
  config.port = eggroll.cluster_manager_port;
  ASSIGN_OR_RETURN(
      config.admin_port,
      daemon::AdminPort(properties, "eggroll.resourcemanager.clustermanager.admin.port",
                        config.port));
  ASSIGN_OR_RETURN(config.database_path, DatabasePath(properties, eggroll.data_dir));
  ASSIGN_OR_RETURN(config.settings, LoadSettings(properties));
  config.meta_info = daemon::MetaInfo(properties, eggroll);
  return config;
}

absl::Status ClusterManager::Check(const std::string& config_path) {
  return Config::Load(config_path).status();
}

absl::StatusOr<std::unique_ptr<daemon::Running>> ClusterManager::Start(
    const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  ASSIGN_OR_RETURN(auto database, OpenDatabase(config.database_path));
  StoreCatalog catalog(database.get());
  ASSIGN_OR_RETURN(auto driver, ClusterDriver::Start(std::move(database), config.settings,
                                                     config.host, config.port));
  std::unique_ptr<ClusterManager> manager(
      new ClusterManager(std::move(config), std::move(driver), std::move(catalog)));
  RETURN_IF_ERROR(manager->Listen());
  return manager;
}

ClusterManager::ClusterManager(Config config, std::unique_ptr<ClusterDriver> driver,
                               StoreCatalog catalog)
    : config_(std::move(config)), driver_(std::move(driver)), catalog_(std::move(catalog)) {
  RegisterSessionCommands();
  RegisterNodeCommands();
  RegisterStoreCommands();
  RegisterStubs();
}

absl::Status ClusterManager::Listen() {
  ASSIGN_OR_RETURN(server_, rpc::Server::Start(config_.host, config_.port, {service_.service()}));
  ASSIGN_OR_RETURN(admin_, http::StartAdmin(config_.host, config_.admin_port,
                                            [this] { return driver_->Health(); }));
  log::Info("listening on {}:{}, admin on port {}, metadata in {}", config_.host, config_.port,
            config_.admin_port, config_.database_path);
  return absl::OkStatus();
}

ClusterManager::~ClusterManager() {
  admin_.reset();
  driver_->Stop();  // answers parked calls, so that the server can end them
  server_.reset();
}

template <class Request, class Handle>
void ClusterManager::On(const char* uri, Handle handle) {
  auto& calls = Calls().Add({{"uri", uri}});
  service_.Register(uri, [uri, handle, &calls](const rpc::CommandCall& call, rpc::Respond respond) {
    calls.Increment();
    Request request;
    if (!request.ParseFromString(call.argument)) {
      respond(InvalidArgumentError("the argument of {} is no {}", uri, request.GetTypeName()));
      return;
    }
    handle(request, std::move(respond));
  });
}

void ClusterManager::RegisterSessionCommands() {
  On<meta::SessionMeta>(commands::kGetOrCreateSession, [this](const auto& request, auto respond) {
    auto event = ToCreateSession(request);
    if (!event.ok()) return respond(event.status());
    driver_->Submit(*event, Bytes(request), respond);
  });
  On<meta::SessionMeta>(commands::kGetSession, [this](const auto& request, auto respond) {
    auto id = SessionId::Parse(request.id());
    if (!id.ok()) return respond(id.status());
    auto option = request.options().find(commands::kUnknownAtOnce);
    const bool at_once = option != request.options().end() && option->second == "true";
    driver_->Submit(session::GetSession{.id = id->str(), .unknown_at_once = at_once},
                    Bytes(request), respond);
  });
  for (const char* uri : {commands::kStopSession, commands::kKillSession}) {
    On<meta::SessionMeta>(uri, [this](const auto& request, auto respond) {
      driver_->Submit(session::StopSession{.id = request.id()}, Bytes(request), respond);
    });
  }
  On<meta::SessionMeta>(commands::kKillAllSessions, [this](const auto&, auto respond) {
    driver_->Submit(session::StopAllSessions{}, "", respond);
  });
  On<meta::Processor>(commands::kSessionHeartbeat, [this](const auto& request, auto respond) {
    auto event = ToBeat(request);
    if (!event.ok()) return respond(event.status());
    driver_->Submit(*event, Bytes(request), respond);
  });
  On<meta::QueueViewRequest>(commands::kGetQueueView, [](const auto&, auto respond) {
    respond(Bytes(meta::QueueViewResponse()));  // egg sessions never queue for resources
  });
}

void ClusterManager::RegisterNodeCommands() {
  On<meta::NodeHeartbeat>(commands::kNodeHeartbeat, [this](const auto& request, auto respond) {
    auto event = ToBeat(request);
    if (!event.ok()) return respond(event.status());
    driver_->Submit(*event, Bytes(request), respond);
  });
  On<meta::MetaInfoRequest>(commands::kNodeMetaInfo, [this](const auto&, auto respond) {
    meta::MetaInfoResponse response;
    response.mutable_metamap()->insert(config_.meta_info.begin(), config_.meta_info.end());
    respond(Bytes(response));
  });
  On<meta::ServerNode>(commands::kGetServerNode, [this](const auto& request, auto respond) {
    driver_->Run(
        [request](const session::Cluster&, sql::Database& database) -> absl::StatusOr<std::string> {
          ASSIGN_OR_RETURN(auto node, FindServerNode(database, request));
          return Bytes(node);
        },
        respond);
  });
  On<meta::CheckResourceEnoughRequest>(commands::kQueryClusterResource, [this](const auto& request,
                                                                               auto respond) {
    driver_->Run(
        [request](const session::Cluster& cluster, sql::Database&) -> absl::StatusOr<std::string> {
          return Bytes(CheckResources(cluster, request));
        },
        respond);
  });
}

template <class Handle>
void ClusterManager::OnStore(const char* uri, Handle handle) {
  On<meta::Store>(uri, [this, handle](const meta::Store& request, rpc::Respond respond) {
    driver_->Run(
        [request, handle](const session::Cluster& cluster,
                          sql::Database&) -> absl::StatusOr<std::string> {
          auto result = handle(request, HealthyIds(cluster));
          if (!result.ok()) return result.status();
          return Bytes(*result);
        },
        respond);
  });
}

void ClusterManager::RegisterStoreCommands() {
  OnStore(commands::kGetStore,
          [this](const auto& request, const auto& nodes) { return catalog_.Get(request, nodes); });
  OnStore(commands::kGetOrCreateStore, [this](const auto& request, const auto& nodes) {
    return catalog_.GetOrCreate(request, nodes);
  });
  OnStore(commands::kDeleteStore, [this](const auto& request, const auto&) {
    return catalog_.Delete(request, absl::Now());
  });
  OnStore(commands::kGetStoreFromNamespace,
          [this](const auto& request, const auto&) { return catalog_.List(request); });
}

void ClusterManager::RegisterStubs() {
  for (const char* uri : {commands::kGetServerNodes, commands::kGetOrCreateServerNode,
                          commands::kCreateOrUpdateServerNode}) {
    On<meta::ServerNode>(uri, [](const auto&, auto respond) { respond(std::string()); });
  }
  for (const char* uri : commands::kJobCommands) {
    service_.Register(uri, [uri](const rpc::CommandCall&, rpc::Respond respond) {
      respond(
          UnimplementedError("{}: this clustermanager runs no DeepSpeed jobs; run the job with "
                             "an eggroll 3 cluster that has GPUs",
                             uri));
    });
  }
}

}  // namespace fate::clustermanager
