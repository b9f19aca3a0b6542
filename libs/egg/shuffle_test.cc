#include <gmock/gmock.h>

#include "egg/test_egg.h"

namespace fate::egg::testing {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

constexpr char kMap[] = "mapReducePartitionsWithIndex";

class OperatorTest : public EggTest {
 protected:
  static meta::Job MapJob(const std::string& id, const meta::Store& input,
                          const meta::Store& output, bool shuffle, const meta::Functor& map,
                          const meta::Functor& merge = NewFunctor(kMap, "\x80\x05N.")) {
    pb::MapPartitionsWithIndexRequest flag;
    flag.set_shuffle(shuffle);
    return NewJob(
        id, {input}, {output},
        {map,
         NewFunctor(std::string(kMap) + (shuffle ? "_True" : "_False"), flag.SerializeAsString()),
         merge});
  }
  static Pairs Numbers(int count) {
    Pairs pairs;
    for (int i = 0; i < count; ++i) pairs[fmt::format("k{:02}", i)] = std::to_string(i);
    return pairs;
  }
  static const Result& FirstError(const std::vector<Result>& results) {
    for (const Result& result : results) {
      if (!result.ok()) return result;
    }
    return results.front();
  }
  // Waits until no task runs on any egg.
  void ExpectQuiet() {
    absl::Time deadline = absl::Now() + kPatience;
    for (auto& egg : eggs_) {
      while (egg->executor().running_tasks() > 0 && absl::Now() < deadline) {
        std::this_thread::yield();
      }
      EXPECT_EQ(egg->executor().running_tasks(), 0);
    }
  }
};

// Acceptance case 21.
TEST_F(OperatorTest, AMapWithoutShuffleStaysInItsPartition) {
  AddEgg();
  meta::Store input = NewStore("in", 3), output = NewStore("out", 3);
  PutAll(input, Numbers(20));
  ExpectOk(RunJob(MapJob("j", input, output, false, NewFunctor("native:identity")), kMap));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(Stored(output, i), Stored(input, i));
}

// Acceptance case 22.
TEST_F(OperatorTest, AShuffleMergesValuesOfOneKey) {
  AddEgg();
  meta::Store input = NewStore("in", 3), output = NewStore("out", 5);
  PutAll(input, Numbers(20));
  ExpectOk(RunJob(
      MapJob("j", input, output, true, NewFunctor("native:cut", "2"), NewFunctor("native:sum")),
      kMap));
  EXPECT_THAT(Stored(output), ElementsAre(Pair("k0", "45"), Pair("k1", "145")));
  for (int i = 0; i < 5; ++i) {
    for (const auto& [key, value] : Stored(output, i)) {
      EXPECT_EQ(wire::Partitioner::Mmh3().PartitionOf(key, 5), i);
    }
  }
  EXPECT_EQ(eggs_[0]->executor().open_tags(), 0u);
}

// Acceptance case 23: no starvation with many partitions on few eggs.
TEST_F(OperatorTest, SixteenPartitionsOnOneEggOrFourAreShuffled) {
  for (int eggs : {1, 4}) {
    eggs_.clear();
    for (int i = 0; i < eggs; ++i) AddEgg(1 + i / 2);
    std::string suffix = std::to_string(eggs);
    meta::Store input = NewStore("in" + suffix, 16), output = NewStore("out" + suffix, 16);
    PutAll(input, Numbers(100));
    ExpectOk(
        RunJob(MapJob("j" + suffix, input, output, true, NewFunctor("native:identity")), kMap));
    EXPECT_EQ(Stored(output), Numbers(100));
  }
}

// Acceptance case 24.
TEST_F(OperatorTest, MoreOrFewerOutputPartitionsThanInputs) {
  AddEgg(1);
  AddEgg(2);
  for (auto [from, to] : {std::pair{2, 8}, {8, 2}}) {
    std::string suffix = std::to_string(from);
    meta::Store input = NewStore("in" + suffix, from), output = NewStore("out" + suffix, to);
    PutAll(input, Numbers(50));
    ExpectOk(
        RunJob(MapJob("j" + suffix, input, output, true, NewFunctor("native:identity")), kMap));
    EXPECT_EQ(Stored(output), Numbers(50));
  }
}

TEST_F(OperatorTest, AMergeCountsWhatTheOutputHeldBefore) {
  AddEgg();
  meta::Store input = NewStore("in", 1), output = NewStore("out", 1);
  PutAll(input, {{"a", "1"}});
  PutAll(output, {{"a", "10"}, {"b", "20"}});
  ExpectOk(RunJob(
      MapJob("j", input, output, true, NewFunctor("native:identity"), NewFunctor("native:sum")),
      kMap));
  EXPECT_THAT(Stored(output), ElementsAre(Pair("a", "11"), Pair("b", "20")));
}

// Many more pairs than one sorted run or one broker holds.
TEST_F(OperatorTest, ALargeShuffleLosesNothing) {
  AddEgg(1);
  AddEgg(2);
  meta::Store input = NewStore("in", 2), output = NewStore("out", 3);
  Pairs pairs;
  std::string value(2000, 'v');
  for (int i = 0; i < 40'000; ++i) pairs[fmt::format("{:07}", i * 7919 % 40'000)] = value;
  for (int i = 0; i < 2; ++i) {
    auto store =
        kv::Store::Open(kv::PartitionPath(root_, "IN_MEMORY", *StoreName::Parse("ns", "in"), i));
    auto writer = *store->Write();
    for (const auto& [key, v] : pairs) {
      if (wire::Partitioner::Mmh3().PartitionOf(key, 2) == i) {
        ASSERT_TRUE(writer.Put(key, v).ok());
      }
    }
    ASSERT_TRUE(writer.Commit().ok());
  }
  ExpectOk(RunJob(MapJob("j", input, output, true, NewFunctor("native:identity")), kMap));
  EXPECT_EQ(Stored(output), pairs);
}

