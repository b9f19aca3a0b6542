// Quotas by themselves, and a party that floods beside one that does not.
#include "rollsite/quotas.h"

#include <atomic>

#include "http/client.h"
#include "proxy/proxy.grpc.pb.h"
#include "relay/raw_client.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

constexpr size_t kMb = size_t{1} << 20;

TEST(Quotas, APartyMayHoldWhatIsStillFree) {
  Quotas quotas({});
  auto* loud = quotas.Find("10000", "127.0.0.1");
  auto* second = quotas.Find("10001", "127.0.0.1");
  auto* quiet = quotas.Find("10002", "127.0.0.1");
  EXPECT_TRUE(quotas.Hold(loud, Quotas::kRequests, kMaxRelayBytes / 2).ok());
  EXPECT_FALSE(quotas.Hold(loud, Quotas::kRequests, 1).ok());
  quotas.Release(loud, Quotas::kRequests, 1);
  EXPECT_TRUE(quotas.Hold(second, Quotas::kRequests, kMaxRelayBytes / 4).ok());
  EXPECT_FALSE(quotas.Hold(second, Quotas::kRequests, 1).ok());
  EXPECT_TRUE(quotas.Hold(quiet, Quotas::kRequests, kQuotaFloorBytes).ok());
  EXPECT_TRUE(quotas.Hold(second, Quotas::kAnswers, kMaxRelayBytes / 2).ok()) << "of its own";
  quotas.Release(loud, Quotas::kRequests, kMaxRelayBytes / 2);
  EXPECT_TRUE(quotas.Hold(second, Quotas::kRequests, 1).ok());
}

TEST(Quotas, ARefusalNamesPartyValueAndKey) {
  Quotas quotas({.streams = 1, .bytes = 8 * kMb});
  auto* party = quotas.Find("10000", "127.0.0.1");
  EXPECT_TRUE(quotas.Enter(party, true).ok());
  const absl::Status streams = quotas.Enter(party, true);
  EXPECT_TRUE(absl::IsResourceExhausted(streams));
  EXPECT_THAT(Message(streams), AllOf(HasSubstr("party 10000 has 1 calls open here and may have 1"),
                                      HasSubstr("eggroll.rollsite.quota.streams")));
  EXPECT_TRUE(quotas.Enter(party, false).ok()) << "one's own components";
  const absl::Status bytes = quotas.Hold(party, Quotas::kRequests, 8 * kMb + 1);
  EXPECT_THAT(Message(bytes), AllOf(HasSubstr("party 10000 has 8388609 bytes of requests"),
                                    HasSubstr("8388608 by eggroll.rollsite.quota.bytes")));
}

TEST(Quotas, AFloodOfNamesTakesNoMemory) {
  Quotas quotas({});
  for (size_t i = 0; i < 3 * kMaxQuotaParties; ++i) {
    ++quotas.Find(std::to_string(i), "127.0.0.1")->streams;
  }
  EXPECT_EQ(quotas.Find("one more", "")->name, "others");
  EXPECT_LE(quotas.Busy(3 * kMaxQuotaParties).size(), kMaxQuotaParties + 1);
  EXPECT_EQ(quotas.Find("17", "")->name, "17");
}

TEST(Quotas, WhoNamesNoPartyIsItsAddress) {
  Quotas quotas({});
  EXPECT_EQ(quotas.Find("", "127.0.0.9")->name, "127.0.0.9");
  EXPECT_EQ(quotas.Find("10000", "127.0.0.9")->name, "10000");
}

TEST(QuotaSettings, WrongValuesAreRefusedByName) {
  const auto properties = Properties::Parse("eggroll.rollsite.quota.bytes=12", "f.properties");
  EXPECT_THAT(Message(QuotaSettings::Read(properties.value()).status()),
              AllOf(HasSubstr("f.properties:1"), HasSubstr("eggroll.rollsite.quota.bytes")));
}

// "-1" when the page does not have the line.
double Metric(Site* site, const std::string& line) {
  auto page = http::Fetch(
      {.url = fmt::format("http://{}:{}/metrics", site->host(), site->rollsite()->admin_port())});
  const size_t at = page.ok() ? page->body.find("\n" + line + " ") : std::string::npos;
  return at == std::string::npos ? -1 : std::strtod(&page->body[at + line.size() + 2], nullptr);
}

