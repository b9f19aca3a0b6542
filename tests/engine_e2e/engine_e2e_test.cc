// Sessions, tables and federation over the real daemons (one party, then two).

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/status.h"
#include "compute/session.h"
#include "federation/federation.h"
#include "support/local_party.h"

namespace fate {
namespace {

using compute::Session;
using compute::Table;
using federation::Federation;
using federation::Party;
using testing::Eventually;
using ::testing::HasSubstr;
using testing::LocalParty;

constexpr int kRows = 100'000;

std::string KeyOf(int i) { return fmt::format("user{:08}", i); }
std::string ValueOf(int i) { return fmt::format("value-{}", int64_t{i} * i); }

absl::Status PutRows(const Table& table, int rows, int step = 1) {
  int i = 0;
  return table.PutAll([&](std::string* key, std::string* value) {
    if (i >= rows) return false;
    *key = KeyOf(i);
    *value = ValueOf(i);
    i += step;
    return true;
  });
}

// Counts the rows and checks that each is one of PutRows and comes once.
int CountGoodRows(const Table& table) {
  std::vector<bool> seen(kRows);
  int good = 0;
  EXPECT_EQ(table.GetAll([&](std::string_view key, std::string_view value) {
    const int i = std::stoi(std::string(key.substr(4)));
    if (i < kRows && !seen[i] && value == ValueOf(i)) ++good;
    if (i < kRows) seen[i] = true;
    return true;
  }),
            absl::OkStatus());
  return good;
}

std::unique_ptr<Session> OpenSession(const LocalParty& party, const std::string& id) {
  auto session = Session::Open({.id = id, .cluster_manager = party.cluster_manager()});
  EXPECT_TRUE(session.ok()) << session.status();
  return session.ok() ? *std::move(session) : nullptr;
}

std::unique_ptr<LocalParty> StartParty(LocalParty::Options options) {
  auto party = LocalParty::Start(std::move(options));
  EXPECT_TRUE(party.ok()) << party.status();
  return party.ok() ? *std::move(party) : nullptr;
}

class EngineTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto addresses = testing::FreeAddresses(1);
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

const Party kGuest{"guest", "9999"};
const Party kHost{"host", "10000"};

// Guest and host, each with its own daemons and a session of the task "task_0".
class FederationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto addresses = testing::FreeAddresses(2);
    ASSERT_TRUE(addresses.ok()) << addresses.status();
    const std::string guest = addresses->at(0), host = addresses->at(1);
    parties_[0] =
        StartParty({.party_id = "9999", .address = guest, .peers = {{"10000", host}}}).release();
    parties_[1] =
        StartParty({.party_id = "10000", .address = host, .peers = {{"9999", guest}}}).release();
  }
  static void TearDownTestSuite() {
    for (LocalParty*& party : parties_) {
      delete party;
      party = nullptr;
    }
  }

  void SetUp() override {
    static int task = 0;
    const std::string id = fmt::format("task_{}", task++);
    const Party names[] = {kGuest, kHost};
    for (int i = 0; i < 2; ++i) {
      ASSERT_NE(parties_[i], nullptr);
      sessions_[i] = OpenSession(*parties_[i], id + "_" + names[i].ToString());
      ASSERT_NE(sessions_[i], nullptr);
      federations_[i] = std::make_unique<Federation>(
          sessions_[i].get(), Federation::Options{.session_id = id,
                                                  .self = names[i],
                                                  .parties = {kGuest, kHost},
                                                  .rollsite = parties_[i]->rollsite(),
                                                  .timeout = absl::Seconds(60)});
    }
  }
  void TearDown() override {
    for (auto& session : sessions_) {
      if (session) EXPECT_EQ(session->Stop(), absl::OkStatus());
    }
  }

  Federation& guest() { return *federations_[0]; }
  Federation& host() { return *federations_[1]; }

  static LocalParty* parties_[2];
  std::unique_ptr<Session> sessions_[2];
  std::unique_ptr<Federation> federations_[2];
};
LocalParty* FederationTest::parties_[2] = {};

std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  uint64_t state = bytes + 1;
  for (char& byte : noise) {
    state = state * 6364136223846793005u + 1442695040888963407u;
    byte = static_cast<char>(state >> 56);
  }
  return noise;
}

