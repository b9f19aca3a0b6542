#include "compute/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "support/fake_cluster.h"
#include "wire/partitioner.h"

namespace fate::compute {
namespace {

namespace egg = com::webank::eggroll::core::egg;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using Task = com::webank::eggroll::core::meta::Task;

class SessionTest : public ::testing::Test {
 protected:
  std::unique_ptr<Session> OpenSession() {
    auto session = Session::Open({.id = "s1", .cluster_manager = cluster_.cluster_manager()});
    EXPECT_TRUE(session.ok()) << session.status();
    return session.ok() ? *std::move(session) : nullptr;
  }

  testing::FakeCluster cluster_{1, 2};
};

std::vector<std::pair<std::string, std::string>> Pairs(int count) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < count; ++i)
    pairs.emplace_back(fmt::format("k{:06}", i), fmt::format("v{}", i));
  return pairs;
}

TEST_F(SessionTest, PutAllRoutesByMmh3AndGetAllReturnsPartitionAfterPartition) {
  auto session = OpenSession();
  auto table = session->CreateTable(4);
  ASSERT_TRUE(table.ok()) << table.status();
  std::vector<std::pair<std::string, std::string>> pairs;
  for (int i = 0; i < 10; ++i) pairs.emplace_back(fmt::format("k{}", i), fmt::format("v{}", i));
  ASSERT_EQ(table->PutAll(pairs), absl::OkStatus());

  // eggroll-compute-and-storage.md 22, case 8
  std::vector<std::string> keys;
  ASSERT_EQ(table->GetAll([&](std::string_view key, std::string_view) {
    keys.emplace_back(key);
    return true;
  }),
            absl::OkStatus());
  EXPECT_THAT(keys, ElementsAre("k2", "k5", "k8", "k3", "k4", "k6", "k9", "k0", "k1", "k7"));
  EXPECT_EQ(*table->Count(), 10);
  EXPECT_EQ(**table->Get("k7"), "v7");
  EXPECT_EQ(*table->Get("k99"), std::nullopt);
}

