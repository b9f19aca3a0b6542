#include "transfer_queue/released_topics.h"

#include <gtest/gtest.h>

#include "base/status.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::transfer_queue {
namespace {

using Seen = SequenceSet::Seen;

ProducerRecord Record(const std::string& id, std::string_view taken) {
  return {id, *SequenceSet::Parse(taken)};
}
absl::Time At(int ms) { return absl::UnixEpoch() + absl::Milliseconds(ms); }

TEST(ReleasedTopics, TellWhatCameBeforeTheReleaseFromWhatCameAfter) {
  ReleasedTopics released;
  released.Add({"s", "t"}, {Record("p", "0 1-3"), Record("q", "0 1-2 5-6")}, 0, At(100));
  EXPECT_EQ(released.Check("s", "t", {"p", 1}), Seen::kTaken);
  EXPECT_EQ(released.Check("s", "t", {"p", 3}), Seen::kTaken);
  EXPECT_EQ(released.Check("s", "t", {"p", 4}), Seen::kNew) << "the session goes on";
  EXPECT_EQ(released.Check("s", "t", {"q", 6}), Seen::kTaken);
  EXPECT_EQ(released.Check("s", "t", {"q", 4}), Seen::kForgotten) << "of before, never arrived";
  EXPECT_EQ(released.Check("s", "u", {"p", 1}), Seen::kNew);
  EXPECT_EQ(released.Check("u", "t", {"p", 1}), Seen::kNew);
  EXPECT_EQ(released.Check("s", "t", {"r", 1}), Seen::kNew);
}

TEST(ReleasedTopics, ASecondReleaseAddsToTheFirst) {
  ReleasedTopics released;
  released.Add({"s", "t"}, {Record("p", "0 1-3")}, 0, At(100));
  released.Add({"s", "t"}, {Record("p", "0 4-7")}, 0, At(200));
  EXPECT_TRUE(released.Expire(At(150)).empty());
  EXPECT_EQ(released.size(), 1u);
  EXPECT_EQ(released.Check("s", "t", {"p", 5}), Seen::kTaken);
  EXPECT_EQ(released.NextDeadline(), At(200));
  released.Expire(At(200));
  EXPECT_EQ(released.Check("s", "t", {"p", 5}), Seen::kNew);
  EXPECT_EQ(released.NextDeadline(), absl::InfiniteFuture());
}

TEST(ReleasedTopics, AQueueThatIsReleasedOverAndOverCostsAsMuchAsOne) {
  ReleasedTopics released;
  for (int i = 1; i <= 1000; ++i) {
    released.Add({"s", "t"}, {Record("p", fmt::format("0 {}-{}", i, i))}, 0, At(100 + i));
    released.Expire(At(i));
    ASSERT_EQ(released.size(), 1u);
    ASSERT_EQ(released.Check("s", "t", {"p", static_cast<uint64_t>(i)}), Seen::kTaken);
    ASSERT_GT(released.NextDeadline(), At(i));
  }
  released.Expire(At(1099));
  EXPECT_EQ(released.Check("s", "t", {"p", 1000}), Seen::kTaken) << "released at 1000, for 100";
  released.Expire(At(1100));
  EXPECT_EQ(released.size(), 0u);
  EXPECT_EQ(released.NextDeadline(), absl::InfiniteFuture());
}

TEST(ReleasedTopics, ADurableQueueReleasedAgainKeepsItsNumbersOnDiskForTheirTime) {
  ReleasedTopics released;
  released.Add({"s", "t"}, {Record("p", "0 1-1")}, 7, At(100));
  released.Add({"s", "t"}, {Record("p", "0 2-2")}, 8, At(150));
  released.Add({"s", "t"}, {Record("p", "0 3-3")}, 0, At(200));
  EXPECT_TRUE(released.Expire(At(99)).empty());
  EXPECT_EQ(released.Expire(At(100)), std::vector<uint64_t>{7});
  EXPECT_EQ(released.Expire(At(150)), std::vector<uint64_t>{8});
  EXPECT_EQ(released.Check("s", "t", {"p", 3}), Seen::kTaken);
  EXPECT_TRUE(released.Expire(At(200)).empty());
  EXPECT_EQ(released.size(), 0u);
}

TEST(ReleasedTopics, AreBoundedAndTheDiskIsToldWhatItNeedNotKeep) {
  ReleasedTopics released(/*most=*/3);
  released.Add({"s", "a"}, {Record("p", "0 1-1"), Record("q", "0 1-1")}, 7, At(100));
  released.Add({"s", "b"}, {Record("p", "0 1-1")}, 8, At(100));
  EXPECT_TRUE(released.Expire(At(1)).empty());
  EXPECT_TRUE(released.HasOnDisk(7));
  released.Add({"s", "c"}, {Record("p", "0 1-1"), Record("q", "0 1-1")}, 0, At(150));
  EXPECT_EQ(released.Expire(At(2)), std::vector<uint64_t>{7}) << "the oldest give way";
  EXPECT_EQ(released.size(), 3u);
  EXPECT_FALSE(released.HasOnDisk(7));
  EXPECT_EQ(released.Expire(At(150)), std::vector<uint64_t>{8});
  EXPECT_EQ(released.size(), 0u);
}

// Both ends of a long life: sessions come and go, each with many topics.
TEST(ReleasedTopics, NothingIsLeftOfManySessions) {
  TransferQueues queues({.late = absl::Minutes(1)});
  absl::Time now = absl::UnixEpoch();
  uint64_t call = 0, most = 0;
  for (int session = 0; session < 300; ++session) {
    now += absl::Seconds(10);
    const std::string name = fmt::format("session-{}", session);
    for (int topic = 0; topic < 200; ++topic) {
      const std::string topic_name = fmt::format("topic-{}", topic);
      queues.Step(Push{.call = ++call,
                       .session = name,
                       .topic = topic_name,
                       .payload = Rope("x"),
                       .party = "10000",
                       .producer = {name + topic_name, 1}},
                  now);
      queues.Step(Pop{.call = ++call, .session = name, .topic = topic_name}, now);
      queues.Step(Delivered{call, true}, now);
    }
    EXPECT_EQ(queues.stats().queues, 200u) << "their numbers are remembered";
    queues.Step(Release{++call, name, ""}, now);
    EXPECT_EQ(queues.stats().queues, 0u);
    most = std::max<uint64_t>(most, queues.stats().released_topics);
  }
  EXPECT_EQ(most, 6 * 200u) << "a minute of sessions";
  ASSERT_LE(queues.NextDeadline(), now + absl::Minutes(1));
  queues.Step(Tick{}, now + absl::Minutes(1));
  const Stats stats = queues.stats();
  EXPECT_EQ(stats.released_topics, 0u);
  EXPECT_EQ(stats.queues, 0u);
  EXPECT_EQ(stats.messages, 0u);
  EXPECT_EQ(stats.memory_bytes, 0u);
  EXPECT_EQ(queues.NextDeadline(), absl::InfiniteFuture());
}

}  // namespace
}  // namespace fate::transfer_queue
