#pragma once

// How this library spreads a batch over threads: the caller says where work runs. `Parallel` is
// the interface, Inline() the calling thread, WorkerPool a few threads of one's own.

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fate::crypto {

class Parallel {
 public:
  virtual ~Parallel() = default;
  virtual int threads() const = 0;
  // Calls body(begin, end) for parts that together cover [0, count), each a multiple of `grain`
  // long but the last, from several threads at once; returns when all have returned. Bodies do
  // not throw and do not call For.
  virtual void For(size_t count, size_t grain,
                   const std::function<void(size_t begin, size_t end)>& body) const = 0;
};

// Everything in the calling thread.
const Parallel& Inline();

// `threads` - 1 threads beside the calling one. For may be called from several threads: calls
// take turns.
class WorkerPool : public Parallel {
 public:
  explicit WorkerPool(int threads);
  ~WorkerPool() override;
  int threads() const override { return static_cast<int>(workers_.size()) + 1; }
  void For(size_t count, size_t grain,
           const std::function<void(size_t begin, size_t end)>& body) const override;

 private:
  struct Job {
    const std::function<void(size_t, size_t)>* body = nullptr;
    size_t count = 0, grain = 1, next = 0;
    int running = 0;
  };
  void Work();
  // Takes parts of the job until none is left; `lock` is held before and after.
  void RunParts(std::unique_lock<std::mutex>& lock) const;

  mutable std::mutex turn_, mutex_;
  mutable std::condition_variable has_work_, is_done_;
  mutable Job job_;
  bool stopping_ = false;
  std::vector<std::thread> workers_;
};

}  // namespace fate::crypto