// Acceptance case 25.
TEST_F(OperatorTest, AFailingMapEndsAllTasksAndLeavesTheOutputEmpty) {
  AddEgg(1);
  AddEgg(2);
  meta::Store input = NewStore("in", 4);
  PutAll(input, Numbers(40));
  for (bool shuffle : {false, true}) {
    for (const char* op : {"stop after two", "throw", "not known"}) {
      std::string id = fmt::format("{} {}", op, shuffle);
      meta::Store output = NewStore("out", 4);
      absl::Time start = absl::Now();
      auto results =
          RunJob(MapJob(id, input, output, shuffle, NewFunctor(std::string("native:") + op)), kMap);
      EXPECT_LT(absl::Now() - start, absl::Seconds(10)) << id;
      for (const Result& result : results) {
        EXPECT_EQ(result.status().code(), absl::StatusCode::kUnknown) << id;
      }
      EXPECT_TRUE(Stored(output).empty()) << id;
      ExpectQuiet();
    }
  }
}

// One source fails, the other eggs would wait for its share for ever.
TEST_F(OperatorTest, ASourceThatFailsAloneEndsItsPeersWithItsReason) {
  AddEgg(1);
  AddEgg(2);
  meta::Store input = NewStore("in", 2), output = NewStore("out", 2);
  PutAll(input, Numbers(10));
  meta::Job good = MapJob("j", input, output, true, NewFunctor("native:identity"));
  meta::Job bad = MapJob("j", input, output, true, NewFunctor("native:stop after two"));
  auto first = RunAsync(eggs_[0]->command(), NewTask(good, kMap, 0));
  auto second = RunAsync(eggs_[1]->command(), NewTask(bad, kMap, 1));
  EXPECT_THAT(fate::Message(first.get().status()), HasSubstr("stopped after two pairs"));
  EXPECT_THAT(fate::Message(second.get().status()), HasSubstr("stopped after two pairs"));
  ExpectQuiet();
}

TEST_F(OperatorTest, AnEggThatDiesInAShuffleEndsItsPeers) {
  AddEgg(1);
  AddEgg(2);
  meta::Store input = NewStore("in", 2), output = NewStore("out", 2);
  PutAll(input, Numbers(10));
  meta::Job job = MapJob("j", input, output, true, NewFunctor("native:until cancelled"));
  meta::Job survivor = MapJob("j", input, output, true, NewFunctor("native:identity"));
  auto first = RunAsync(eggs_[0]->command(), NewTask(survivor, kMap, 0));
  auto second = RunAsync(eggs_[1]->command(), NewTask(job, kMap, 1));
  while (eggs_[1]->executor().running_tasks() == 0) std::this_thread::yield();
  eggs_.pop_back();
  EXPECT_FALSE(second.get().ok());
  EXPECT_FALSE(first.get().ok());
}

// Acceptance case 26.
TEST_F(OperatorTest, AFailingMergeEndsTheSendersToo) {
  AddEgg(1);
  AddEgg(2);
  meta::Store input = NewStore("in", 4), output = NewStore("out", 4);
  PutAll(input, Numbers(40));
  auto results = RunJob(
      MapJob("j", input, output, true, NewFunctor("native:cut", "1"), NewFunctor("native:fail")),
      kMap);
  EXPECT_THAT(fate::Message(FirstError(results).status()), HasSubstr("cannot merge"));
  ExpectQuiet();
  ExpectOk(RunJob(MapJob("j2", input, output, true, NewFunctor("native:identity")), kMap));
}

TEST_F(OperatorTest, ACancelledTaskStopsItsOperator) {
  AddEgg();
  meta::Store input = NewStore("in", 1), output = NewStore("out", 1);
  for (bool shuffle : {false, true}) {
    meta::Job job =
        MapJob(shuffle ? "s" : "m", input, output, shuffle, NewFunctor("native:until cancelled"));
    EXPECT_EQ(
        Run(eggs_[0]->command(), NewTask(job, kMap, 0), absl::Milliseconds(200)).status().code(),
        absl::StatusCode::kDeadlineExceeded);
    ExpectQuiet();
  }
}

