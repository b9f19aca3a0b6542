#include "rollsite/rollsite.h"

#include <chrono>
#include <functional>
#include <future>

#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/text.h"
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

prometheus::Family<prometheus::Gauge>* PartyFamily(const char* name, const char* help) {
  return &prometheus::BuildGauge().Name(name).Help(help).Register(Metrics());
}

// What /metrics shows of the relay and the queues at this moment.
struct Figures {
  transfer_queue::Stats queues;
  size_t clients = 0, calls = 0, peers = 0, hop_topics = 0;
  size_t polling_streams = 0, polled_calls = 0;
};

}  // namespace

absl::Status Rollsite::Check(const std::string& config_path) {
  return Config::Load(config_path).status();
}

absl::Status Rollsite::CheckAll(const std::string& config_path) {
  ASSIGN_OR_RETURN(Config config, Config::Load(config_path));
  if (!config.warnings.empty()) return InvalidArgumentError("{}", config.warnings.front());
  ASSIGN_OR_RETURN(routing::RouteTable table,
                   routing::LoadRouteTable(config.route_table, config.party_id));
  return TlsStore::Check(config.tls, table);
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
    : config_(std::move(config)),
      tls_(config_.tls),
      routes_(config_.route_table, config_.party_id,
              [this](const routing::RouteTable& table) { tls_.Prepare(table); }) {}

int Rollsite::Port(Entrance entrance) const {
  for (const Listener& listener : listeners_) {
    if (listener.entrance == entrance) return listener.port;
  }
  return 0;
}

absl::Status Rollsite::ListenAt(Entrance entrance, const relay::Address& address) {
  auto on_call = [this, entrance](relay::Stream* stream, relay::Headers head, bool end) {
    calls_->OnCall(entrance, stream, std::move(head), end);
  };
  relay::TlsServer tls;
  if (entrance == Entrance::kTls) {
    tls = {.context = [this] { return tls_.ServerContext(); },
           .handshaker = tls_.handshaker(),
           .on_handshake = &CountHandshake};
  }
  ASSIGN_OR_RETURN(auto server, relay::Server::StartTls(&loop_, address, tls, on_call));
  server->SetLimits({.keep_alive = config_.keep_alive});
  const int port = server->port();
  gateway_->SetListener(entrance, {address.host, port});
  listeners_.push_back({entrance, std::move(server), port});
  return absl::OkStatus();
}

absl::Status Rollsite::Listen() {
  ASSIGN_OR_RETURN(introspection_,
                   rpc::Server::Start(LocalHost(config_.listen.host), 0, ServedServices()));
  if (!config_.audit.folder.empty()) {
    ASSIGN_OR_RETURN(
        audit_, AuditLog::Start(config_.audit, routes_.Current()->SelfName(""), &routes_, &loop_));
    log::Info("calls are recorded in {}, digests: {}", config_.audit.folder,
              config_.audit.digest_name());
  }
  gateway_ = std::make_unique<Gateway>(config_, &loop_, &routes_, &tls_);
  gateway_->upstreams()->SetKeepAlive(config_.keep_alive);
  calls_ = std::make_unique<Calls>(
      gateway_.get(), relay::Address{LocalHost(config_.listen.host), introspection_->port()},
      audit_.get(), [this] { return routes_.loaded(); });
  RETURN_IF_ERROR(calls_->queues().Restore());
  RETURN_IF_ERROR(ListenAt(Entrance::kMain, config_.listen));
  if (config_.tls.listen) RETURN_IF_ERROR(ListenAt(Entrance::kTls, config_.tls.address));
  if (!config_.access.inner.host.empty()) {
    RETURN_IF_ERROR(ListenAt(Entrance::kInner, config_.access.inner));
  }
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
    ASSIGN_OR_RETURN(http_, HttpInterface::Start(gateway_.get(), &tls_));
    log::Info("HTTP interface on port {}", http_->port());
    if (const int https = http_->https_port()) {
      log::Info("invoke over HTTPS on {}, certificates of clients are demanded",
                relay::Address{config_.tls.https.address.host, https}.ToString());
    }
  }
  for (const std::string& warning : config_.warnings) log::Warning("{}", warning);
  log::Info("rollsite of party {} listens on {}, admin on port {}", routes_.Current()->SelfName(""),
            relay::Address{config_.listen.host, port()}.ToString(), admin_->port());
  SayWhoIsServed();
  return absl::OkStatus();
}

