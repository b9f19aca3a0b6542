#pragma once

// Connections to other daemons, shared by the calls to one endpoint. A connection is made with
// the first call, kept, and made anew after it broke. Calls of different lanes never share one:
// a bulk transfer must not delay control calls to the same peer (spec/rollsite.md 12).

#include <map>
#include <memory>
#include <string>
#include <tuple>
#include <vector>

#include "relay/connection.h"

namespace fate::relay {

enum class Lane { kControl, kBulk };

struct Endpoint {
  Address address;                       // the host may be a name
  std::shared_ptr<const TlsClient> tls;  // null: clear text
};

class Upstreams final : public ConnectionOwner {
 public:
  explicit Upstreams(EventLoop* loop) : loop_(loop) {}
  // Resets what still runs.
  ~Upstreams();

  // Starts a call. That the endpoint cannot be reached comes as OnClosed (kUnavailable), never
  // from within Open.
  Stream* Open(const Endpoint& endpoint, Lane lane, const Headers& headers, bool end,
               std::shared_ptr<StreamHandler> handler);

  // Peers with calls that say nothing.
  void SetKeepAlive(const KeepAliveSettings& settings) { keep_alive_ = settings; }

  EventLoop& loop() const { return *loop_; }
  size_t connection_count() const { return connections_.size(); }

 private:
  using Key = std::tuple<Address, Lane, uint64_t>;  // the last: TlsClient::id, 0 for clear text
  Connection* Choose(const Endpoint& endpoint, Lane lane);
  void DrainOthers(const Key& key, const TlsClient* current);
  Connection* Connect(const Endpoint& endpoint, const Key& key);
  void LookForPeers();
  void OnRequest(Stream*, Headers, bool) override {}
  void OnConnectionClosed(Connection* connection) override;

  EventLoop* const loop_;
  KeepAliveSettings keep_alive_;
  EventLoop::TimerId look_timer_ = 0;
  ReadBuffer buffer_;
  std::map<Key, std::vector<std::shared_ptr<Connection>>> by_key_;
  std::map<Connection*, Key> connections_;
};

}  // namespace fate::relay
