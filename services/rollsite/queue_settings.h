#pragma once

// The keys of the queues (docs/operations.md): eggroll.rollsite.queue..., and OSX's names where it
// has one (spec/rollsite.md 5.3).

#include <string>

#include "absl/status/statusor.h"
#include "base/properties.h"
#include "transfer_queue/types.h"

namespace fate::rollsite {

struct QueueSettings {
  std::string folder = "data/queues";
  transfer_queue::Limits limits = {.disk_bytes = kQueueDiskBytes};
  // Of pushes that go on to other parties, to be sent again.
  size_t kept_bytes = kMaxHopKeptBytes;

  // Errors: kInvalidArgument naming file, line, key and remedy.
  static absl::StatusOr<QueueSettings> Read(const Properties& properties);
};

}  // namespace fate::rollsite
