#include "rollsite/rollsite.h"

#include <chrono>
#include <functional>
#include <future>

#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "http/admin.h"
#include "osx/osx.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"

namespace fate::rollsite {
namespace {

constexpr absl::Duration kStopGrace = absl::Seconds(5);
constexpr auto kLoopAnswer = std::chrono::seconds(2);

// An address of this machine on which a listener at `host` can be reached.
std::string LocalHost(const std::string& host) {
  if (host == "0.0.0.0") return "127.0.0.1";
  return host == "::" ? "::1" : host;
}

// Never called: they make reflection list what the relay serves.
std::vector<grpc::Service*> ServedServices() {
  using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
  static auto* transport = new org::ppc::ptp::PrivateTransferTransport::CallbackService();
  static auto* protocol = new org::ppc::ptp::PrivateTransferProtocol::CallbackService();
  static auto* transfer = new DataTransferService::CallbackService();
  return {transport, protocol, transfer};
}

prometheus::Gauge& Gauge(const char* name, const char* help) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(Metrics()).Add({});
}

// What /metrics shows of the relay and the queues at this moment.
struct Figures {
  transfer_queue::Stats queues;
  size_t clients = 0, calls = 0, peers = 0;
};

}  // namespace

absl::Status Rollsite::Check(const std::string& config_path) {
  return Config::Load(config_path).status();
}

absl::Status Rollsite::CheckAll(const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  if (!config.warnings.empty()) return InvalidArgumentError("{}", config.warnings.front());
  return routing::LoadRouteTable(config.route_table, config.party_id).status();
}

absl::StatusOr<std::unique_ptr<daemon::Running>> Rollsite::Start(const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  ASSIGN_OR_RETURN(auto rollsite, Start(std::move(config)));
  return std::unique_ptr<daemon::Running>(std::move(rollsite));
}

absl::StatusOr<std::unique_ptr<Rollsite>> Rollsite::Start(Config config) {
  std::unique_ptr<Rollsite> rollsite(new Rollsite(std::move(config)));
  RETURN_IF_ERROR(rollsite->Listen());
  return rollsite;
}

Rollsite::Rollsite(Config config)
    : config_(std::move(config)), routes_(config_.route_table, config_.party_id) {}

absl::Status Rollsite::Listen() {
  ASSIGN_OR_RETURN(introspection_,
                   rpc::Server::Start(LocalHost(config_.listen.host), 0, ServedServices()));
  gateway_ = std::make_unique<Gateway>(config_, &loop_, &routes_);
  calls_ = std::make_unique<Calls>(
      gateway_.get(), relay::Address{LocalHost(config_.listen.host), introspection_->port()});
  ASSIGN_OR_RETURN(
      server_, relay::Server::Start(&loop_, config_.listen,
                                    [this](relay::Stream* stream, relay::Headers head, bool end) {
                                      calls_->OnCall(stream, std::move(head), end);
                                    }));
  port_ = server_->port();
  gateway_->SetListener({config_.listen.host, port_});
  if (config_.polling_client) {
    polling_party_ = std::make_unique<PollingParty>(gateway_.get());
    loop_.Post([this] { polling_party_->Start(); });
  }
  thread_ = std::thread([this] { loop_.Run(); });
  http::Server::Options options;
  options.host = config_.listen.host;
  options.port = config_.admin_port;
  options.workers = 1;
  ASSIGN_OR_RETURN(admin_, http::Server::Start(options, [this](const http::Request& request,
                                                               http::Respond respond) {
                     if (request.path == "/metrics") UpdateGauges();
                     http::Response response;
                     if (!http::AnswerAdmin(
                             request, [this] { return Health(); }, &response)) {
                       response.status = 404;
                     }
                     respond(std::move(response));
                   }));
  if (config_.http_port != 0) {
    ASSIGN_OR_RETURN(http_, HttpInterface::Start(gateway_.get()));
    log::Info("HTTP interface on port {}", http_->port());
  }
  for (const std::string& warning : config_.warnings) log::Warning("{}", warning);
  log::Info("rollsite of party {} listens on {}, admin on port {}", routes_.Current()->SelfName(""),
            relay::Address{config_.listen.host, port_}.ToString(), admin_->port());
  return absl::OkStatus();
}

