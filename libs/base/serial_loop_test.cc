#include "base/serial_loop.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <vector>

#include "absl/time/clock.h"

namespace fate {
namespace {

using ::testing::ElementsAre;

TEST(SerialLoopTest, FunctionsRunInTheOrderTheyWerePosted) {
  std::vector<int> seen;
  SerialLoop loop;
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(loop.Post([&seen, i] { seen.push_back(i); }));
  loop.Stop();
  EXPECT_THAT(seen, ElementsAre(0, 1, 2));
}

TEST(SerialLoopTest, TimersRunAtTheirTimeAndInTheirOrder) {
  std::vector<int> seen;
  std::promise<void> done;
  SerialLoop loop;
  absl::Time start = absl::Now();
  loop.PostAt(start + absl::Milliseconds(20), [&] {
    seen.push_back(2);
    done.set_value();
  });
  loop.PostAt(start + absl::Milliseconds(10), [&] { seen.push_back(1); });
  ASSERT_EQ(done.get_future().wait_for(std::chrono::seconds(10)), std::future_status::ready);
  EXPECT_GE(absl::Now() - start, absl::Milliseconds(20));
  loop.Stop();
  EXPECT_THAT(seen, ElementsAre(1, 2));
}

TEST(SerialLoopTest, AStoppedLoopRefusesFunctionsAndDropsTimers) {
  bool ran = false;
  SerialLoop loop;
  loop.PostAt(absl::Now() + absl::Hours(1), [&] { ran = true; });
  loop.Stop();
  EXPECT_FALSE(loop.Post([&] { ran = true; }));
  EXPECT_FALSE(ran);
}

}  // namespace
}  // namespace fate
