// Objects and tables between the real daemons of two parties.

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>

#include <thread>

#include "base/status.h"
#include "engine_e2e/rows.h"
#include "federation/federation.h"

namespace fate {
namespace {

using namespace testing;  // NOLINT: rows.h and local_party.h
using federation::Federation;
using federation::Party;
using ::testing::HasSubstr;

const Party kGuest{"guest", "9999"};
const Party kHost{"host", "10000"};

// Guest and host, each with its own daemons and a session of the task "task_0".
class FederationTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    auto addresses = FreeAddresses(2);
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
      if (session == nullptr) continue;
      EXPECT_EQ(session->Stop(), absl::OkStatus());
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
  ASSERT_EQ(PutRows(*table, 0), absl::OkStatus());
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

// A stream that was cut is sent again with the same numbers: nothing is lost, nothing comes twice.
TEST_F(FederationTest, ATableArrivesWholeThoughBothRollsitesAreKilledOnTheWay) {
  auto table = sessions_[0]->CreateTable(2);
  const std::string padding(1000, 'p');
  int i = 0;
  ASSERT_EQ(table->PutAll([&](std::string* key, std::string* value) {
    *key = KeyOf(i);
    *value = ValueOf(i) + padding;
    return i++ < kRows;
  }),
            absl::OkStatus());
  absl::Status put;
  std::thread putter([&] { put = guest().PutTable("rows", "t", kHost, *table); });
  for (LocalParty* party : parties_) {
    party->KillProgram("rollsite");
    ASSERT_EQ(party->StartProgram("rollsite"), absl::OkStatus());
  }
  putter.join();
  ASSERT_EQ(put, absl::OkStatus());
  auto received = host().GetTable("rows", "t", kGuest);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(*received->Count(), kRows);
  EXPECT_EQ(**received->Get(KeyOf(kRows - 1)), ValueOf(kRows - 1) + padding);
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
