#pragma once

// Whether a peer that says nothing is still there. A connection with open calls that hears nothing
// for `idle` asks with a PING; a peer that does not answer within `timeout`, or whose machine does
// not acknowledge what it was sent for so long, is given up and its calls end.
//
// gRPC's servers (C core, Java) end connections whose clients ask more often than every five
// minutes while no call moves. So a client asks once after `idle`, and then every kAskAgain until
// the head or data of an answer comes. In between, what was sent and is not acknowledged tells.

#include "absl/time/time.h"

namespace fate::relay {

struct KeepAliveSettings {
  absl::Duration idle = absl::Seconds(30);  // infinite: never asks
  absl::Duration timeout = absl::Seconds(20);

  // How often to look.
  absl::Duration look() const;
};

// Pure: time comes from the caller.
class KeepAlive {
 public:
  static constexpr absl::Duration kAskAgain = absl::Seconds(310);
  enum class Action { kNothing, kAsk, kGiveUp };

  void Heard(absl::Time now) { heard_ = now; }
  void CallMoved() { asked_before_ = absl::InfinitePast(); }
  absl::Duration Silence(absl::Time now) const { return now - heard_; }
  // `has_calls`: otherwise nobody is asked. `again`: the pause between two questions.
  Action Look(absl::Time now, bool has_calls, const KeepAliveSettings& settings,
              absl::Duration again);

 private:
  absl::Time heard_ = absl::InfiniteFuture();
  absl::Time asked_ = absl::InfiniteFuture();  // not answered yet
  absl::Time asked_before_ = absl::InfinitePast();
};

}  // namespace fate::relay
