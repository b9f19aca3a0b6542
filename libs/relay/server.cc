#include "relay/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::relay {
namespace {

constexpr int kAcceptsPerTurn = 64;
constexpr absl::Duration kAcceptPause = absl::Milliseconds(100);

// Connections without calls stay this long when nearly all places are taken.
constexpr absl::Duration kIdleWhenCrowded = absl::Seconds(10);

// What counts as one host: an IPv6 network has 2^64 addresses to call from.
std::string HostOf(const std::string& address) {
  if (address.find(':') == std::string::npos) return address;
  in6_addr v6{};
  if (inet_pton(AF_INET6, address.c_str(), &v6) != 1 || IN6_IS_ADDR_V4MAPPED(&v6)) return address;
  return {reinterpret_cast<const char*>(&v6), 8};
}

}  // namespace

absl::StatusOr<std::unique_ptr<Server>> Server::Start(EventLoop* loop, const Address& address,
                                                      OnCall on_call) {
  return StartTls(loop, address, {}, std::move(on_call));
}

absl::StatusOr<std::unique_ptr<Server>> Server::StartTls(EventLoop* loop, const Address& address,
                                                         TlsServer tls, OnCall on_call) {
  ASSIGN_OR_RETURN(Socket listener, Socket::Listen(address));
  return std::unique_ptr<Server>(
      new Server(loop, std::move(listener), std::move(tls), std::move(on_call)));
}

Server::Server(EventLoop* loop, Socket listener, TlsServer tls, OnCall on_call)
    : loop_(loop),
      listener_(std::move(listener)),
      tls_(std::move(tls)),
      on_call_(std::move(on_call)) {
  loop_->Watch(listener_.fd(), EPOLLIN, this);
}

Server::~Server() {
  Drain();
  loop_->Cancel(look_timer_);
  while (!connections_.empty()) {
    auto connection = connections_.begin()->second;
    connection->Close(UnavailableError("the server is stopping"));
  }
}

size_t Server::stream_count() const {
  size_t count = 0;
  for (const auto& [key, connection] : connections_) count += connection->stream_count();
  return count;
}

void Server::Drain() {
  loop_->Cancel(accept_timer_);
  if (listener_.valid()) {
    loop_->Unwatch(listener_.fd());
    listener_.Close();
  }
  for (const auto& [key, connection] : connections_) connection->Drain();
}

// To ask whether there is one more costs half an accept: one a turn, more while they come turn by
// turn.
void Server::OnReady(uint32_t) {
  const bool again = std::exchange(accept_turn_, loop_->turn()) + 1 == loop_->turn();
  accepts_ = again ? std::clamp(accepts_ * 2, 1, kAcceptsPerTurn) : 1;
  for (int i = 0; i < accepts_ && listener_.valid(); ++i) {
    if (connections_.size() >= limits_.connections) return PauseAccepting();
    Address peer;
    Socket socket = listener_.Accept(&peer);
    if (!socket.valid()) {
      if (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS) {
        log::Warning("out of file descriptors at {} connections; new ones wait",
                     connections_.size());
        PauseAccepting();
      }
      accepts_ = 0;
      return;
    }
    if (HostMayConnect(peer)) Take(std::move(socket), std::move(peer));
  }
}

// Counts the connection, or closes it.
bool Server::HostMayConnect(const Address& peer) {
  size_t& count = hosts_[HostOf(peer.host)];
  if (count >= limits_.connections_of_host) {
    ReportCut("connections", peer.host, fmt::format("{} are open", count), loop_->Now());
    return false;
  }
  ++count;
  return true;
}

void Server::LookAtTime() {
  look_timer_ = 0;
  const bool crowded = connections_.size() >= limits_.connections / 10 * 9;
  const absl::Duration idle = crowded ? std::min(limits_.idle, kIdleWhenCrowded) : limits_.idle;
  std::vector<std::shared_ptr<Connection>> connections;
  for (const auto& [key, connection] : connections_) {
    if (connection->WantsALook(idle, limits_.headers) || connection->IsSilent(limits_.keep_alive)) {
      connections.push_back(connection);
    }
  }
  for (const auto& connection : connections) {
    connection->LookAtTime(idle, limits_.headers);
    connection->LookForPeer(limits_.keep_alive);
  }
  if (connections_.empty()) return;
  look_timer_ = loop_->After(LookPeriod(), [this] { LookAtTime(); });
}

void Server::Take(Socket socket, Address peer) {
  std::string name = tls_.context ? peer.ToString() : "the client";
  std::shared_ptr<tls::Session> session;
  if (tls_.context) {
    auto context = tls_.context();
    if (!context) return Forget(peer.host);  // closes the socket
    session = context->NewSession(name);
  }
  auto connection =
      std::make_shared<Connection>(loop_, Connection::Side::kServer, &buffer_, this, name);
  connections_[connection.get()] = connection;
  if (look_timer_ == 0) look_timer_ = loop_->After(LookPeriod(), [this] { LookAtTime(); });
  if (session) {
    if (handshakes_.size() >= kMaxTlsHandshakes) {
      handshakes_.front()->Close(ResourceExhaustedError("too many TLS handshakes at a time"));
    }
    handshakes_.push_back(connection.get());
  }
  connection->Accept(std::move(socket), std::move(peer), std::move(session), tls_.handshaker);
}

void Server::OnHandshake(Connection* connection, const absl::Status& result) {
  handshakes_.remove(connection);
  tls_.on_handshake(result);
}

// The listener stays readable while nothing can be accepted: look again a little later.
void Server::PauseAccepting() {
  loop_->Change(listener_.fd(), 0);
  accept_timer_ = loop_->After(kAcceptPause, [this] { loop_->Change(listener_.fd(), EPOLLIN); });
}

void Server::OnRequest(Stream* stream, Headers headers, bool end) {
  on_call_(stream, std::move(headers), end);
}

void Server::Forget(const std::string& host) {
  auto it = hosts_.find(HostOf(host));
  if (it != hosts_.end() && --it->second == 0) hosts_.erase(it);
}

void Server::OnConnectionClosed(Connection* connection) {
  Forget(connection->peer().host);
  handshakes_.remove(connection);
  connections_.erase(connection);
}

}  // namespace fate::relay
