// Quotas by themselves, and a party that floods beside one that does not.
#include "rollsite/quotas.h"

#include <atomic>

#include "osx/osx.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"
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

  auto queues = org::ppc::ptp::PrivateTransferTransport::NewStub(site.channel());
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

}  // namespace
}  // namespace fate::rollsite
