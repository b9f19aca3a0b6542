#include "egg/threads.h"

#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "base/status.h"

namespace fate::egg {

struct Threads::State {
  explicit State(int limit) : limit(limit) {}
  void Leave() {
    std::lock_guard lock(mutex);
    --running;
    changed.notify_all();
  }
  const int limit;
  std::mutex mutex;
  std::condition_variable changed;
  int running = 0;
};

Threads::Threads(int limit) : state_(std::make_shared<State>(limit)) {}

Threads::~Threads() {
  std::unique_lock lock(state_->mutex);
  state_->changed.wait(lock, [this] { return state_->running == 0; });
}

absl::Status Threads::Start(std::function<void()> body) {
  {
    std::lock_guard lock(state_->mutex);
    if (state_->running >= state_->limit) {
      return ResourceExhaustedError("{} tasks run at the same time; try again later",
                                    state_->running);
    }
    ++state_->running;
  }
  try {
    std::thread([state = state_, body = std::move(body)]() mutable {
      body();
      body = nullptr;  // what it owns goes before the count
      state->Leave();
    }).detach();
  } catch (const std::system_error& error) {
    state_->Leave();
    return ResourceExhaustedError("cannot start a thread: {}", error.what());
  }
  return absl::OkStatus();
}

int Threads::running() const {
  std::lock_guard lock(state_->mutex);
  return state_->running;
}

}  // namespace fate::egg
