#include "relay/event_loop.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <mutex>

namespace fate::relay {
namespace {

constexpr int kEventsPerTurn = 256;
constexpr uint64_t kMailbox = ~uint64_t{0};

absl::Time MonotonicNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

struct EventLoop::Mailbox::State {
  std::mutex mutex;
  std::vector<Function> functions;
  int event = -1;
  bool open = true;
};

EventLoop::Mailbox::Mailbox() : state_(std::make_unique<State>()) {
  state_->event = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
}

EventLoop::Mailbox::~Mailbox() { close(state_->event); }

void EventLoop::Mailbox::Post(Function function) {
  std::lock_guard lock(state_->mutex);
  if (!state_->open) return;
  state_->functions.push_back(std::move(function));
  uint64_t one = 1;
  if (write(state_->event, &one, sizeof one) < 0) return;  // the counter is full: awake already
}

std::vector<EventLoop::Function> EventLoop::Mailbox::Take() {
  std::lock_guard lock(state_->mutex);
  uint64_t count = 0;
  if (read(state_->event, &count, sizeof count) < 0) return {};
  return std::exchange(state_->functions, {});
}

EventLoop::EventLoop()
    : epoll_(epoll_create1(EPOLL_CLOEXEC)),
      now_(MonotonicNow()),
      mailbox_(std::make_shared<Mailbox>()) {
  epoll_event event{.events = EPOLLIN, .data = {.u64 = kMailbox}};
  epoll_ctl(epoll_, EPOLL_CTL_ADD, mailbox_->state_->event, &event);
}

EventLoop::~EventLoop() {
  std::vector<Function> unheard;
  {
    std::lock_guard lock(mailbox_->state_->mutex);
    mailbox_->state_->open = false;
    unheard.swap(mailbox_->state_->functions);
  }
  close(epoll_);
}

void EventLoop::Watch(int fd, uint32_t epoll_events, Watcher* watcher) {
  const auto index = static_cast<size_t>(fd);
  if (index >= watched_.size()) watched_.resize(std::max(index + 1, watched_.size() * 2));
  Watched& watched = watched_[index];
  watched.watcher = watcher;
  ++watched.generation;
  Control(EPOLL_CTL_ADD, fd, epoll_events);
}

void EventLoop::Change(int fd, uint32_t epoll_events) { Control(EPOLL_CTL_MOD, fd, epoll_events); }

void EventLoop::Control(int operation, int fd, uint32_t epoll_events) {
  const uint32_t generation = watched_[static_cast<size_t>(fd)].generation;
  epoll_event event{.events = epoll_events,
                    .data = {.u64 = uint64_t{generation} << 32 | static_cast<uint32_t>(fd)}};
  epoll_ctl(epoll_, operation, fd, &event);
}

void EventLoop::Unwatch(int fd) {
  epoll_ctl(epoll_, EPOLL_CTL_DEL, fd, nullptr);
  Forget(fd);
}

void EventLoop::Forget(int fd) {
  const auto index = static_cast<size_t>(fd);
  if (index < watched_.size()) watched_[index].watcher = nullptr;
}

void EventLoop::OnReady(uint64_t data, uint32_t epoll_events) {
  const Watched& watched = watched_[static_cast<uint32_t>(data)];
  if (watched.watcher && watched.generation == data >> 32) watched.watcher->OnReady(epoll_events);
}

EventLoop::TimerId EventLoop::At(absl::Time when, Function function) {
  TimerId id = ++last_timer_;
  timers_.emplace(std::pair{when, id}, std::move(function));
  timer_times_.emplace(id, when);
  return id;
}

void EventLoop::Cancel(TimerId id) {
  auto it = timer_times_.find(id);
  if (it == timer_times_.end()) return;
  timers_.erase({it->second, id});
  timer_times_.erase(it);
}

void EventLoop::Post(Function function) { mailbox_->Post(std::move(function)); }

void EventLoop::Stop() {
  Post([this] { stop_ = true; });
}

void EventLoop::Run() {
  while (!stop_) Turn();
}

void EventLoop::Turn() {
  epoll_event events[kEventsPerTurn];
  int count = epoll_wait(epoll_, events, kEventsPerTurn, WaitMilliseconds());
  now_ = MonotonicNow();
  ++turn_;
  bool posted = false;
  for (int i = 0; i < count; ++i) {
    if (events[i].data.u64 == kMailbox) {
      posted = true;
    } else {
      OnReady(events[i].data.u64, events[i].events);
    }
  }
  RunTimers();
  if (posted) RunPosted();
  RunDeferred();
}

int EventLoop::WaitMilliseconds() const {
  if (!deferred_.empty() || !ending_.empty()) return 0;
  if (timers_.empty()) return -1;
  absl::Duration wait = timers_.begin()->first.first - MonotonicNow();
  if (wait <= absl::ZeroDuration()) return 0;
  // Rounded up, so that the timer is due when the wait ends.
  return static_cast<int>(std::min<int64_t>(absl::ToInt64Milliseconds(wait) + 1, 3'600'000));
}

void EventLoop::RunTimers() {
  while (!timers_.empty() && timers_.begin()->first.first <= now_) {
    auto first = timers_.begin();
    Function function = std::move(first->second);
    timer_times_.erase(first->first.second);
    timers_.erase(first);
    function();
  }
}

void EventLoop::RunPosted() {
  for (Function& function : mailbox_->Take()) function();
}

void EventLoop::RunDeferred() {
  while (!deferred_.empty() || !ending_.empty()) {
    std::vector<Function> functions = std::exchange(deferred_, {});
    for (Function& function : functions) function();
    spare_.swap(ending_);
    for (const auto& watcher : spare_) watcher->OnTurnEnd();
    spare_.clear();
  }
}

}  // namespace fate::relay
