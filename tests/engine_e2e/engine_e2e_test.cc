// Sessions and tables over the real daemons of one party.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/status.h"
#include "eggroll/transfer.pb.h"
#include "engine_e2e/rows.h"

namespace fate {
namespace {

using namespace testing;  // NOLINT: rows.h and local_party.h
using ::testing::HasSubstr;

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto addresses = FreeAddresses(1);
    ASSERT_TRUE(addresses.ok()) << addresses.status();
    party_ = StartParty({.party_id = "9999",
                         .address = addresses->at(0),
                         .programs = {"clustermanager", "nodemanager"}})
                 .release();
  }
  static void TearDownTestSuite() {
    delete party_;
    party_ = nullptr;
  }
  void SetUp() override { ASSERT_NE(party_, nullptr); }

  static LocalParty* party_;
};
LocalParty* EngineTest::party_ = nullptr;

TEST_F(EngineTest, TablesAreFilledMappedShuffledJoinedFoldedAndRead) {
  auto session = OpenSession(*party_, "tour");
  ASSERT_NE(session, nullptr);
  EXPECT_EQ(party_->Eggs().size(), 2u);
  auto table = session->CreateTable(3);
  ASSERT_TRUE(table.ok());
  ASSERT_EQ(PutRows(*table, kRows), absl::OkStatus());
  EXPECT_EQ(*table->Count(), kRows);

  auto mapped = table->Map("identity", "");
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  EXPECT_EQ(CountGoodRows(*mapped), kRows);

  auto shuffled = mapped->Shuffle("identity", "", 5);
  ASSERT_TRUE(shuffled.ok()) << shuffled.status();
  EXPECT_EQ(CountGoodRows(*shuffled), kRows);
  EXPECT_EQ(**shuffled->Get(KeyOf(4711)), ValueOf(4711)) << "every key is where it hashes to";

  auto every_third = session->CreateTable(5);
  ASSERT_EQ(PutRows(*every_third, kRows, 3), absl::OkStatus());
  auto joined = shuffled->Join(*every_third, "intersect", "");
  ASSERT_TRUE(joined.ok()) << joined.status();
  EXPECT_EQ(CountGoodRows(*joined), (kRows + 2) / 3);

  auto counts = shuffled->Fold("count", "");
  ASSERT_TRUE(counts.ok()) << counts.status();
  ASSERT_EQ(counts->size(), 5u);
  int sum = 0;
  for (const std::string& count : *counts) sum += std::stoi(count);
  EXPECT_EQ(sum, kRows);

  ASSERT_EQ(session->Stop(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return party_->Eggs().empty(); }));
}