// Runs on the loop's thread; `fallback` when that does not answer.
template <class Result>
Result Rollsite::OnLoop(std::function<Result()> function, Result fallback) {
  auto promise = std::make_shared<std::promise<Result>>();
  auto future = promise->get_future();
  loop_.Post([promise, function] { promise->set_value(function()); });
  if (future.wait_for(kLoopAnswer) != std::future_status::ready) return fallback;
  return future.get();
}

absl::Status Rollsite::Health() {
  if (!routes_.loaded()) return routes_.status();
  bool alive = OnLoop<bool>([] { return true; }, false);
  return alive ? absl::OkStatus() : UnavailableError("the relay's thread does not answer");
}

transfer_queue::Stats Rollsite::queue_stats() {
  return OnLoop<transfer_queue::Stats>([this] { return calls_->queues().stats(); }, {});
}

size_t Rollsite::client_connections() {
  return OnLoop<size_t>([this] { return server_->connection_count(); }, 0);
}

size_t Rollsite::parked_polling_streams() {
  return OnLoop<size_t>([this] { return calls_->polling().parked_streams(); }, 0);
}

void Rollsite::UpdateGauges() {
  Figures now = OnLoop<Figures>(
      [this] {
        return Figures{calls_->queues().stats(), server_->connection_count(),
                       server_->stream_count(), gateway_->upstreams()->connection_count()};
      },
      Figures{});
  static auto& queues = Gauge("rollsite_queues", "Queues with messages or waiting pops");
  static auto& messages = Gauge("rollsite_queue_messages", "Messages waiting in queues");
  static auto& bytes = Gauge("rollsite_queue_bytes", "Bytes waiting in queues");
  static auto& pops = Gauge("rollsite_waiting_pops", "Pops that wait for a message");
  static auto& dropped = Gauge("rollsite_queue_dropped_messages",
                               "Unread messages dropped by release or age since the start");
  static auto& clients = Gauge("rollsite_client_connections", "Open connections from clients");
  static auto& calls = Gauge("rollsite_open_calls", "Calls that have not ended");
  static auto& peers = Gauge("rollsite_peer_connections", "Open connections to other daemons");
  static auto& table = Gauge("rollsite_route_table_ok", "1: the route table's file is in force");
  queues.Set(static_cast<double>(now.queues.queues));
  messages.Set(static_cast<double>(now.queues.messages));
  bytes.Set(static_cast<double>(now.queues.bytes));
  pops.Set(static_cast<double>(now.queues.waiting_pops));
  dropped.Set(static_cast<double>(now.queues.dropped_messages));
  clients.Set(static_cast<double>(now.clients));
  calls.Set(static_cast<double>(now.calls));
  peers.Set(static_cast<double>(now.peers));
  table.Set(routes_.status().ok() ? 1 : 0);
}

Rollsite::~Rollsite() {
  http_.reset();
  admin_.reset();
  if (thread_.joinable()) {
    loop_.Post([this] { StopRelay(); });
    thread_.join();
  }
  polling_party_.reset();
  server_.reset();
  calls_.reset();
  gateway_.reset();
}

// Waiting pops end at once; other calls may end for a while.
void Rollsite::StopRelay() {
  if (polling_party_) polling_party_->Stop();
  calls_->polling().Stop();
  calls_->queues().Stop();
  server_->Drain();
  auto give_up = loop_.Now() + kStopGrace;
  auto check = std::make_shared<std::function<void()>>();
  *check = [this, give_up, weak = std::weak_ptr(check)] {
    if (server_->connection_count() == 0 || loop_.Now() >= give_up) return loop_.Stop();
    if (auto again = weak.lock()) loop_.After(absl::Milliseconds(20), [again] { (*again)(); });
  };
  (*check)();
}

}  // namespace fate::rollsite
