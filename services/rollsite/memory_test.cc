// A 120 MB message that FATE's client had pushed and taken left 134 MB resident, and 100 messages
// of 1 MB another 107 MB, until the allocator was told to give them back.
#include "osx/osx.grpc.pb.h"
#include "rollsite/process_support.h"

namespace fate::rollsite {
namespace {

using org::ppc::ptp::PopInbound;
using org::ppc::ptp::PrivateTransferTransport;
using org::ppc::ptp::PushInbound;
using org::ppc::ptp::TransportOutbound;
using namespace std::chrono_literals;

constexpr int kMessages = 128;
constexpr int kMegabyte = 1 << 20;

class Client {
 public:
  explicit Client(const std::shared_ptr<grpc::Channel>& channel)
      : stub_(PrivateTransferTransport::NewStub(channel)) {}

  grpc::Status Push(const std::string& payload) {
    PushInbound request;
    request.set_topic("t");
    request.set_payload(payload);
    TransportOutbound answer;
    return stub_->push(Context().get(), request, &answer);
  }
  size_t PoppedBytes() {
    PopInbound request;
    request.set_topic("t");
    TransportOutbound answer;
    return stub_->pop(Context().get(), request, &answer).ok() ? answer.payload().size() : 0;
  }

 private:
  static std::unique_ptr<grpc::ClientContext> Context() {
    auto context = std::make_unique<grpc::ClientContext>();
    context->AddMetadata("x-ptp-tech-provider-code", "FATE");
    context->AddMetadata("x-ptp-session-id", "s");
    context->AddMetadata("x-ptp-target-node-id", "9999");
    context->set_deadline(std::chrono::system_clock::now() + 20s);
    return context;
  }
  std::unique_ptr<PrivateTransferTransport::Stub> stub_;
};

TEST(MemoryTest, WhatMessagesHeldGoesBackOnceTheyAreTaken) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  GTEST_SKIP() << "sanitizers bring an allocator of their own";
#endif
  RollsiteProcess site("127.0.0.24", "9999", R"({"route_table": {}, "self_party": ["9999"]})", "");
  site.Start();
  ASSERT_TRUE(site.WaitUntilReady()) << site.Log();
  auto resident_mb = [&] { return site.Kilobytes("RssAnon") / 1024; };
  Client client(ChannelTo(site.address().ToString()));
  const int64_t before = resident_mb();
  for (int i = 0; i < kMessages; ++i) {
    ASSERT_TRUE(client.Push(std::string(kMegabyte, 'x')).ok());
  }
  ASSERT_GE(resident_mb(), before + kMessages);
  for (int i = 0; i < kMessages; ++i) ASSERT_EQ(client.PoppedBytes(), kMegabyte);
  EXPECT_TRUE(Within(15s, [&] { return resident_mb() <= before + 24; }))
      << resident_mb() << " MB are resident, " << before << " MB before the messages";
}

}  // namespace
}  // namespace fate::rollsite
