#pragma once

// One thread's events: sockets (epoll, level-triggered), timers, and functions posted by other
// threads. Everything except Post and Stop is called on the loop's own thread.
//
// One turn: ready sockets, due timers, posted functions, then what was deferred to its end.

#include <cstdint>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/time/time.h"

namespace fate::relay {

class EventLoop {
 public:
  using Function = absl::AnyInvocable<void()>;

  // Told when its socket is ready. Must live until it is unwatched or forgotten.
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
  void Change(int fd, uint32_t epoll_events);
  void Unwatch(int fd);
  // The same for a descriptor that is closed next, which costs no system call.
  void Forget(int fd);

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

  // How many turns there were.
  uint64_t turn() const { return turn_; }

  // Monotonic time of this turn. Not the wall clock: only differences mean something.
  absl::Time Now() const { return now_; }

  // Thread-safe.
  void Post(Function function);
  std::shared_ptr<Mailbox> mailbox() const { return mailbox_; }
  void Stop();

  // Returns after Stop.
  void Run();

 private:
  // Whose descriptor it is. The kernel's events name descriptor and generation, so that one of a
  // descriptor that was forgotten reaches nobody: where a process that was just forked still has
  // it, closing it does not end its events.
  struct Watched {
    Watcher* watcher = nullptr;
    uint32_t generation = 0;
  };

  void Turn();
  void Control(int operation, int fd, uint32_t epoll_events);
  void OnReady(uint64_t data, uint32_t epoll_events);
  int WaitMilliseconds() const;
  void RunTimers();
  void RunPosted();
  void RunDeferred();

  int epoll_ = -1;
  bool stop_ = false;
  absl::Time now_;
  uint64_t turn_ = 0;
  std::vector<Watched> watched_;  // by descriptor
  std::shared_ptr<Mailbox> mailbox_;
  std::map<std::pair<absl::Time, TimerId>, Function> timers_;
  absl::flat_hash_map<TimerId, absl::Time> timer_times_;
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
