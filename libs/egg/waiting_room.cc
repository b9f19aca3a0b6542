#include "egg/waiting_room.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/time/clock.h"

namespace fate::egg {
namespace {
// How long the client of a parked call may be gone before the call ends.
constexpr absl::Duration kCancelCheck = absl::Seconds(1);
}  // namespace

WaitingRoom::WaitingRoom() : thread_([this] { Run(); }) {}

WaitingRoom::~WaitingRoom() {
  Close();
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
    changed_.notify_all();
  }
  thread_.join();
}

void WaitingRoom::Park(const std::string& key, absl::Time deadline, CancelFlag cancelled,
                       Resume resume) {
  std::lock_guard lock(mutex_);
  waits_.emplace(key, Wait{deadline, std::move(cancelled), std::move(resume)});
  changed_.notify_all();
}

void WaitingRoom::Wake(const std::string& key) {
  std::vector<Resume> woken;
  {
    std::lock_guard lock(mutex_);
    auto [begin, end] = waits_.equal_range(key);
    for (auto it = begin; it != end; ++it) woken.push_back(std::move(it->second.resume));
    waits_.erase(begin, end);
  }
  for (const Resume& resume : woken) resume(Outcome::kEvent);
}

void WaitingRoom::Close() {
  std::lock_guard lock(mutex_);
  closed_ = true;
  changed_.notify_all();
}

size_t WaitingRoom::size() const {
  std::lock_guard lock(mutex_);
  return waits_.size();
}

WaitingRoom::Ended WaitingRoom::TakeEnded(absl::Time now, absl::Time* next) {
  Ended ended;
  for (auto it = waits_.begin(); it != waits_.end();) {
    Wait& wait = it->second;
    bool cancelled = closed_ || (wait.cancelled != nullptr && *wait.cancelled);
    if (cancelled || wait.deadline <= now) {
      ended.emplace_back(std::move(wait.resume),
                         cancelled ? Outcome::kCancelled : Outcome::kDeadline);
      it = waits_.erase(it);
      continue;
    }
    *next = std::min(*next, wait.deadline);
    ++it;
  }
  return ended;
}

void WaitingRoom::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_ || !waits_.empty()) {
    if (waits_.empty()) {
      changed_.wait(lock);
      continue;
    }
    absl::Time now = absl::Now(), next = now + kCancelCheck;
    Ended ended = TakeEnded(now, &next);
    if (!ended.empty()) {
      lock.unlock();
      for (const auto& [resume, outcome] : ended) resume(outcome);
      ended.clear();
      lock.lock();
      continue;
    }
    changed_.wait_for(lock, absl::ToChronoMicroseconds(next - now));
  }
}

}  // namespace fate::egg