// Takes calls and never reads them.
class Stalled final : public DataTransferService::CallbackService {
 public:
  Stalled() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.28:0", grpc::InsecureServerCredentials(), &port_);
    builder.AddChannelArgument(GRPC_ARG_HTTP2_BDP_PROBE, 0);  // else it takes in whole messages
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~Stalled() override { server_->Shutdown(std::chrono::system_clock::now()); }
  int port() const { return port_; }

 private:
  class Reactor final : public grpc::ServerReadReactor<Packet> {
    void OnCancel() override { Finish(grpc::Status::CANCELLED); }
    void OnDone() override { delete this; }
  };
  grpc::ServerReadReactor<Packet>* push(grpc::CallbackServerContext*, Metadata*) override {
    return new Reactor;
  }
  int port_ = 0;
  std::unique_ptr<grpc::Server> server_;
};

// A push of one large packet from party 10000.
class Push final : public grpc::ClientWriteReactor<Packet> {
 public:
  Push(DataTransferService::Stub* stub, std::atomic<int>* refused) : refused_(refused) {
    packet_.mutable_header()->mutable_src()->set_partyid("10000");
    packet_.mutable_header()->mutable_dst()->set_partyid("10001");
    packet_.mutable_body()->set_value(std::string(kMb, 'x'));
    context_.set_deadline(std::chrono::system_clock::now() + 60s);
    stub->async()->push(&context_, &answer_, this);
    StartWrite(&packet_);
    StartCall();
  }
  void Cancel() { context_.TryCancel(); }
  bool done() const { return done_; }

 private:
  void OnDone(const grpc::Status& status) override {
    if (status.error_code() == grpc::StatusCode::RESOURCE_EXHAUSTED &&
        status.error_message().find("party 10000 has") != std::string::npos) {
      ++*refused_;
    }
    done_ = true;
  }
  grpc::ClientContext context_;
  Packet packet_;
  Metadata answer_;
  std::atomic<int>* const refused_;
  std::atomic<bool> done_ = false;
};

TEST(Quotas, APartyThatFloodsLeavesRoomForTheOthers) {
  Stalled stalled;
  const std::string table =
      fmt::format(R"({{"route_table": {{"10001": {{"default": {}}}}}, "self_party": ["9999"]}})",
                  EndpointJson("127.0.0.28", stalled.port()));
  Site site("127.0.0.29", "9999", table, {"127.0.0.1", 1},
            [](Config* config) { config->quotas.bytes = 8 * kMb; });
  auto stub = DataTransferService::NewStub(ChannelTo(site.address()));
  std::atomic<int> refused = 0;
  std::vector<std::unique_ptr<Push>> pushes;
  for (int i = 0; i < 200; ++i) pushes.push_back(std::make_unique<Push>(stub.get(), &refused));
  EXPECT_TRUE(Within(20s, [&] { return refused > 0; }));

  auto queues = PrivateTransferTransport::NewStub(site.channel());
  for (int i = 0; i < 20; ++i) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 5s);
    context.AddMetadata("x-ptp-session-id", "s");
    context.AddMetadata("x-ptp-tech-provider-code", "FATE");
    context.AddMetadata("x-ptp-from-node-id", "10002");
    context.AddMetadata("x-ptp-target-node-id", "9999");
    org::ppc::ptp::PushInbound request;
    request.set_topic("topic");
    request.set_payload(std::string(kMb, 'y'));
    org::ppc::ptp::TransportOutbound answer;
    const grpc::Status status = queues->push(&context, request, &answer);
    EXPECT_TRUE(status.ok()) << status.error_message();
  }
  for (const auto& push : pushes) push->Cancel();
  for (const auto& push : pushes) EXPECT_TRUE(Within(20s, [&] { return push->done(); }));
}

// Answers every unary call with a megabyte.
class Generous final : public DataTransferService::Service {
 public:
  Generous() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.28:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  grpc::Status unaryCall(grpc::ServerContext*, const Packet*, Packet* answer) override {
    answer->mutable_body()->set_value(std::string(kMb, 'a'));
    return grpc::Status::OK;
  }
  int port = 0;

