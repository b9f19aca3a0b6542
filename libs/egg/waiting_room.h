#pragma once

// Calls that wait for an event without holding a thread: for a tag, for the first header of
// federation data, for a finished partition. A wait ends by its event, its deadline, or soon
// after its client has left. Thread-safe; one thread of its own, asleep while nobody waits.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/time.h"

namespace fate::egg {

using CancelFlag = std::shared_ptr<const std::atomic<bool>>;

class WaitingRoom {
 public:
  enum class Outcome { kEvent, kDeadline, kCancelled };
  using Resume = std::function<void(Outcome)>;

  WaitingRoom();
  ~WaitingRoom();

  // `resume` runs once, on another thread or inside Wake(), never inside Park(). A caller that
  // checks a state first must hold the lock that guards the state over check and Park().
  void Park(const std::string& key, absl::Time deadline, CancelFlag cancelled, Resume resume);
  // Ends the waits for `key`. Call without locks that `resume` takes.
  void Wake(const std::string& key);
  // Ends all waits as cancelled, now and from now on.
  void Close();
  size_t size() const;

 private:
  struct Wait {
    absl::Time deadline;
    CancelFlag cancelled;
    Resume resume;
  };
  using Ended = std::vector<std::pair<Resume, Outcome>>;
  void Run();
  Ended TakeEnded(absl::Time now, absl::Time* next);

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<std::string, Wait> waits_;
  bool closed_ = false;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace fate::egg