TEST_F(OperatorTest, PythonFunctorsAreRefusedWithAReason) {
  AddEgg();
  meta::Store input = NewStore("in", 1), output = NewStore("out", 1);
  const meta::Functor python = NewFunctor(kMap, "\x80\x05\x95lambda");
  for (bool shuffle : {false, true}) {
    auto results = RunJob(MapJob("j", input, output, shuffle, python), kMap);
    EXPECT_THAT(fate::Message(results[0].status()), HasSubstr("Python functors need a Python "
                                                              "worker, which is not configured"));
  }
  auto results =
      RunJob(MapJob("m", input, output, true, NewFunctor("native:identity"), python), kMap);
  EXPECT_THAT(fate::Message(results[0].status()), HasSubstr("Python worker"));
  meta::Job job = MapJob("p", input, output, true, NewFunctor("native:identity"));
  job.mutable_outputs(0)->mutable_partitioner()->set_body("\x80\x05lambda");
  EXPECT_THAT(fate::Message(RunJob(job, kMap)[0].status()), HasSubstr("Python worker"));
}

// Acceptance case 27.
TEST_F(OperatorTest, AReduceGivesOneValueForEachPartitionThatHasPairs) {
  AddEgg();
  meta::Store input = NewStore("in", 3);
  PutAll(input, Numbers(20));
  int sum = 0;
  for (const Result& result :
       RunJob(NewJob("j", {input}, {}, {NewFunctor("native:sum")}), "reduce")) {
    pb::ReduceResponse response;
    ASSERT_TRUE(result.ok() && response.ParseFromString(*result));
    sum += std::stoi(response.value());
  }
  EXPECT_EQ(sum, 190);
  auto empty = RunJob(NewJob("e", {NewStore("none", 1)}, {}, {NewFunctor("native:sum")}), "reduce");
  EXPECT_EQ(*empty[0], "") << "section 21: partition 0 without a value";
}

// Acceptance case 28.
TEST_F(OperatorTest, AJoinWalksBothPartitions) {
  AddEgg();
  meta::Store left = NewStore("l", 2), right = NewStore("r", 2), output = NewStore("o", 2);
  PutAll(left, {{"a", "1"}, {"b", "2"}, {"c", "3"}});
  PutAll(right, {{"b", "20"}, {"c", "30"}, {"d", "40"}});
  ExpectOk(RunJob(NewJob("j", {left, right}, {output}, {NewFunctor("native:inner")}),
                  "binarySortedMapPartitionsWithIndex"));
  EXPECT_THAT(Stored(output), ElementsAre(Pair("b", "2+20"), Pair("c", "3+30")));
}

// Acceptance case 29, native.
TEST_F(OperatorTest, WithStoresSeesAllStoresAndTheContext) {
  AddEgg();
  meta::Store one = NewStore("one", 2), two = NewStore("two", 2);
  PutAll(one, {{"a", "1"}});
  PutAll(two, {{"a", "1"}});
  int partition = wire::Partitioner::Mmh3().PartitionOf("a", 2);
  auto results = RunJob(NewJob("j", {one, two}, {}, {NewFunctor("native:describe")}), "withStores");
  pb::WithStoresResponse response;
  ASSERT_TRUE(results[partition].ok() && response.ParseFromString(*results[partition]));
  EXPECT_EQ(response.id(), partition);
  EXPECT_EQ(response.value(), fmt::format("s1 {} of 2: 2 stores, 2 pairs", partition));
}

TEST_F(OperatorTest, ATaskMayMapATableIntoItself) {
  AddEgg();
  meta::Store store = NewStore("t", 2);
  PutAll(store, Numbers(20));
  ExpectOk(RunJob(MapJob("m", store, store, false, NewFunctor("native:identity")), kMap));
  ExpectOk(RunJob(MapJob("s", store, store, true, NewFunctor("native:identity")), kMap));
  EXPECT_EQ(Stored(store), Numbers(20));
}

TEST_F(OperatorTest, MoreTasksThanThreadsAreRefusedNotQueued) {
  EggOptions options;
  options.max_threads = 16;
  AddEgg(1, options);
  meta::Store input = NewStore("in", 1), output = NewStore("out", 40);
  std::vector<std::future<Result>> running;
  for (int i = 0; i < 40; ++i) {
    meta::Job job = MapJob("j" + std::to_string(i), input, NewStore("o" + std::to_string(i), 1),
                           false, NewFunctor("native:until cancelled"));
    running.push_back(std::async(std::launch::async, [=, this] {
      return Run(eggs_[0]->command(), NewTask(job, kMap, 0), absl::Seconds(2));
    }));
  }
  int refused = 0;
  for (auto& task : running) {
    refused += fate::Message(task.get().status()).find("16 tasks run") != std::string::npos;
  }
  EXPECT_EQ(refused, 24);
  ExpectQuiet();
}

}  // namespace
}  // namespace fate::egg::testing