TEST_F(FederationTest, ObjectsOfEverySizeTravelBothWays) {
  for (size_t bytes : {size_t{0}, size_t{5}, size_t{100'000}, size_t{1} << 20, size_t{20} << 20}) {
    SCOPED_TRACE(bytes);
    const std::string object = Noise(bytes), tag = fmt::format("size-{}", bytes);
    ASSERT_EQ(guest().PutObject("object", tag, kHost, object), absl::OkStatus());
    auto received = host().GetObject("object", tag, kGuest);
    ASSERT_TRUE(received.ok()) << received.status();
    EXPECT_TRUE(*received == object);
    ASSERT_EQ(host().PutObject("object", tag, kGuest, object), absl::OkStatus());
    auto back = guest().GetObject("object", tag, kHost);
    ASSERT_TRUE(back.ok()) << back.status();
    EXPECT_TRUE(*back == object);
  }
}

TEST_F(FederationTest, AGetThatWaitsIsWokenByThePut) {
  absl::StatusOr<std::string> received;
  std::thread getter([&] { received = host().GetObject("late", "t", kGuest); });
  ASSERT_EQ(guest().PutObject("other", "t", kHost, "x"), absl::OkStatus());
  ASSERT_EQ(guest().PutObject("late", "t", kHost, "hello"), absl::OkStatus());
  getter.join();
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(*received, "hello");
}

TEST_F(FederationTest, TablesTravelBothWays) {
  auto table = sessions_[0]->CreateTable(3);
  ASSERT_EQ(PutRows(*table, kRows), absl::OkStatus());
  ASSERT_EQ(guest().PutTable("rows", "t", kHost, *table), absl::OkStatus());
  auto received = host().GetTable("rows", "t", kGuest);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(received->partitions(), 3);
  EXPECT_EQ(CountGoodRows(*received), kRows);
  auto mapped = received->Map("identity", "");
  ASSERT_TRUE(mapped.ok()) << mapped.status();
  ASSERT_EQ(host().PutTable("rows", "t", kGuest, *mapped), absl::OkStatus());
  auto back = guest().GetTable("rows", "t", kHost);
  ASSERT_TRUE(back.ok()) << back.status();
  auto same = back->Join(*table, "intersect", "");
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(CountGoodRows(*same), kRows);
}

TEST_F(FederationTest, AnEmptyTableTravels) {
  auto table = sessions_[0]->CreateTable(2);
  ASSERT_EQ(table->PutAll({}), absl::OkStatus());
  ASSERT_EQ(guest().PutTable("empty", "t", kHost, *table), absl::OkStatus());
  auto received = host().GetTable("empty", "t", kGuest);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(*received->Count(), 0);
}

TEST_F(FederationTest, DestroyRemovesWhatWasReceived) {
  auto table = sessions_[0]->CreateTable(2);
  ASSERT_EQ(PutRows(*table, 10), absl::OkStatus());
  ASSERT_EQ(guest().PutTable("rows", "t", kHost, *table), absl::OkStatus());
  ASSERT_TRUE(host().GetTable("rows", "t", kGuest).ok());
  EXPECT_EQ(sessions_[1]->FindTables(host().options().session_id, "*")->size(), 1u);
  ASSERT_EQ(host().Destroy(), absl::OkStatus());
  EXPECT_TRUE(sessions_[1]->FindTables(host().options().session_id, "*")->empty());
}

TEST_F(FederationTest, AnUnknownPartyFailsAtOnceAndIsNamed) {
  const absl::Time start = absl::Now();
  absl::Status status = guest().PutObject("o", "t", Party{"host", "77777"}, "x");
  EXPECT_FALSE(status.ok());
  EXPECT_THAT(Message(status), HasSubstr("77777"));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

TEST_F(FederationTest, APutWaitsForARollsiteThatRestarts) {
  ASSERT_EQ(parties_[1]->StopProgram("rollsite"), absl::OkStatus());
  absl::Status put;
  std::thread putter([&] { put = guest().PutObject("o", "t", kHost, "hello"); });
  ASSERT_EQ(parties_[1]->StartProgram("rollsite"), absl::OkStatus());
  putter.join();
  ASSERT_EQ(put, absl::OkStatus());
  EXPECT_EQ(*host().GetObject("o", "t", kGuest), "hello");
}

TEST_F(FederationTest, AStoppedPeerRollsiteIsAnErrorThatNamesIt) {
  parties_[1]->KillProgram("rollsite");
  const absl::Time start = absl::Now();
  absl::Status status = guest().PutObject("o", "t", kHost, "x");
  EXPECT_FALSE(status.ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(30));
  EXPECT_THAT(Message(status), HasSubstr("host_10000"));
  EXPECT_THAT(Message(status), HasSubstr(parties_[1]->address() + ":9370"));
  EXPECT_THAT(Message(status), HasSubstr("fate-rollsite"));
  ASSERT_EQ(parties_[1]->StartProgram("rollsite"), absl::OkStatus());
}

TEST_F(FederationTest, AKilledEggEndsAWaitingGet) {
  absl::Status status;
  std::thread getter([&] { status = host().GetObject("never", "t", kGuest).status(); });
  // The waiting call is parked at the egg of partition 0; end every egg of the host.
  for (pid_t egg : parties_[1]->Eggs()) kill(egg, SIGKILL);
  getter.join();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable) << status;
  EXPECT_THAT(Message(status), HasSubstr("never tag t from guest_9999"));
  sessions_[1]->Kill().IgnoreError();
}

}  // namespace
}  // namespace fate