 private:
  std::unique_ptr<grpc::Server> server_;
};

// Downloads of which nothing is read: calls of one party whose answers are not taken.
class StalledDownloads : public ::testing::Test {
 protected:
  void Start(const QuotaSettings& quotas) {
    const std::string table =
        fmt::format(R"({{"route_table": {{"10001": {{"default": {}}}}}, "self_party": ["9999"]}})",
                    EndpointJson("127.0.0.28", generous_.port));
    site_ = std::make_unique<Site>("127.0.0.29", "9999", table, relay::Address{"127.0.0.1", 1},
                                   [&](Config* config) { config->quotas = quotas; });
    client_ = std::make_unique<relay::raw::Client>(site_->port(), "127.0.0.29");
    client_->Send(relay::raw::Preface());
  }
  void Ask(int calls) {
    namespace raw = relay::raw;
    const std::string path =
        "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/unaryCall";
    const std::string bytes = From("10000").SerializeAsString();
    const std::string message = raw::Number(0, 1) + raw::Number(bytes.size(), 4) + bytes;
    for (int i = 0; i < calls; ++i) {
      const auto id = static_cast<uint32_t>(2 * asked_++ + 1);
      client_->Send(raw::Frame(raw::kHeaders, raw::kEndHeaders, id, raw::RequestBlock(path)) +
                    raw::Frame(raw::kData, raw::kEndStream, id, message));
    }
  }
  static Packet From(const std::string& party) {
    Packet packet;
    packet.mutable_header()->mutable_src()->set_partyid(party);
    packet.mutable_header()->mutable_dst()->set_partyid("10001");
    return packet;
  }
  // Of another party: at most this long, while those downloads stall.
  std::string CallOfAnother() {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 5s);
    Packet answer;
    const grpc::Status status = DataTransferService::NewStub(ChannelTo(site_->address()))
                                    ->unaryCall(&context, From("10002"), &answer);
    return status.ok() ? std::to_string(answer.body().value().size()) : status.error_message();
  }
  // Calls that were ended by a reset with ENHANCE_YOUR_CALM, or by a head with RESOURCE_EXHAUSTED.
  int Ended() {
    client_->Receive(10ms);
    int ended = 0;
    client_->ForEachFrame(
        [&](relay::raw::Type type, uint8_t flags, uint32_t stream, std::string_view payload) {
          if (stream == 0) return;
          if (type == relay::raw::kResetStream) ended += relay::raw::NumberAt(payload, 0, 4) == 11;
          if (type == relay::raw::kHeaders) ended += (flags & relay::raw::kEndStream) != 0;
        });
    return ended;
  }

  Generous generous_;
  std::unique_ptr<Site> site_;
  std::unique_ptr<relay::raw::Client> client_;
  int asked_ = 0;
};

TEST_F(StalledDownloads, FallUnderTheQuotaOfBytesWhileOthersPass) {
  Start({.streams = 1000, .bytes = kQuotaFloorBytes});
  const std::string line = R"(rollsite_quota_refusals_total{quota="bytes"})";
  const double refusals = std::max(0.0, Metric(site_.get(), line));
  Ask(60);  // each makes the relay hold a window of 256 KB
  EXPECT_TRUE(Within(20s, [&] { return Ended() > 0; }));
  EXPECT_GT(Metric(site_.get(), line), refusals);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(CallOfAnother(), std::to_string(kMb));
  EXPECT_LE(Metric(site_.get(), R"(rollsite_party_waiting_bytes{party="10000"})"),
            static_cast<double>(kQuotaFloorBytes));
  EXPECT_GT(Metric(site_.get(), R"(rollsite_party_calls{party="10000"})"), 5)
      << "those within the quota go on";
}

