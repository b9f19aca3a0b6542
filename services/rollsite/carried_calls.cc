#include "rollsite/carried_calls.h"

#include "queue_client/metadata.h"
#include "rollsite/own_addresses.h"

namespace fate::rollsite {

bool GoesAlong(std::string_view name) {
  if (name == kCarriedHeader || name == "x-fate-polling") return false;
  return name.starts_with("x-ptp-") || name.starts_with("x-fate-") || name.starts_with("fate-");
}

CarriedCalls::Ticket::Ticket(CarriedCalls* calls, Carried carried)
    : calls_(calls),
      at_(calls->peers_.emplace(queue_client::RandomId(), std::move(carried)).first) {}

bool CarriedCalls::IsOver(const relay::Peer& peer, const relay::Headers& head) const {
  return !relay::Find(head, kCarriedHeader).empty() && IsThisMachine(peer.host) &&
         !Find(peer, head);
}

const CarriedCalls::Carried* CarriedCalls::Find(const relay::Peer& peer,
                                                const relay::Headers& head) const {
  if (peers_.empty()) return nullptr;
  const std::string_view id = relay::Find(head, kCarriedHeader);
  if (id.empty() || !IsThisMachine(peer.host)) return nullptr;
  auto found = peers_.find(id);
  return found == peers_.end() ? nullptr : &found->second;
}

}  // namespace fate::rollsite
