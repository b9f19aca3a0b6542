// Pushes that end at this party's eggs: spec/rollsite.md 6.3 and 15, cases 24-31. Clustermanager
// and egg are gRPC servers in this process.
#include "rollsite/egg_sink.h"

#include <atomic>
#include <future>

#include "rollsite/egg_stub.h"
#include "rollsite/raw_calls.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

// Pushes enter at G (9999) and end at H (10000), whose eggs are the fake ones.
class EggSinkTest : public ::testing::Test {
 protected:
  EggSinkTest()
      : manager_(egg_.server_->port()),
        h_("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
           {"127.0.0.27", manager_.server_->port()}),
        g_("127.0.0.21", "9999",
           fmt::format(
               R"({{"route_table": {{"default": {{"default": {}}}}}, "self_party": ["9999"]}})",
               EndpointJson("127.0.0.22", h_.port()))),
        stub_(g_.channel()) {}

  struct Result {
    grpc::Status status;
    PacketHeader ack;
  };
  Result Push(const std::vector<Packet>& packets, std::chrono::milliseconds timeout = 20s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    return Push(&context, packets);
  }
  Result Push(grpc::ClientContext* context, const std::vector<Packet>& packets) {
    Result result;
    auto writer = stub_.push(context, &result.ack);
    for (const Packet& packet : packets) {
      if (!writer->Write(packet)) break;
    }
    writer->WritesDone();
    result.status = writer->Finish();
    return result;
  }

  FakeEgg egg_;
  FakeManager manager_;
  Site h_, g_;
  DataTransferService::Stub stub_;
};

TEST_F(EggSinkTest, Case24TheEggGetsTheBatchOfTheSpecAndTheClientTheAck) {
  Result result = Push({Hello()});
  ASSERT_TRUE(result.status.ok()) << result.status.error_message();
  PacketHeader expected = Hello().header();
  expected.set_ack(1);
  EXPECT_EQ(result.ack.SerializeAsString(), expected.SerializeAsString());

  auto batches = egg_.batches();
  ASSERT_EQ(batches.size(), 1u);
  std::string tag = "putBatch-__rsk#s1#n1#t1#guest#9999#host#10000-0";
  EXPECT_EQ(batches[0].SerializeAsString(),
            Hex("0a84010801122f") + tag + Hex("2a4f") + kRsh + Hex("1a21") + kPairBin);

  auto tasks = egg_.tasks();
  ASSERT_EQ(tasks.size(), 1u);
  EXPECT_EQ(tasks[0].id(), tag);
  EXPECT_EQ(tasks[0].name(), "putBatch");
  EXPECT_EQ(tasks[0].job().options().at("eggroll.session.id"), "s1_host_10000");
  EXPECT_EQ(tasks[0].outputs(0).processor().id(), 7);
  EXPECT_EQ(tasks[0].outputs(0).storelocator().name(), "__rsk#s1#n1#t1#guest#9999#host#10000");
  EXPECT_THAT(tasks[0].job().id(), HasSubstr("s1_host_10000-scala-job-"));

  auto stores = manager_.stores();
  ASSERT_EQ(stores.size(), 1u);
  EXPECT_EQ(stores[0].storelocator().namespace_(), "s1");
  EXPECT_EQ(stores[0].storelocator().store_type(), "IN_MEMORY");
  EXPECT_EQ(stores[0].storelocator().total_partitions(), 1);
  EXPECT_EQ(stores[0].options().at("serdes"), "EMPTY");
}

TEST_F(EggSinkTest, Case25And26ManyPacketsKeepOrderBoundariesAndNumbers) {
  std::vector<size_t> sizes = {16, 100028, 100028, 50028, 0, 3 << 20};
  std::vector<Packet> packets;
  for (size_t i = 0; i < sizes.size(); ++i) {
    packets.push_back(PacketOf(static_cast<int64_t>(i) + 1, static_cast<int64_t>(sizes.size()),
                               std::string(sizes[i], static_cast<char>('a' + i))));
  }
  Result result = Push(packets);
  ASSERT_TRUE(result.status.ok()) << result.status.error_message();
  EXPECT_EQ(result.ack.ack(), 1);
  auto batches = egg_.batches();
  ASSERT_EQ(batches.size(), sizes.size());
  for (size_t i = 0; i < sizes.size(); ++i) {
    EXPECT_EQ(batches[i].data() == packets[i].body().value(), true) << i;
    EXPECT_EQ(batches[i].header().ext(), packets[i].header().ext());
    EXPECT_EQ(batches[i].header().id(), 1);
  }
}