TEST_F(SessionTest, ManyPairsArriveWhole) {
  auto session = OpenSession();
  auto table = session->CreateTable(3);
  const auto pairs = Pairs(100'000);
  ASSERT_EQ(table->PutAll(pairs), absl::OkStatus());
  EXPECT_EQ(*table->Count(), 100'000);
}

TEST_F(SessionTest, GetAllStopsWhenTheTakerHasEnough) {
  auto session = OpenSession();
  auto table = session->CreateTable(2);
  ASSERT_EQ(table->PutAll(Pairs(1000)), absl::OkStatus());
  int taken = 0;
  ASSERT_EQ(table->GetAll([&](std::string_view, std::string_view) { return ++taken < 3; }),
            absl::OkStatus());
  EXPECT_EQ(taken, 3);
  taken = 0;
  ASSERT_EQ(table->GetAll([&](std::string_view, std::string_view) { return ++taken > 0; }, 5),
            absl::OkStatus());
  EXPECT_EQ(taken, 10) << "five of each partition";
}

TEST_F(SessionTest, AnIllegalKeyIsRefusedBeforeItIsSent) {
  auto session = OpenSession();
  auto table = session->CreateTable(2);
  EXPECT_EQ(table->PutAll({{std::string(512, 'k'), ""}}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(table->PutAll({{"", "v"}}).code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionTest, MapSendsTheOperatorByName) {
  auto session = OpenSession();
  auto table = session->CreateTable(2);
  cluster_.set_on_task([](const Task& task) { return task.SerializeAsString(); });
  auto mapped = table->Map("toy.share", "p");
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  const Task task = cluster_.tasks().at(0);
  EXPECT_EQ(task.name(), "mapReducePartitionsWithIndex");
  EXPECT_EQ(task.job().functors(0).name(), "native:toy.share");
  EXPECT_EQ(task.job().functors(0).body(), "p");
  EXPECT_EQ(task.job().functors(1).name(), "mapReducePartitionsWithIndex_False");
  EXPECT_EQ(task.job().functors(1).body(), "");
  EXPECT_EQ(task.job().functors(2).body(), std::string("\x80\x05N.", 4));
  EXPECT_EQ(task.outputs_size(), 1);
}

TEST_F(SessionTest, ShuffleNamesMergeAndPartitioner) {
  auto session = OpenSession();
  auto table = session->CreateTable(3);
  cluster_.set_on_task([](const Task& task) { return task.SerializeAsString(); });
  auto shuffled = table->Shuffle("identity", "", 5, "sum", "m");
  ASSERT_TRUE(shuffled.ok()) << shuffled.status();
  EXPECT_EQ(shuffled->partitions(), 5);
  EXPECT_EQ(cluster_.tasks().size(), 5u);
  const Task task = cluster_.tasks().at(0);
  EXPECT_EQ(task.job().functors(1).body(), "\x08\x01");
  EXPECT_EQ(task.job().functors(2).name(), "native:sum");
  EXPECT_EQ(task.job().functors(2).body(), "m");
  EXPECT_EQ(task.job().outputs(0).partitioner().body(), wire::PartitionerFunctorBody(0));
}

TEST_F(SessionTest, FoldReturnsValuesInPartitionOrderWithoutEmptyOnes) {
  auto session = OpenSession();
  auto table = session->CreateTable(4);
  cluster_.set_on_task([](const Task& task) {
    egg::ReduceResponse response;
    response.set_id(task.inputs(0).id());
    if (task.inputs(0).id() != 2) response.set_value(fmt::format("v{}", task.inputs(0).id()));
    return response.SerializeAsString();
  });
  auto values = table->Fold("toy.sum", "");
  ASSERT_TRUE(values.ok()) << values.status();
  EXPECT_THAT(*values, ElementsAre("v0", "v1", "v3"));
}

TEST_F(SessionTest, TheFirstFailureNamesPartitionEggAndOperatorAndEndsTheOthers) {
  auto session = OpenSession();
  auto table = session->CreateTable(2);
  auto release = std::make_shared<std::atomic<bool>>(false);
  cluster_.set_on_task([release](const Task& task) -> absl::StatusOr<std::string> {
    if (task.inputs(0).id() == 1) return InvalidArgumentError("row 7 has no label");
    while (!*release) std::this_thread::yield();
    return std::string();
  });
  auto mapped = table->Map("toy.share", "");
  *release = true;
  ASSERT_FALSE(mapped.ok());
  EXPECT_THAT(Message(mapped.status()), HasSubstr("native:toy.share on partition 1 of s1/"));
  EXPECT_THAT(Message(mapped.status()), HasSubstr(cluster_.egg_address(1)));
  EXPECT_THAT(Message(mapped.status()), HasSubstr(": row 7 has no label"));
  EXPECT_THAT(Message(mapped.status()), Not(HasSubstr("Exception calling application")));
}

TEST_F(SessionTest, ADeadEggIsAnErrorThatSaysSo) {
  auto session = OpenSession();
  auto table = session->CreateTable(2);
  cluster_.StopEgg(1);
  absl::Status status = table->Count().status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("egg " + cluster_.egg_address(1)));
  EXPECT_THAT(Message(status), HasSubstr("does not answer"));
  EXPECT_EQ(table->PutAll(Pairs(1000)).code(), absl::StatusCode::kUnavailable);
}

TEST_F(SessionTest, ATaskPastItsTimeEndsWithADeadlineError) {
  auto session = OpenSession();
  auto table = session->CreateTable(1);
  auto release = std::make_shared<std::atomic<bool>>(false);
  cluster_.set_on_task([release](const Task&) -> absl::StatusOr<std::string> {
    while (!*release) std::this_thread::yield();
    return std::string();
  });
  com::webank::eggroll::core::meta::Job job;
  *job.add_inputs()->mutable_store() = table->store();
  absl::Status status = session->RunJob(job, "pullGetHeader", absl::Milliseconds(100)).status();
  *release = true;
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
}

TEST_F(SessionTest, DifferentPartitionCountsCannotBeJoined) {
  auto session = OpenSession();
  absl::Status status = session->CreateTable(2)->Join(*session->CreateTable(3), "op", "").status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionTest, StopCleansTheNamespaceAndEndsTheSessionOnce) {
  auto session = OpenSession();
  ASSERT_EQ(session->Stop(), absl::OkStatus());
  ASSERT_EQ(session->Stop(), absl::OkStatus());
  session.reset();
  EXPECT_THAT(cluster_.commands(), ElementsAre("getOrCreateSession", "deleteStore", "stopSession"));
  const Task task = cluster_.tasks().at(0);
  EXPECT_EQ(task.name(), "destroy");
  // eggroll-compute-and-storage.md 21, wildcard partition (namespace "s1", with the locator's id)
  EXPECT_EQ(task.inputs(0).id(), -1);
  EXPECT_EQ(task.inputs(0).rankinnode(), -1);
  EXPECT_EQ(task.inputs(0).storelocator().store_type(), "*");
  EXPECT_EQ(task.inputs(0).storelocator().namespace_(), "s1");
  EXPECT_EQ(task.inputs(0).storelocator().name(), "*");
  EXPECT_THAT(task.id(), ::testing::MatchesRegex("s1/job/cleanup/[0-9]{20}/task/127.0.0.1"));
}

TEST_F(SessionTest, ASessionThatIsDroppedIsKilled) {
  OpenSession().reset();
  EXPECT_THAT(cluster_.commands(), ElementsAre("getOrCreateSession", "killSession"));
}

TEST_F(SessionTest, AnEndedSessionIdIsRefused) {
  cluster_.set_session_status("KILLED");
  auto session = Session::Open({.id = "s1", .cluster_manager = cluster_.cluster_manager()});
  EXPECT_EQ(session.status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(session.status()), HasSubstr("session s1 is KILLED"));
}

TEST_F(SessionTest, AHostileSessionIdIsRefused) {
  auto session = Session::Open({.id = "../x", .cluster_manager = cluster_.cluster_manager()});
  EXPECT_EQ(session.status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(SessionTest, OpenWaitsForAClusterManagerThatRestarts) {
  cluster_.StopClusterManager();
  absl::StatusOr<std::unique_ptr<Session>> session;
  std::thread opener([&] {
    session = Session::Open({.id = "s1", .cluster_manager = cluster_.cluster_manager()});
  });
  cluster_.StartClusterManager();
  opener.join();
  EXPECT_TRUE(session.ok()) << session.status();
}

TEST_F(SessionTest, NamedTablesAreReplacedLoadedAndDestroyed) {
  auto session = OpenSession();
  auto name = StoreName::Parse("ns", "users");
  EXPECT_EQ(session->LoadTable(*name).status().code(), absl::StatusCode::kNotFound);
  auto table = session->ReplaceTable(*name, 2);
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(table->PutAll(Pairs(10)), absl::OkStatus());
  EXPECT_EQ(*session->LoadTable(*name)->Count(), 10);
  EXPECT_EQ(*session->ReplaceTable(*name, 2)->Count(), 0) << "the old data is gone";
  ASSERT_EQ(session->LoadTable(*name)->Destroy(), absl::OkStatus());
  EXPECT_THAT(cluster_.commands(), Contains("deleteStore"));
  EXPECT_EQ(session->LoadTable(*name).status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace fate::compute
