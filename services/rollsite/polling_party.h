#pragma once

// The party's end of polling (spec/rollsite.md 8.4): keeps `concurrency` streams open to the
// gateway of its route "default", and passes what comes in to its own gateway as if it had come
// from outside. Frames are in polling_exchange.h and polling_frames.h.

#include <memory>
#include <vector>

#include "rollsite/gateway.h"

namespace fate::rollsite {

class Poller;

class PollingParty {
 public:
  explicit PollingParty(Gateway* gateway) : gateway_(gateway) {}
  ~PollingParty();

  // From the loop's thread, once.
  void Start();
  void Stop();

 private:
  friend class Poller;
  // Logs when the exchange comes or goes, not for every stream.
  void Report(const absl::Status& status);

  Gateway* const gateway_;
  std::vector<std::shared_ptr<Poller>> pollers_;
  bool reported_failure_ = false, reported_success_ = false;
};

}  // namespace fate::rollsite
