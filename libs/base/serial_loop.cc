#include "base/serial_loop.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/limits.h"

namespace fate {

SerialLoop::SerialLoop() : thread_([this] { Run(); }) {}

SerialLoop::~SerialLoop() { Stop(); }

bool SerialLoop::Post(std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_ || ready_.size() >= kMaxQueuedFunctions) return false;
    ready_.push_back(std::move(function));
  }
  changed_.notify_one();
  return true;
}

void SerialLoop::PostAt(absl::Time time, std::function<void()> function) {
  {
    std::lock_guard lock(mutex_);
    if (stopping_) return;
    timed_.emplace(time, std::move(function));
  }
  changed_.notify_one();
}

void SerialLoop::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_one();
  if (thread_.joinable()) thread_.join();
}

std::function<void()> SerialLoop::Next() {
  // A step of the wall clock delays a timer by no more than this.
  constexpr absl::Duration kLongestWait = absl::Seconds(60);
  std::unique_lock lock(mutex_);
  for (;;) {
    if (!ready_.empty()) {
      auto function = std::move(ready_.front());
      ready_.pop_front();
      return function;
    }
    if (stopping_) return {};
    absl::Duration wait = kLongestWait;
    if (!timed_.empty()) wait = std::min(wait, timed_.begin()->first - absl::Now());
    if (wait <= absl::ZeroDuration()) return timed_.extract(timed_.begin()).mapped();
    changed_.wait_for(lock, absl::ToChronoMicroseconds(wait) + std::chrono::microseconds(1));
  }
}

void SerialLoop::Run() {
  while (auto function = Next()) function();
}

}  // namespace fate
