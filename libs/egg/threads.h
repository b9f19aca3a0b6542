#pragma once

// A thread for each blocking task, as the protocol needs: task i of a shuffle ends only after
// task j on the same egg has sent its share, so a small pool would deadlock
// (spec/eggroll-compute-and-storage.md 7.5). Counted and bounded. Thread-safe.

#include <functional>
#include <memory>

#include "absl/status/status.h"

namespace fate::egg {

class Threads {
 public:
  explicit Threads(int limit);
  // Waits for all of them.
  ~Threads();
  // Error: kResourceExhausted at the limit.
  absl::Status Start(std::function<void()> body);
  int running() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace fate::egg
