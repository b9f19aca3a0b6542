#pragma once

// Time as a value. State machines take `now` as an argument; drivers read it from a Clock,
// which a simulation replaces.

#include "absl/time/time.h"

namespace fate {

class Clock {
 public:
  virtual ~Clock() = default;
  virtual absl::Time Now() const = 0;
};

// The system's wall clock.
Clock& RealClock();

// Stands still until told to move.
class SimulatedClock : public Clock {
 public:
  explicit SimulatedClock(absl::Time start) : now_(start) {}
  absl::Time Now() const override { return now_; }
  void Advance(absl::Duration step) { now_ += step; }

 private:
  absl::Time now_;
};

}  // namespace fate
