#include "federation/federation.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "eggroll/egg.pb.h"
#include "eggroll/transfer.pb.h"
#include "fate/federation.pb.h"
#include "support/fake_cluster.h"
#include "support/fake_rollsite.h"
#include "wire/federation_key.h"

namespace fate::federation {
namespace {

namespace transfer = com::webank::eggroll::core::transfer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using Task = com::webank::eggroll::core::meta::Task;

const Party kGuest{"guest", "9999"};
const Party kHost{"host", "10000"};
constexpr char kRsKey[] = "__rsk#f1#n#t#guest#9999#host#10000";

// The host's side of a federation session.
class FederationTest : public ::testing::Test {
 protected:
  FederationTest() {
    auto session = compute::Session::Open(
        {.id = "f1_host_10000", .cluster_manager = cluster_.cluster_manager()});
    EXPECT_TRUE(session.ok()) << session.status();
    session_ = *std::move(session);
    federation_ = std::make_unique<Federation>(
        session_.get(), Federation::Options{.session_id = "f1",
                                            .self = kHost,
                                            .parties = {kGuest, kHost},
                                            .rollsite = rollsite_.address(),
                                            .timeout = absl::Milliseconds(500)});
  }

  // Lets the eggs answer as if `slices` of an object had arrived.
  void Deliver(const std::vector<std::pair<std::string, std::string>>& slices,
               const std::string& type = "object", int partitions = 1) {
    auto name = StoreName::Parse("f1", kRsKey);
    auto table = session_->EnsureTable(*name, partitions, compute::kInMemory);
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ(table->PutAll(slices), absl::OkStatus());
    cluster_.set_on_task([type, partitions](const Task& task) -> absl::StatusOr<std::string> {
      if (task.name() == "pullGetHeader") {
        transfer::RollSitePullGetHeaderResponse response;
        response.mutable_header()->set_datatype(type);
        response.mutable_header()->set_totalpartitions(partitions);
        return response.SerializeAsString();
      }
      if (task.name() == "pullGetPartitionStatus") {
        transfer::RollSitePullGetPartitionStatusResponse response;
        response.mutable_status()->set_is_finished(true);
        return response.SerializeAsString();
      }
      return std::string();
    });
  }

  Task TaskNamed(const std::string& name) {
    for (const Task& task : cluster_.tasks()) {
      if (task.name() == name) return task;
    }
    ADD_FAILURE() << "no task " << name;
    return {};
  }