TEST_F(StalledDownloads, FallUnderTheQuotaOfCallsWhileOthersPass) {
  Start({.streams = 10, .bytes = kMaxRelayBytes / 2});
  Ask(10);
  EXPECT_TRUE(Within(
      10s, [&] { return Metric(site_.get(), R"(rollsite_party_calls{party="10000"})") == 10; }));
  EXPECT_EQ(Ended(), 0);
  Ask(5);
  EXPECT_TRUE(Within(10s, [&] { return Ended() == 5; }));
  EXPECT_EQ(CallOfAnother(), std::to_string(kMb));
  EXPECT_EQ(Metric(site_.get(), R"(rollsite_party_calls{party="10000"})"), 10);
}

QueueStub::Metadata From(const std::string& party) {
  return {.target = "10000", .more = {{"x-ptp-source-node-id", party}}};
}

// Pushes go through the sender's gateway, of party 9999, to the queues of party 10000.
class QueueQuota : public ::testing::Test {
 protected:
  QueueQuota()
      : receiver_("127.0.0.29", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
                  {"127.0.0.1", 1},
                  [](Config* config) {
                    config->queues.limits.memory_bytes = 8 * kMb;
                    config->queues.limits.queue_memory_bytes = 4 * kMb;
                    config->queues.limits.disk_bytes = 60 * kMb;
                    config->queues.limits.party_bytes = 20 * kMb;
                  }),
        sender_("127.0.0.28", "9999",
                fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}},
                                "self_party": ["9999"]}})",
                            EndpointJson("127.0.0.29", receiver_.port()))),
        pusher_(sender_.channel()),
        popper_(receiver_.channel()) {}

  // Until a push is refused, or 50 are not; how many are not.
  int Fill(const std::string& party, std::string* refusal) {
    for (int pushed = 0; pushed < 50; ++pushed) {
      *refusal = pusher_.Push(From(party), "t" + party, payload_);
      if (*refusal != "E0000000000|success|") return pushed;
    }
    return 50;
  }
  std::string Push(const std::string& party) {
    return pusher_.Push(From(party), "t" + party, payload_);
  }

  const std::string payload_ = std::string(kMb, 'q');
  Site receiver_, sender_;
  QueueStub pusher_, popper_;
};

TEST_F(QueueQuota, APartyWhoseMessagesNobodyTakesLeavesRoomForTheOthers) {
  const double refusals =
      Metric(&receiver_, R"(rollsite_quota_refusals_total{quota="queue.bytes"})");
  std::string refusal;
  EXPECT_EQ(Fill("10001", &refusal), 19) << "in memory, then on disk";
  EXPECT_THAT(
      refusal,
      AllOf(HasSubstr("status 8 "), HasSubstr("code E0000000700: PARTY_10000"),
            HasSubstr("party 9999 to party 10000"), HasSubstr("messages of party 10001 hold"),
            HasSubstr("eggroll.rollsite.quota.queue.bytes"), HasSubstr("pop or release")));
  EXPECT_EQ(Metric(&receiver_, R"(rollsite_party_queue_bytes{party="10001"})"),
            static_cast<double>(19 * (kMb + kQueueMessageOverheadBytes)));
  EXPECT_EQ(Metric(&receiver_, R"(rollsite_quota_refusals_total{quota="queue.bytes"})"),
            std::max(refusals, 0.0) + 1);
  std::string other;
  EXPECT_EQ(Fill("10002", &other), 19) << other;
  EXPECT_EQ(Push("10003"), "E0000000000|success|");
}

TEST_F(QueueQuota, WhatIsPoppedOrReleasedMayBePushedAgain) {
  std::string refusal;
  const int pushed = Fill("10001", &refusal);
  EXPECT_TRUE(popper_.Pop("t10001", 5000).starts_with("E0000000000||q"));
  EXPECT_TRUE(Within(5s, [&] { return Push("10001") == "E0000000000|success|"; }));
  EXPECT_NE(Push("10001"), "E0000000000|success|");
  EXPECT_GT(Metric(&receiver_, R"(rollsite_party_queue_bytes{party="10001"})"), 0);
  EXPECT_EQ(popper_.Release("s"), "E0000000000|success|");
  EXPECT_EQ(Metric(&receiver_, R"(rollsite_party_queue_bytes{party="10001"})"), 0);
  EXPECT_EQ(Fill("10001", &refusal), pushed);
}

}  // namespace
}  // namespace fate::rollsite
