#pragma once

// A push that ends at this party: its packets become batches for the egg that owns the partition
// (spec/rollsite.md 6.3). One answer, the ack Metadata, when the egg has taken all of it and its
// task has ended well; any failure is a status that is not OK.

#include <vector>

#include "rollsite/egg_finder.h"
#include "rollsite/gateway.h"
#include "rollsite/packet_codec.h"

namespace fate::rollsite {

// `first`: of the stream's first packet; `received`: all data so far, that packet included.
void SinkIntoEggs(Gateway* gateway, EggFinder* eggs, const PacketHeader& first,
                  const Destination& to, relay::Stream* stream, const relay::Headers& head,
                  std::vector<relay::Slice> received);

}  // namespace fate::rollsite
