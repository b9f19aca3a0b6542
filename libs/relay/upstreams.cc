#include "relay/upstreams.h"

#include <algorithm>

#include "base/status.h"

namespace fate::relay {
namespace {

// More are opened only when the peer allows no further streams on those there are.
constexpr size_t kMaxConnectionsPerEndpoint = 16;

}  // namespace

Upstreams::~Upstreams() {
  loop_->Cancel(look_timer_);
  while (!connections_.empty()) {
    connections_.begin()->first->Close(CancelledError("stopping"));
  }
}

Stream* Upstreams::Open(const Endpoint& endpoint, Lane lane, const Headers& headers, bool end,
                        std::shared_ptr<StreamHandler> handler) {
  return Choose(endpoint, lane)->Open(headers, end, std::move(handler));
}

Connection* Upstreams::Choose(const Endpoint& endpoint, Lane lane) {
  Key key{endpoint.address, lane, endpoint.tls ? endpoint.tls->id : 0};
  auto& candidates = by_key_[key];
  bool renewed = false;
  for (const auto& connection : candidates) {
    if (connection->tls() != endpoint.tls) {
      renewed = true;
    } else if (connection->accepts_streams()) {
      return connection.get();
    }
  }
  if (renewed) DrainOthers(key, endpoint.tls.get());
  // At the bound, calls wait inside the connection for a free stream.
  for (const auto& connection : candidates) {
    if (candidates.size() >= kMaxConnectionsPerEndpoint && connection->usable() &&
        connection->tls() == endpoint.tls) {
      return connection.get();
    }
  }
  return Connect(endpoint, key);
}

// Connections made with certificates that have been replaced end with the calls they carry.
void Upstreams::DrainOthers(const Key& key, const TlsClient* current) {
  for (const auto& connection : by_key_[key]) {
    if (connection->tls().get() != current) connection->Drain();
  }
}

Connection* Upstreams::Connect(const Endpoint& endpoint, const Key& key) {
  const Address& address = endpoint.address;
  auto connection = std::make_shared<Connection>(loop_, Connection::Side::kClient, &buffer_, this,
                                                 address.ToString());
  connection->UseTls(endpoint.tls);
  by_key_[key].push_back(connection);
  connections_[connection.get()] = key;
  if (look_timer_ == 0) {
    look_timer_ = loop_->After(keep_alive_.look(), [this] { LookForPeers(); });
  }
  std::weak_ptr<Connection> weak = connection;
  if (IsNumeric(address.host)) {
    loop_->Defer([weak, address] {
      if (auto self = weak.lock(); self && !self->closed()) self->Connect({address});
    });
  } else {
    Resolve(address, loop_->mailbox(), [weak](absl::StatusOr<std::vector<Address>> found) {
      auto self = weak.lock();
      if (!self || self->closed()) return;
      if (!found.ok()) return self->Close(found.status());
      self->Connect(*std::move(found));
    });
  }
  return connection.get();
}

void Upstreams::LookForPeers() {
  look_timer_ = 0;
  std::vector<std::shared_ptr<Connection>> silent;
  for (const auto& [connection, key] : connections_) {
    if (connection->IsSilent(keep_alive_)) silent.push_back(connection->shared_from_this());
  }
  for (const auto& connection : silent) connection->LookForPeer(keep_alive_);
  if (connections_.empty()) return;
  look_timer_ = loop_->After(keep_alive_.look(), [this] { LookForPeers(); });
}

void Upstreams::OnConnectionClosed(Connection* connection) {
  auto it = connections_.find(connection);
  auto list = by_key_.find(it->second);
  std::erase_if(list->second, [&](const auto& entry) { return entry.get() == connection; });
  if (list->second.empty()) by_key_.erase(list);
  connections_.erase(it);
}

}  // namespace fate::relay