TEST_F(EngineTest, ANamedTableOutlivesItsSession) {
  auto name = StoreName::Parse("experiment", "users");
  {
    auto session = OpenSession(*party_, "writer");
    auto table = session->ReplaceTable(*name, 4);
    ASSERT_TRUE(table.ok()) << table.status();
    ASSERT_EQ(PutRows(*table, 1000), absl::OkStatus());
    ASSERT_EQ(session->Stop(), absl::OkStatus());
  }
  auto session = OpenSession(*party_, "reader");
  auto table = session->LoadTable(*name);
  ASSERT_TRUE(table.ok()) << table.status();
  EXPECT_EQ(CountGoodRows(*table), 1000);
  EXPECT_EQ(session->ReplaceTable(*name, 4)->Count().value(), 0);
  ASSERT_EQ(session->Cleanup("experiment"), absl::OkStatus());
  EXPECT_EQ(session->LoadTable(*name).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(EngineTest, AnUnknownOperatorIsAnErrorThatNamesIt) {
  auto session = OpenSession(*party_, "unknown");
  auto table = session->CreateTable(2);
  absl::Status status = table->Map("no.such", "").status();
  EXPECT_THAT(Message(status), HasSubstr("native:no.such on partition"));
}

TEST_F(EngineTest, AKilledEggIsAnErrorAndTheNextSessionWorks) {
  auto session = OpenSession(*party_, "victim");
  auto table = session->CreateTable(4);
  ASSERT_EQ(PutRows(*table, 1000), absl::OkStatus());
  const std::vector<pid_t> eggs = party_->Eggs();
  ASSERT_EQ(eggs.size(), 2u);
  kill(eggs[0], SIGKILL);
  absl::Status status;
  ASSERT_TRUE(Eventually([&] { return !(status = table->Count().status()).ok(); }));
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(Message(status), HasSubstr("does not answer; it was stopped or has crashed"));
  session.reset();

  auto next = OpenSession(*party_, "after-victim");
  ASSERT_NE(next, nullptr);
  auto fresh = next->CreateTable(4);
  ASSERT_EQ(PutRows(*fresh, 1000), absl::OkStatus());
  EXPECT_EQ(*fresh->Count(), 1000);
}

TEST_F(EngineTest, ASessionThatIsDroppedLeavesNoEggs) {
  OpenSession(*party_, "dropped").reset();
  EXPECT_TRUE(Eventually([&] { return party_->Eggs().empty(); }));
}

TEST_F(EngineTest, ASessionCanBeKilledByItsId) {
  auto session = OpenSession(*party_, "crashed-component");
  ASSERT_EQ(Session::KillById(party_->cluster_manager(), "crashed-component"), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return party_->Eggs().empty(); }));
  EXPECT_EQ(Session::KillById(party_->cluster_manager(), "never-opened"), absl::OkStatus());
}

TEST_F(EngineTest, KillingASessionEndsItsRunningJobs) {
  auto session = OpenSession(*party_, "busy");
  auto name = StoreName::Parse("busy", "waiting");
  auto table = session->UnregisteredTable(*name, 1, compute::kLmdb);
  com::webank::eggroll::core::transfer::RollSitePullGetHeaderRequest request;
  request.set_tag("never");
  request.set_timeout(600);
  com::webank::eggroll::core::meta::Job job;
  *job.add_inputs()->mutable_store() = table->store();
  job.add_functors()->set_body(request.SerializeAsString());
  absl::Status status;
  std::thread waiter([&] { status = session->RunJob(job, "pullGetHeader").status(); });
  ASSERT_EQ(Session::KillById(party_->cluster_manager(), "busy"), absl::OkStatus());
  waiter.join();
  EXPECT_FALSE(status.ok());
}

TEST_F(EngineTest, EggsEndWithTheirNodeManager) {
  auto session = OpenSession(*party_, "orphans");
  const std::vector<pid_t> eggs = party_->Eggs();
  ASSERT_EQ(eggs.size(), 2u);
  party_->KillProgram("nodemanager");
  for (pid_t egg : eggs) {
    EXPECT_TRUE(Eventually([&] { return kill(egg, 0) != 0; })) << "egg " << egg << " lives on";
  }
  ASSERT_EQ(party_->StartProgram("nodemanager"), absl::OkStatus());
  EXPECT_FALSE(session->CreateTable(2)->Count().ok());
  session.reset();
  auto next = OpenSession(*party_, "after-orphans");
  ASSERT_NE(next, nullptr);
}

TEST_F(EngineTest, AClusterManagerThatRestartsKeepsTheSession) {
  auto session = OpenSession(*party_, "persistent");
  party_->KillProgram("clustermanager");
  ASSERT_EQ(party_->StartProgram("clustermanager"), absl::OkStatus());
  auto name = StoreName::Parse("experiment", "after-restart");
  auto table = session->ReplaceTable(*name, 2);
  ASSERT_TRUE(table.ok()) << table.status();
  ASSERT_EQ(PutRows(*table, 100), absl::OkStatus());
  EXPECT_EQ(session->Stop(), absl::OkStatus());
  EXPECT_TRUE(Eventually([&] { return party_->Eggs().empty(); }));
}

}  // namespace
}  // namespace fate