  testing::FakeCluster cluster_{1, 2};
  testing::FakeRollsite rollsite_;
  std::unique_ptr<compute::Session> session_;
  std::unique_ptr<Federation> federation_;
};

const std::string kSlice0("\0\0\0\0", 4), kSlice1("\0\0\0\1", 4), kSlice2("\0\0\0\2", 4);

TEST_F(FederationTest, GetObjectJoinsTheSlicesAndDestroysTheStore) {
  Deliver({{kSlice1, " world"}, {kSlice0, "hello"}});
  auto object = federation_->GetObject("n", "t", kGuest);
  ASSERT_TRUE(object.ok()) << object.status();
  EXPECT_EQ(*object, "hello world");
  EXPECT_TRUE(cluster_.Pairs(std::string("f1/") + kRsKey + "/0").empty());

  // eggroll-compute-and-storage.md 10.4: the full tag for the header, the prefix for the others
  transfer::RollSitePullGetHeaderRequest header;
  ASSERT_TRUE(header.ParseFromString(TaskNamed("pullGetHeader").job().functors(0).body()));
  EXPECT_EQ(header.tag(), std::string("putBatch-") + kRsKey + "-0");
  EXPECT_EQ(TaskNamed("pullGetHeader").inputs(0).storelocator().name(), "__rs_status");
  EXPECT_EQ(TaskNamed("pullGetHeader").inputs(0).storelocator().namespace_(), "f1");
  transfer::RollSitePullGetPartitionStatusRequest status;
  ASSERT_TRUE(status.ParseFromString(TaskNamed("pullGetPartitionStatus").job().functors(0).body()));
  EXPECT_EQ(status.tag(), std::string("putBatch-") + kRsKey + "-");
  EXPECT_EQ(TaskNamed("pullClearStatus").inputs(0).storelocator().name(), kRsKey);
}

TEST_F(FederationTest, AMissingSliceIsDataLossNotAShorterObject) {
  Deliver({{kSlice0, "hello"}, {kSlice2, "!"}});
  EXPECT_EQ(federation_->GetObject("n", "t", kGuest).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(FederationTest, GetTableHandsOutTheStoreThatRollsiteFilled) {
  Deliver({{"k1", "v1"}, {"k2", "v2"}}, "rollpair", 2);
  auto table = federation_->GetTable("n", "t", kGuest);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(table->partitions(), 2);
  EXPECT_EQ(*table->Count(), 2);
}

TEST_F(FederationTest, ATableInsteadOfAnObjectIsAnError) {
  Deliver({}, "rollpair", 2);
  absl::Status status = federation_->GetObject("n", "t", kGuest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(Message(status), HasSubstr("n tag t from guest_9999"));
}

TEST_F(FederationTest, WhatNeverComesEndsWithAnErrorThatNamesThePeer) {
  // An egg answers the end of the wait with an error.
  cluster_.set_on_task([](const Task& task) -> absl::StatusOr<std::string> {
    transfer::RollSitePullGetHeaderRequest request;
    request.ParseFromString(task.job().functors(0).body());
    absl::SleepFor(absl::Seconds(request.timeout()));  // what an egg does: it parks
    return DeadlineExceededError("no header");
  });
  absl::Status status = federation_->GetObject("n", "t", kGuest).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(status), HasSubstr("n tag t from guest_9999 did not arrive within 500ms"));
}

TEST_F(FederationTest, AFailingEggEndsTheWaitAtOnce) {
  cluster_.set_on_task(
      [](const Task&) -> absl::StatusOr<std::string> { return InternalError("disk broken"); });
  absl::Status status = federation_->GetObject("n", "t", kGuest).status();
  EXPECT_THAT(Message(status), HasSubstr("waiting for n tag t from guest_9999"));
  EXPECT_THAT(Message(status), HasSubstr("disk broken"));
}

TEST_F(FederationTest, ANameAndTagMayBeUsedOnceForEachParty) {
  ASSERT_EQ(federation_->PutObject("n", "t", kGuest, "a"), absl::OkStatus());
  absl::Status again = federation_->PutObject("n", "t", kGuest, "a");
  EXPECT_EQ(again.code(), absl::StatusCode::kAlreadyExists);
  EXPECT_THAT(Message(again), HasSubstr("duplicate name and tag"));
  EXPECT_EQ(federation_->PutObject("n", "t2", kGuest, "a"), absl::OkStatus());
  EXPECT_EQ(federation_->PutObject("n", "t", Party{"arbiter", "9999"}, "a"), absl::OkStatus());
}

TEST_F(FederationTest, AFailedPutMayBeRepeated) {
  rollsite_.FailNext({FailedPreconditionError("no route to party 9999")});
  EXPECT_FALSE(federation_->PutObject("n", "t", kGuest, "a").ok());
  EXPECT_EQ(federation_->PutObject("n", "t", kGuest, "a"), absl::OkStatus());
}

TEST_F(FederationTest, NamesThatWouldBreakTheKeyAreRefused) {
  EXPECT_EQ(federation_->PutObject("a#b", "t", kGuest, "").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(federation_->PutObject("../x", "t", kGuest, "").code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(federation_->GetObject("", "t", kGuest).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(FederationTest, PutTableRunsOneTaskAPartitionThatKnowsItsAddress) {
  auto table = session_->CreateTable(3);
  cluster_.set_on_task([](const Task&) { return std::string(); });
  ASSERT_EQ(federation_->PutTable("n", "t", kGuest, *table), absl::OkStatus());
  EXPECT_EQ(cluster_.tasks().size(), 3u);
  const Task task = TaskNamed("withStores");
  EXPECT_EQ(task.job().functors(0).name(), "native:federation.push");
  PushParameters parameters;
  ASSERT_TRUE(parameters.ParseFromString(task.job().functors(0).body()));
  EXPECT_EQ(parameters.rollsite(), rollsite_.address());
  wire::RollSiteHeader header;
  ASSERT_TRUE(header.ParseFromString(parameters.header()));
  EXPECT_EQ(wire::RollSiteKey(header), "__rsk#f1#n#t#host#10000#guest#9999");
  EXPECT_EQ(header.datatype(), "rollpair");
  EXPECT_EQ(header.totalpartitions(), 3);
}

TEST_F(FederationTest, PartiesOfARoleComeInOrderWithoutSelf) {
  EXPECT_THAT(federation_->PartiesOf("guest"), ElementsAre(kGuest));
  EXPECT_TRUE(federation_->PartiesOf("host").empty());
}

}  // namespace
}  // namespace fate::federation