// What an operator has to know about the doors that are open.
void Rollsite::SayWhoIsServed() const {
  if (int port = Port(Entrance::kTls)) {
    const char* clients[] = {"are not looked at", "are welcome", "are demanded"};
    log::Info("TLS on {}, certificates of clients {}",
              relay::Address{config_.tls.address.host, port}.ToString(),
              clients[static_cast<int>(config_.tls.clients)]);
  }
  const bool certificates_speak = Port(Entrance::kTls) != 0 || (http_ && http_->https_port() != 0);
  if (certificates_speak && config_.tls.party_map.empty() && config_.access.unnamed_speak) {
    log::Warning(
        "a certificate that names no party may speak for any; map certificates to parties in "
        "eggroll.rollsite.tls.party.map, or set eggroll.rollsite.tls.unnamed=refused if each "
        "names its party (URI urn:fate:party:<id> or CN=party-<id>)");
  }
  if (int port = Port(Entrance::kInner)) {
    log::Info("one's own components on {}",
              relay::Address{config_.access.inner.host, port}.ToString());
  }
  if (!config_.tls.party_map.empty() &&
      config_.access.plain_clients == AccessSettings::Clients::kAll) {
    log::Warning(
        "parties are known by their certificates, but who calls in clear text on {} is believed; "
        "set eggroll.rollsite.plain.clients=loopback if other parties reach that port",
        relay::Address{config_.listen.host, port()}.ToString());
  }
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
  RETURN_IF_ERROR(tls_.listener_status());
  if (audit_ && config_.audit.required) RETURN_IF_ERROR(audit_->status());
  bool alive = OnLoop<bool>([] { return true; }, false);
  return alive ? absl::OkStatus() : UnavailableError("the relay's thread does not answer");
}

transfer_queue::Stats Rollsite::queue_stats() {
  return OnLoop<transfer_queue::Stats>([this] { return calls_->queues().stats(); }, {});
}

size_t Rollsite::client_connections() {
  return OnLoop<size_t>([this] { return connection_count(); }, 0);
}

size_t Rollsite::connection_count() const {
  size_t count = 0;
  for (const Listener& listener : listeners_) count += listener.server->connection_count();
  return count;
}

size_t Rollsite::parked_polling_streams() {
  return OnLoop<size_t>([this] { return calls_->polling().parked_streams(); }, 0);
}

size_t Rollsite::waiting_polled_calls() {
  return OnLoop<size_t>([this] { return calls_->polling().waiting_calls(); }, 0);
}

void Rollsite::UpdateGauges() {
  Figures now = OnLoop<Figures>(
      [this] {
        size_t calls = 0;
        for (const Listener& listener : listeners_) calls += listener.server->stream_count();
        return Figures{calls_->queues().stats(),
                       connection_count(),
                       calls,
                       gateway_->upstreams()->connection_count(),
                       gateway_->hop_numbers()->size(),
                       calls_->polling().parked_streams(),
                       calls_->polling().waiting_calls()};
      },
      Figures{});
  static auto& queues = Gauge("rollsite_queues", "Queues with messages or waiting pops");
  static auto& messages = Gauge("rollsite_queue_messages", "Messages waiting in queues");
  static auto& memory = Gauge("rollsite_queue_memory_bytes", "Bytes that queues keep in memory");
  static auto& disk = Gauge("rollsite_queue_disk_bytes", "Bytes that queues keep on disk");
  static auto& repeated =
      Gauge("rollsite_queue_repeated_pushes", "Pushes that came again and were not stored twice");
  static auto& returned = Gauge("rollsite_queue_returned_messages",
                                "Messages whose answer did not arrive, back in their queue");
  static auto& lost =
      Gauge("rollsite_queue_lost_messages", "Messages that the disk did not give back");
  static auto& pops = Gauge("rollsite_waiting_pops", "Pops that wait for a message");
  static auto& dropped = Gauge("rollsite_queue_dropped_messages",
                               "Unread messages dropped by release or age since the start");
  static auto& clients = Gauge("rollsite_client_connections", "Open connections from clients");
  static auto& calls = Gauge("rollsite_open_calls", "Calls that have not ended");
  static auto& peers = Gauge("rollsite_peer_connections", "Open connections to other daemons");
  static auto& released =
      Gauge("rollsite_queue_released_topics",
            "Numbers of pushes to released queues, remembered for a while to know late ones");
  static auto& hop_topics =
      Gauge("rollsite_hop_topics", "Topics of which pushes to other parties are numbered here");
  static auto& polling =
      Gauge("rollsite_polling_streams", "Streams of polling parties that wait for a call");
  static auto& polled =
      Gauge("rollsite_polling_waiting_calls", "Calls to polling parties that wait for a stream");
  static auto& table = Gauge("rollsite_route_table_ok", "1: the route table's file is in force");
  queues.Set(static_cast<double>(now.queues.queues));
  messages.Set(static_cast<double>(now.queues.messages));
  memory.Set(static_cast<double>(now.queues.memory_bytes));
  disk.Set(static_cast<double>(now.queues.disk_bytes));
  repeated.Set(static_cast<double>(now.queues.repeated_pushes));
  returned.Set(static_cast<double>(now.queues.returned_messages));
  lost.Set(static_cast<double>(now.queues.lost_messages));
  pops.Set(static_cast<double>(now.queues.waiting_pops));
  dropped.Set(static_cast<double>(now.queues.dropped_messages));
  clients.Set(static_cast<double>(now.clients));
  calls.Set(static_cast<double>(now.calls));
  peers.Set(static_cast<double>(now.peers));
  released.Set(static_cast<double>(now.queues.released_topics));
  hop_topics.Set(static_cast<double>(now.hop_topics));
  polling.Set(static_cast<double>(now.polling_streams));
  polled.Set(static_cast<double>(now.polled_calls));
  table.Set(routes_.status().ok() ? 1 : 0);
  UpdateParties();
  if (audit_) {
    static auto& records = Gauge("rollsite_audit_ok", "1: the audit log can be written");
    static auto& backlog =
        Gauge("rollsite_audit_backlog_bytes", "Records in memory that wait for the disk");
    records.Set(audit_->status().ok() ? 1 : 0);
    backlog.Set(static_cast<double>(audit_->backlog_bytes()));
  }
  static auto& files = Gauge("rollsite_tls_files_ok",
                             "1: certificates and their mapping are in force as the files are");
  static auto& expiries =
      prometheus::BuildGauge()
          .Name("rollsite_tls_certificate_expiry_timestamp_seconds")
          .Help("When a certificate of this gateway expires, in seconds since 1970")
          .Register(Metrics());
  files.Set(tls_.files_ok() ? 1 : 0);
  for (const auto& [file, when] : tls_.Expiries()) {
    expiries.Add({{"file", file}}).Set(static_cast<double>(absl::ToUnixSeconds(when)));
  }
}

