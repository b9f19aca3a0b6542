#include "crypto/parallel.h"

#include <gtest/gtest.h>

#include <atomic>
#include <set>

namespace fate::crypto {
namespace {

TEST(Parallel, PartsCoverTheRangeOnceAndKeepToTheGrain) {
  for (const int threads : {1, 2, 5}) {
    const WorkerPool pool(threads);
    for (const size_t count : {size_t{0}, size_t{1}, size_t{7}, size_t{8}, size_t{1000}}) {
      std::vector<std::atomic<int>> visits(count);
      std::atomic<bool> is_aligned{true};
      pool.For(count, 8, [&](size_t begin, size_t end) {
        if (begin % 8 != 0 || (end % 8 != 0 && end != count)) is_aligned = false;
        for (size_t i = begin; i < end; ++i) ++visits[i];
      });
      EXPECT_TRUE(is_aligned);
      for (const std::atomic<int>& visit : visits) EXPECT_EQ(visit, 1);
    }
  }
}

TEST(Parallel, AllThreadsOfAPoolWork) {
  const WorkerPool pool(3);
  std::mutex mutex;
  std::condition_variable all_here;
  std::set<std::thread::id> ids;
  pool.For(3 * 8, 1, [&](size_t, size_t) {
    std::unique_lock lock(mutex);
    ids.insert(std::this_thread::get_id());
    all_here.notify_all();
    all_here.wait_for(lock, std::chrono::seconds(30), [&] { return ids.size() == 3; });
  });
  EXPECT_EQ(ids.size(), 3u);
}

TEST(Parallel, CallsFromSeveralThreadsTakeTurns) {
  const WorkerPool pool(2);
  std::atomic<int> sum{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 4; ++i) {
    callers.emplace_back([&] {
      for (int round = 0; round < 50; ++round) {
        pool.For(10, 1, [&](size_t begin, size_t end) { sum += static_cast<int>(end - begin); });
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(sum, 4 * 50 * 10);
}

}  // namespace
}  // namespace fate::crypto