TEST_F(EggSinkTest, Case27AnAbsentBodyIsAnEmptyBatch) {
  Packet packet = Hello();
  packet.clear_body();
  ASSERT_TRUE(Push({packet}).status.ok());
  ASSERT_EQ(egg_.batches().size(), 1u);
  EXPECT_EQ(egg_.batches()[0].data(), "");
}

TEST_F(EggSinkTest, Case28TheSameStreamTwiceIsFineTwice) {
  EXPECT_TRUE(Push({Hello()}).status.ok());
  EXPECT_TRUE(Push({Hello()}).status.ok());
  EXPECT_EQ(egg_.tasks().size(), 2u);
  EXPECT_EQ(manager_.session_calls_, 1) << "the session is remembered for a while";
}

TEST_F(EggSinkTest, Case29ASessionThatHasEndedIsNamed) {
  manager_.SetStatus("KILLED");
  Result result = Push({Hello()});
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(result.status.error_message(),
              HasSubstr("eggroll session s1_host_10000 invalid status : KILLED"));
}

TEST_F(EggSinkTest, AnUnknownSessionFailsAtOnce) {
  manager_.SetStatus("");
  Result result = Push({Hello()});
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(result.status.error_message(),
              AllOf(HasSubstr("eggroll session s1_host_10000 invalid status : unknown"),
                    HasSubstr("once the task of party 10000 has started"),
                    HasSubstr("eggroll.rollsite.session.unknown.wait.ms")));
  EXPECT_EQ(manager_.session_calls_, 1);
  EXPECT_EQ(manager_.unknown_at_once_, "true") << "a cluster manager of ours is not to wait either";
  manager_.SetStatus("ACTIVE");
  EXPECT_TRUE(Push({Hello()}).status.ok()) << "nothing of the failure is remembered";
}

TEST_F(EggSinkTest, ASessionThatStartsIsWaitedFor) {
  manager_.SetStatus("NEW");
  auto push = std::async(std::launch::async, [&] { return Push({Hello()}); });
  EXPECT_TRUE(Within(5s, [&] { return manager_.session_calls_ >= 3; }));
  manager_.SetStatus("ACTIVE");
  EXPECT_TRUE(push.get().status.ok());
}

// eggroll's own does so with sessions that start and those it does not know.
TEST_F(EggSinkTest, AClusterManagerMayHoldItsAnswerUntilTheSessionIsActive) {
  manager_.SetStatus(FakeManager::kHold);
  auto push = std::async(std::launch::async, [&] { return Push({Hello()}); });
  EXPECT_TRUE(Within(5s, [&] { return manager_.session_calls_ == 1; }));
  manager_.SetStatus("ACTIVE");
  EXPECT_TRUE(push.get().status.ok());
  EXPECT_EQ(manager_.session_calls_, 1);
}

// A gateway of party 10000 with waits of its own.
class SessionWaits : public EggSinkTest {
 protected:
  absl::Status PushTo(absl::Duration session_wait, absl::Duration unknown_wait) {
    Site h("127.0.0.23", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
           {"127.0.0.27", manager_.server_->port()}, [&](Config* config) {
             config->eggs.session_wait = session_wait;
             config->eggs.unknown_wait = unknown_wait;
           });
    return CallBytes(h.channel(),
                     "/" + std::string(DataTransferService::service_full_name()) + "/push",
                     Hello().SerializeAsString())
        .status();
  }
};

TEST_F(SessionWaits, AnUnknownSessionIsWaitedForIfSoSet) {
  manager_.SetStatus("");
  auto push =
      std::async(std::launch::async, [&] { return PushTo(absl::Seconds(20), absl::Seconds(20)); });
  EXPECT_TRUE(Within(5s, [&] { return manager_.session_calls_ >= 3; }));
  manager_.SetStatus("NEW");
  int before = manager_.session_calls_;
  EXPECT_TRUE(Within(5s, [&] { return manager_.session_calls_ > before + 1; }));
  manager_.SetStatus("ACTIVE");
  EXPECT_EQ(push.get(), absl::OkStatus());
}

TEST_F(SessionWaits, TheWaitForAnUnknownSessionEndsAsSet) {
  manager_.SetStatus("");
  EXPECT_THAT(ToText(PushTo(absl::Seconds(20), absl::Milliseconds(200))),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("invalid status : unknown")));
  EXPECT_GE(manager_.session_calls_, 3);
}

