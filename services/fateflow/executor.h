#pragma once

// A fixed number of threads that run what is posted, in order of arrival. Post from any thread.

#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace fate::flow {

class Executor {
 public:
  explicit Executor(int threads);
  // Runs what is queued, then stops.
  ~Executor();

  // False when more than kMaxQueued pieces of work wait already.
  bool Post(std::function<void()> work);

  static constexpr size_t kMaxQueued = 10'000;

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace fate::flow
