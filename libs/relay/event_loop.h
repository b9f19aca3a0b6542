#pragma once

// One thread's events: sockets (epoll, level-triggered), timers, and functions posted by other
// threads. Everything except Post and Stop is called on the loop's own thread.
//
// One turn: ready sockets, due timers, posted functions, then what was deferred to its end.

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/time/time.h"

namespace fate::relay {

class EventLoop {
 public:
  using Function = std::function<void()>;

  // Told when its socket is ready. Must live until the end of the turn that unwatched it or closed
  // its descriptor.
  class Watcher {
   public:
    virtual void OnReady(uint32_t epoll_events) = 0;
    virtual void OnTurnEnd() {}

   protected:
    ~Watcher() = default;
  };

  // Where other threads leave functions; outlives the loop, then drops them.
  class Mailbox;

  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  void Watch(int fd, uint32_t epoll_events, Watcher* watcher);
  void Change(int fd, uint32_t epoll_events, Watcher* watcher);
  void Unwatch(int fd);  // closing the descriptor does the same

  // Id of the timer, for Cancel; never 0. Cancelling one that has run does nothing.
  using TimerId = uint64_t;
  TimerId At(absl::Time when, Function function);
  TimerId After(absl::Duration delay, Function function) {
    return At(Now() + delay, std::move(function));
  }
  void Cancel(TimerId id);

  // Runs at the end of this turn, in order.
  void Defer(Function function) { deferred_.push_back(std::move(function)); }
  // OnTurnEnd at the end of this turn, after what was deferred.
  void CallAtTurnEnd(std::shared_ptr<Watcher> watcher) { ending_.push_back(std::move(watcher)); }

  // Monotonic time of this turn. Not the wall clock: only differences mean something.
  absl::Time Now() const { return now_; }

  // Thread-safe.
  void Post(Function function);
  std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }
  void Stop();

  // Returns after Stop.
  void Run();

 private:
  void Turn();
  int WaitMilliseconds() const;
  void RunTimers();
  void RunPosted();
  void RunDeferred();

  int epoll_ = -1;
  bool stop_ = false;
  absl::Time now_;
  std::shared_ptr<Mailbox> mailbox_;
  std::map<std::pair<absl::Time, TimerId>, Function> timers_;
  std::map<TimerId, absl::Time> timer_times_;
  TimerId last_timer_ = 0;
  std::vector<Function> deferred_;
  std::vector<std::shared_ptr<Watcher>> ending_, spare_;
};

class EventLoop::Mailbox {
 public:
  Mailbox();
  ~Mailbox();
  void Post(Function function);

 private:
  friend class EventLoop;
  std::vector<Function> Take();
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace fate::relay
