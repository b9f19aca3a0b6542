#include "relay/upstreams.h"

#include <algorithm>

#include "base/status.h"

namespace fate::relay {
namespace {

// More are opened only when the peer allows no further streams on those there are.
constexpr size_t kMaxConnectionsPerEndpoint = 16;

}  // namespace

Upstreams::~Upstreams() {
  while (!connections_.empty()) {
    connections_.begin()->first->Close(CancelledError("stopping"));
  }
}

Stream* Upstreams::Open(const Address& address, Lane lane, const Headers& headers, bool end,
                        std::shared_ptr<StreamHandler> handler) {
  return Choose({address, lane})->Open(headers, end, std::move(handler));
}

Connection* Upstreams::Choose(const Key& key) {
  auto& candidates = by_key_[key];
  for (const auto& connection : candidates) {
    if (connection->accepts_streams()) return connection.get();
  }
  // At the bound, calls wait inside the connection for a free stream.
  for (const auto& connection : candidates) {
    if (candidates.size() >= kMaxConnectionsPerEndpoint && connection->usable()) {
      return connection.get();
    }
  }
  return Connect(key);
}

Connection* Upstreams::Connect(const Key& key) {
  const Address& address = key.first;
  auto connection = std::make_shared<Connection>(loop_, Connection::Side::kClient, &buffer_, this,
                                                 address.ToString());
  by_key_[key].push_back(connection);
  connections_[connection.get()] = key;
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

void Upstreams::OnConnectionClosed(Connection* connection) {
  auto it = connections_.find(connection);
  auto list = by_key_.find(it->second);
  std::erase_if(list->second, [&](const auto& entry) { return entry.get() == connection; });
  if (list->second.empty()) by_key_.erase(list);
  connections_.erase(it);
}

}  // namespace fate::relay
