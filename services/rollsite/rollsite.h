#pragma once

// The rollsite service: configuration, the relay's thread, the route table's watcher, the gRPC
// server for health and reflection, the admin address.

#include <array>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/metrics.h"
#include "daemon/daemon.h"
#include "http/server.h"
#include "relay/server.h"
#include "rollsite/calls.h"
#include "rollsite/http_interface.h"
#include "rollsite/polling_party.h"
#include "rpc/server.h"

namespace fate::rollsite {

class Rollsite final : public daemon::Running {
 public:
  // Start-up insists on the properties only: without a route table the service runs, answers
  // 130 and takes the table when it appears.
  static absl::Status Check(const std::string& config_path);
  // The route table as well: --check-config.
  static absl::Status CheckAll(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<daemon::Running>> Start(const std::string& config_path);
  static absl::StatusOr<std::unique_ptr<Rollsite>> Start(Config config);
  ~Rollsite() override;

  int port() const { return Port(Entrance::kMain); }
  // Of a listener; 0 when there is none.
  int Port(Entrance entrance) const;
  int admin_port() const { return admin_->port(); }
  int http_port() const { return http_ ? http_->port() : 0; }
  int https_port() const { return http_ ? http_->https_port() : 0; }
  // As of now; zeros if the relay's thread does not answer. Any thread.
  transfer_queue::Stats queue_stats();
  size_t client_connections();
  size_t parked_polling_streams();
  size_t waiting_polled_calls();

 private:
  explicit Rollsite(Config config);
  absl::Status Listen();
  absl::Status ListenAt(Entrance entrance, const relay::Address& address);
  size_t connection_count() const;
  absl::Status Health();
  void UpdateGauges();
  void UpdateParties();
  void SayWhoIsServed() const;
  void StopRelay();
  template <class Result>
  Result OnLoop(std::function<Result()> function, Result fallback);

  const Config config_;
  TlsStore tls_;
  routing::RouteWatcher routes_;
  relay::EventLoop loop_;
  std::unique_ptr<rpc::Server> introspection_;
  std::unique_ptr<AuditLog> audit_;
  // On the loop's thread.
  std::unique_ptr<Gateway> gateway_;
  std::unique_ptr<Calls> calls_;
  std::unique_ptr<PollingParty> polling_party_;
  struct Listener {
    Entrance entrance;
    std::unique_ptr<relay::Server> server;
    int port;
  };
  std::vector<Listener> listeners_;
  std::thread thread_;
  // On the admin server's one thread: calls, bytes that wait in calls and in queues, by party.
  std::map<std::string, std::array<prometheus::Gauge*, 3>> party_gauges_;
  std::unique_ptr<http::Server> admin_;
  std::unique_ptr<HttpInterface> http_;
};

}  // namespace fate::rollsite
