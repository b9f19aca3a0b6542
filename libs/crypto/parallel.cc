#include "crypto/parallel.h"

#include <algorithm>

namespace fate::crypto {
namespace {

class InlineParallel : public Parallel {
 public:
  int threads() const override { return 1; }
  void For(size_t count, size_t /*grain*/,
           const std::function<void(size_t, size_t)>& body) const override {
    if (count > 0) body(0, count);
  }
};

// A part is this share of a thread's share of what is left: large parts first, and single grains
// at the end, so that all threads finish together.
constexpr size_t kPartsPerThread = 4;

}  // namespace

const Parallel& Inline() {
  static const InlineParallel parallel;
  return parallel;
}

WorkerPool::WorkerPool(int threads) {
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this] { Work(); });
}

WorkerPool::~WorkerPool() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  has_work_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void WorkerPool::For(size_t count, size_t grain,
                     const std::function<void(size_t, size_t)>& body) const {
  if (count == 0) return;
  const std::lock_guard turn(turn_);
  std::unique_lock lock(mutex_);
  job_ = {&body, count, grain, 0, 0};
  has_work_.notify_all();
  RunParts(lock);
  is_done_.wait(lock, [this] { return job_.running == 0; });
  job_ = {};
}

void WorkerPool::RunParts(std::unique_lock<std::mutex>& lock) const {
  ++job_.running;
  while (job_.next < job_.count) {
    const size_t begin = job_.next, left = (job_.count - begin + job_.grain - 1) / job_.grain;
    const size_t grains =
        std::max(left / (kPartsPerThread * static_cast<size_t>(threads())), size_t{1});
    const size_t end = std::min(begin + grains * job_.grain, job_.count);
    job_.next = end;
    const std::function<void(size_t, size_t)>& body = *job_.body;
    lock.unlock();
    body(begin, end);
    lock.lock();
  }
  if (--job_.running == 0) is_done_.notify_all();
}

void WorkerPool::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    has_work_.wait(lock, [this] { return stopping_ || job_.next < job_.count; });
    if (stopping_) return;
    RunParts(lock);
  }
}

}  // namespace fate::crypto
