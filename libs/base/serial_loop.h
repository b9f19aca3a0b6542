#pragma once

// One thread that runs posted functions in order and others at their time: the driver of a state
// machine. Nothing posted may block for long.
//
//   SerialLoop loop;
//   loop.Post([&] { machine.Step(event, absl::Now()); });
//   loop.PostAt(absl::Now() + absl::Seconds(5), [&] { machine.Step(Tick{}, absl::Now()); });
//
// Thread-safe. Stop (and the destructor) refuses new functions, runs what Post has taken, drops
// what waits for its time and joins the thread; it must not be called from the loop itself.

#include <condition_variable>
#include <deque>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include "absl/time/time.h"

namespace fate {

class SerialLoop {
 public:
  SerialLoop();
  ~SerialLoop();
  SerialLoop(const SerialLoop&) = delete;
  SerialLoop& operator=(const SerialLoop&) = delete;

  // False when the loop has stopped or kMaxQueuedFunctions wait: the function will not run.
  [[nodiscard]] bool Post(std::function<void()> function);
  // Dropped when the loop stops before its time.
  void PostAt(absl::Time time, std::function<void()> function);
  void Stop();

 private:
  void Run();
  // The next function to run, empty when the loop has stopped. Waits.
  std::function<void()> Next();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> ready_;
  std::multimap<absl::Time, std::function<void()>> timed_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fate
