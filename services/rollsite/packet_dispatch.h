#pragma once

// DataTransferService: reads the first packet of a call just far enough to see where it goes
// (spec/rollsite.md 6.1, 6.4), then hands the stream over, with what was read, unchanged.

#include "rollsite/egg_finder.h"
#include "rollsite/gateway.h"
#include "rollsite/packet_codec.h"
#include "rollsite/polling_exchange.h"

namespace fate::rollsite {

// Whether the peer may speak for the sender that a packet names, in its header and in its ext:
// receivers look at one or the other. Error: kPermissionDenied.
absl::Status CheckSource(const Gateway& gateway, const relay::Peer& peer,
                         const PacketHeader& header, const Destination& to);

void DispatchPush(Gateway* gateway, EggFinder* eggs, PollingExchange* polling,
                  relay::Stream* stream, relay::Headers head);
void DispatchUnaryCall(Gateway* gateway, PollingExchange* polling, relay::Stream* stream,
                       relay::Headers head);

}  // namespace fate::rollsite