TEST_F(SessionWaits, TheWaitForASessionThatStartsEndsAsSet) {
  manager_.SetStatus("NEW");
  EXPECT_THAT(ToText(PushTo(absl::Milliseconds(200), absl::ZeroDuration())),
              AllOf(HasSubstr("UNAVAILABLE"),
                    HasSubstr("eggroll session s1_host_10000 invalid status : NEW"),
                    HasSubstr("does the task of party 10000 start"),
                    HasSubstr("eggroll.rollsite.session.wait.ms")));
}

TEST_F(EggSinkTest, TheWaitEndsWithTheCallersDeadline) {
  manager_.SetStatus("NEW");
  Result result = Push({Hello()}, 300ms);
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
}

TEST_F(EggSinkTest, TheManagerIsNotAskedOnceTheClientHasLeft) {
  manager_.SetStatus("NEW");
  grpc::ClientContext context;
  auto push = std::async(std::launch::async, [&] { return Push(&context, {Hello()}); });
  EXPECT_TRUE(Within(5s, [&] { return manager_.session_calls_ >= 2; }));
  context.TryCancel();
  push.get();
  int calls = manager_.session_calls_;
  EXPECT_TRUE(Within(5s, [&] {  // until twice the longest pause brought no further call
    std::this_thread::sleep_for(400ms);
    int before = std::exchange(calls, manager_.session_calls_.load());
    return before == calls;
  }));
}

TEST_F(EggSinkTest, AClustermanagerThatIsDownIsNamed) {
  manager_.server_.reset();
  Result result = Push({Hello()});
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(result.status.error_message(),
              AllOf(HasSubstr("session s1_host_10000"), HasSubstr("Connection refused"),
                    HasSubstr("check that fate-clustermanager runs")));
}

TEST_F(EggSinkTest, Case30AnEggThatDiesFailsThePushAndIsForgotten) {
  egg_.hold_ = true;
  auto push = std::async(std::launch::async, [&] {
    return Push({PacketOf(1, 2, "a"), PacketOf(2, 2, "b")});
  });
  EXPECT_TRUE(Within(5s, [&] { return !egg_.batches().empty(); }));
  std::thread kill([&] { egg_.Kill(); });
  Result result = push.get();
  kill.join();
  EXPECT_FALSE(result.status.ok());
  EXPECT_THAT(result.status.error_message(),
              HasSubstr("egg 7 of session s1_host_10000 at 127.0.0.26:"));
  int calls = manager_.session_calls_;
  Push({Hello()}, 2s);
  EXPECT_GT(manager_.session_calls_, calls) << "after a failure the session is asked for anew";
}

// The egg comes back where it was; the pusher sends the same packets again.
TEST_F(EggSinkTest, Case30ARetryAfterTheEggHasComeBackSucceeds) {
  const int port = egg_.server_->port();
  egg_.Kill();
  const std::vector<Packet> packets = {PacketOf(1, 2, "a"), PacketOf(2, 2, "b")};
  EXPECT_THAT(Push(packets).status.error_message(),
              AllOf(HasSubstr("egg 7 of session s1_host_10000"), HasSubstr("Connection refused")));
  FakeEgg again(port);
  Result result = Push(packets);
  ASSERT_TRUE(result.status.ok()) << result.status.error_message();
  EXPECT_EQ(result.ack.ack(), 1);
  ASSERT_EQ(again.batches().size(), 2u);
  EXPECT_EQ(again.batches()[1].data(), "b");
}

// spec/rollsite.md 15, case 57: the same stream under the name that FATE 1.0-1.3 give the service.
TEST_F(EggSinkTest, Case57FatesNameOfTheServiceEndsAtTheSameEggs) {
  const std::string path = "/com.webank.ai.fate.api.networking.proxy.DataTransferService/push";
  auto ack = CallBytes(g_.channel(), path, Hello().SerializeAsString());
  ASSERT_TRUE(ack.ok()) << ack.status();
  PacketHeader expected = Hello().header();
  expected.set_ack(1);
  EXPECT_EQ(*ack, expected.SerializeAsString());
  ASSERT_EQ(egg_.batches().size(), 1u);
  EXPECT_EQ(egg_.batches()[0].data(), kPairBin);
}