// What each party takes at this moment; one that has left stands at zero.
void Rollsite::UpdateParties() {
  constexpr size_t kMostParties = 1000;
  static const std::array<prometheus::Family<prometheus::Gauge>*, 3> families = {
      PartyFamily("rollsite_party_calls", "Calls of a party that have not ended"),
      PartyFamily("rollsite_party_waiting_bytes",
                  "Bytes of a party's calls that wait for a receiver"),
      PartyFamily("rollsite_party_queue_bytes", "Bytes of a party's messages that wait in queues")};
  using Parties = std::map<std::string, std::array<size_t, 3>>;
  const auto now = OnLoop<Parties>(
      [this] {
        Parties parties;
        for (const Quotas::Party& party : gateway_->quotas()->Busy(kMostParties)) {
          parties[party.name] = {party.streams, party.bytes[0] + party.bytes[1], 0};
        }
        for (const auto& [name, bytes] : calls_->queues().Parties(kMostParties)) {
          parties[name][2] = bytes;
        }
        return parties;
      },
      Parties{});
  for (auto& [name, gauges] : party_gauges_) {
    for (auto* gauge : gauges) gauge->Set(0);
  }
  for (const auto& [name, figures] : now) {
    if (!party_gauges_.count(name) && party_gauges_.size() >= kMostParties) continue;
    auto& gauges = party_gauges_[name];
    for (size_t i = 0; i < families.size(); ++i) {
      gauges[i] = &families[i]->Add({{"party", Escape(name)}});
      gauges[i]->Set(static_cast<double>(figures[i]));
    }
  }
}

Rollsite::~Rollsite() {
  http_.reset();
  admin_.reset();
  if (thread_.joinable()) {
    loop_.Post([this] { StopRelay(); });
    thread_.join();
  }
  polling_party_.reset();
  listeners_.clear();
  calls_.reset();
  gateway_.reset();
  audit_.reset();
}

// Waiting pops end at once; other calls may end for a while.
void Rollsite::StopRelay() {
  if (polling_party_) polling_party_->Stop();
  calls_->polling().Stop();
  calls_->queues().Stop();
  for (const Listener& listener : listeners_) listener.server->Drain();
  auto give_up = loop_.Now() + kStopGrace;
  auto check = std::make_shared<std::function<void()>>();
  *check = [this, give_up, weak = std::weak_ptr(check)] {
    if (connection_count() == 0 || loop_.Now() >= give_up) return loop_.Stop();
    if (auto again = weak.lock()) loop_.After(absl::Milliseconds(20), [again] { (*again)(); });
  };
  (*check)();
}

}  // namespace fate::rollsite
