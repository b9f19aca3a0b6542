#pragma once

// Listens for HTTP/2, in clear text with prior knowledge (h2c) or in TLS, and hands every request
// to one function.

#include <algorithm>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "base/limits.h"
#include "relay/connection.h"

namespace fate::relay {

// Of one listener; what a single connection may do is in relay/abuse.h.
struct ServerLimits {
  size_t connections = kMaxRelayConnections;
  // Of one host (of IPv6 the first 64 bits): three quarters, so that others still get in.
  size_t connections_of_host = kMaxRelayConnections / 4 * 3;
  // Connections without calls are closed after this; clients make new ones when they need them.
  absl::Duration idle = absl::Minutes(10);
  absl::Duration headers = absl::Seconds(10);  // from the start of a header block to its end
  KeepAliveSettings keep_alive;                // clients with calls that say nothing
  // How often the above is looked at, or more often where keep_alive needs it.
  absl::Duration look = absl::Seconds(2);
};

class Server final : public EventLoop::Watcher, public ConnectionOwner {
 public:
  // Sets the stream's handler, or answers and leaves it without one. `end`: the request has no
  // body.
  using OnCall = std::function<void(Stream* stream, Headers headers, bool end)>;

  // port 0 binds any free port. Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<std::unique_ptr<Server>> Start(EventLoop* loop, const Address& address,
                                                       OnCall on_call);
  static absl::StatusOr<std::unique_ptr<Server>> StartTls(EventLoop* loop, const Address& address,
                                                          TlsServer tls, OnCall on_call);
  // Resets what still runs.
  ~Server();

  int port() const { return listener_.LocalPort(); }
  size_t connection_count() const { return connections_.size(); }
  size_t stream_count() const;
  void SetLimits(const ServerLimits& limits) { limits_ = limits; }
  // Takes no new connections and calls; those that run may end.
  void Drain();

 private:
  Server(EventLoop* loop, Socket listener, TlsServer tls, OnCall on_call);
  void Take(Socket socket, Address peer);
  void OnReady(uint32_t epoll_events) override;
  void OnRequest(Stream* stream, Headers headers, bool end) override;
  void OnHandshake(Connection* connection, const absl::Status& result) override;
  void OnConnectionClosed(Connection* connection) override;
  void PauseAccepting();
  bool HostMayConnect(const Address& peer);
  void Forget(const std::string& host);
  absl::Duration LookPeriod() const { return std::min(limits_.look, limits_.keep_alive.look()); }
  void LookAtTime();

  EventLoop* const loop_;
  Socket listener_;
  const TlsServer tls_;  // without a context: clear text
  const OnCall on_call_;
  ReadBuffer buffer_;
  std::unordered_map<Connection*, std::shared_ptr<Connection>> connections_;
  std::list<Connection*> handshakes_;  // not finished, the oldest first
  EventLoop::TimerId accept_timer_ = 0, look_timer_ = 0;
  uint64_t accept_turn_ = 0;  // the last in which there was something to accept
  int accepts_ = 1;           // in that
  ServerLimits limits_;
  std::unordered_map<std::string, size_t> hosts_;  // connections of each
};

}  // namespace fate::relay