TEST_F(EggSinkTest, Case31AFailedTaskFailsThePush) {
  egg_.fail_task_ = true;
  Result result = Push({Hello()});
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(result.status.error_message(),
              AllOf(HasSubstr("its task putBatch failed"), HasSubstr("disk full")));
}

// As Python's eggs do: pages of traceback, more than gRPC's clients take in trailers.
TEST_F(EggSinkTest, AnEggsTracebackIsToldAsFarAsItFits) {
  egg_.fail_task_ = true;
  egg_.failure_ = "Traceback:\n" + std::string(20'000, 'x');
  Result result = Push({Hello()});
  EXPECT_EQ(result.status.error_code(), grpc::StatusCode::INTERNAL);
  EXPECT_THAT(result.status.error_message(),
              AllOf(HasSubstr("egg 7 of session s1_host_10000"), HasSubstr("Traceback:\nxxx")));
  EXPECT_LE(result.status.error_message().size(), 8192u);
}

// The first push of a name has made it.
TEST_F(EggSinkTest, APartitionThatTheTableLacksIsRefusedByName) {
  manager_.partitions_ = 1;
  Packet packet = Hello();
  RollSiteHeader header;
  header.ParseFromString(kRsh);
  header.set_totalpartitions(8);
  header.set_partitionid(5);
  packet.mutable_header()->set_ext(header.SerializeAsString());
  EXPECT_THAT(Push({packet}).status.error_message(),
              AllOf(HasSubstr("table __rsk#s1#n1#t1#guest#9999#host#10000 has 1 partitions"),
                    HasSubstr("partition 5 was pushed")));
  EXPECT_TRUE(egg_.batches().empty());
}

TEST_F(EggSinkTest, AClientThatLeavesEndsTheTransferToTheEgg) {
  egg_.hold_ = true;
  grpc::ClientContext context;
  PacketHeader ack;
  auto writer = stub_.push(&context, &ack);
  writer->Write(PacketOf(1, 2, "a"));
  EXPECT_TRUE(Within(5s, [&] { return !egg_.batches().empty(); }));
  context.TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Within(2s, [&] { return egg_.cancelled_ == 1; }));
}

// The egg does not read: the pusher is stopped, the rollsites hold a bounded amount.
TEST_F(EggSinkTest, ASlowEggStopsThePusher) {
  egg_.hold_ = true;
  grpc::ClientContext context;
  PacketHeader ack;
  auto writer = stub_.push(&context, &ack);
  std::atomic<int> written = 0;
  std::thread pusher([&] {
    while (written < 1000 &&
           writer->Write(PacketOf(written + 1, 1000, std::string(1 << 20, 'x')))) {
      ++written;
    }
  });
  int seen = -1;
  EXPECT_TRUE(Within(20s, [&] {
    std::this_thread::sleep_for(200ms);
    int before = std::exchange(seen, written.load());
    return before == seen && seen > 0;
  }));
  EXPECT_LT(written, 64);
  context.TryCancel();
  pusher.join();
  writer->Finish();
}

TEST_F(EggSinkTest, BadHeadersAreRefused) {
  Packet no_ext = Hello();
  no_ext.mutable_header()->clear_ext();
  EXPECT_THAT(Push({no_ext}).status.error_message(),
              HasSubstr("without a readable RollSiteHeader"));

  auto with = [](auto change) {
    Packet packet = Hello();
    RollSiteHeader header;
    header.ParseFromString(kRsh);
    change(&header);
    packet.mutable_header()->set_ext(header.SerializeAsString());
    return packet;
  };
  Packet many = with([](RollSiteHeader* h) { h->set_totalpartitions(1'000'000); });
  EXPECT_THAT(Push({many}).status.error_message(), HasSubstr("at most 4096 partitions"));
  Packet outside = with([](RollSiteHeader* h) { h->set_partitionid(1); });
  EXPECT_THAT(Push({outside}).status.error_message(), HasSubstr("partition 1 of 1"));
  Packet path = with([](RollSiteHeader* h) { h->set_rollsitesessionid("../s"); });
  EXPECT_THAT(Push({path}).status.error_message(), HasSubstr("is not valid"));
  Packet error = Hello();
  error.mutable_body()->set_key("[roll site transfer exception]");
  error.mutable_body()->set_value("out of\nmemory");
  EXPECT_THAT(Push({error}).status.error_message(), HasSubstr("the sender gave up: out of"));
  EXPECT_TRUE(egg_.batches().empty());
}

}  // namespace
}  // namespace fate::rollsite
