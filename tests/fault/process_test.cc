// A real rollsite under what only a process shows: its memory with a message of 2 GB and with
// 100,000 topics, a clock that jumps, packets that are lost.
#include <cstdlib>

#include "proxy/proxy.grpc.pb.h"
#include "relay/client_call.h"
#include "relay/grpc_wire.h"
#include "relay/server.h"
#include "rollsite/process_support.h"
#include "rollsite/queue_stub.h"

namespace fate::rollsite {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
constexpr char kPush[] = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/push";
constexpr char kQueuePush[] = "/org.ppc.ptp.PrivateTransferTransport/push";

std::string Table(const std::string& routes) {
  return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["9999"]}})", routes);
}

// Takes a request of any size, keeps nothing of it and answers with an empty message.
class CountingSink final : public relay::StreamHandler {
 public:
  CountingSink(relay::Stream* stream, uint64_t* bytes) : stream_(stream), bytes_(bytes) {}
  void OnData(relay::Slice slice) override {
    *bytes_ += slice.size;
    stream_->Consume(slice.size);
  }
  void OnEnd(relay::Headers) override { relay::SendMessage(stream_, {}); }
  void OnClosed(const absl::Status&) override {}

 private:
  relay::Stream* const stream_;
  uint64_t* const bytes_;
};

// Sends one message of `total` bytes from a single block, as fast as it is taken.
class LargeMessage {
 public:
  LargeMessage(relay::Upstreams* upstreams, const relay::Address& to, const std::string& head,
               uint64_t total, relay::ClientCall::Done done)
      : left_(total - head.size()) {
    relay::ClientCall::Options options{.address = to, .lane = relay::Lane::kBulk, .path = kPush};
    options.on_sent = [this](size_t) { Refill(); };
    call_ = relay::ClientCall::Start(upstreams, std::move(options), std::move(done));
    call_->Send(relay::Slice::Take(relay::FrameHead(total) + head));
    Refill();
  }

 private:
  void Refill() {
    while (left_ > 0 && call_ && call_->queued_bytes() < (2 << 20)) {
      size_t size = std::min<uint64_t>(left_, block_.size);
      left_ -= size;
      relay::Slice piece = block_;
      piece.size = size;
      call_->Send(std::move(piece));
      if (left_ == 0) call_->SendEnd();
    }
  }
  uint64_t left_;
  relay::Slice block_ = relay::Slice::Take(std::string(1 << 20, 'z'));
  std::shared_ptr<relay::ClientCall> call_;
};

// Packet{header = 1 {dst = .. {partyId}}}, then the tag and length of body = 2 {value = 3}, so
// that the rest of the message is the value.
std::string HeadOfPacket(const std::string& party, uint64_t total) {
  com::webank::ai::eggroll::api::networking::proxy::Packet packet;
  packet.mutable_header()->mutable_dst()->set_partyid(party);
  std::string head = packet.SerializeAsString();
  auto varint = [](uint64_t value) {
    std::string text;
    for (; value >= 128; value >>= 7) text += static_cast<char>(value | 128);
    return text + static_cast<char>(value);
  };
  // Both lengths take five bytes for any size near 2 GB.
  uint64_t value = total - head.size() - 12;
  return head + "\x12" + varint(value + 6) + "\x1a" + varint(value);
}

// spec/rollsite.md 15 case 34: what gRPC allows at most goes through without being held.
TEST(LargeMessages, TwoGigabytesPassInAFewMegabytes) {
  relay::EventLoop loop;
  uint64_t received = 0;
  auto sink = relay::Server::Start(
      &loop, {"127.0.0.29", 0}, [&](relay::Stream* stream, relay::Headers, bool) {
        stream->SetHandler(std::make_shared<CountingSink>(stream, &received));
      });
  ASSERT_TRUE(sink.ok());
  RollsiteProcess site("127.0.0.28", "9999",
                       Table(fmt::format(R"("10000": {{"default": {}}})",
                                         EndpointJson("127.0.0.29", (*sink)->port()))),
                       "");
  site.Start();
  ASSERT_TRUE(site.WaitUntilReady()) << site.Log();
  relay::Upstreams upstreams(&loop);
  constexpr uint64_t kTotal = 0x7fffffff;
  absl::StatusOr<std::string> result = UnavailableError("not called");
  LargeMessage message(&upstreams, site.address(), HeadOfPacket("10000", kTotal), kTotal,
                       [&](absl::StatusOr<std::string> answer) {
                         result = std::move(answer);
                         loop.Stop();
                       });
  loop.After(absl::Seconds(100), [&] { loop.Stop(); });
  loop.Run();
  EXPECT_TRUE(result.ok()) << result.status() << site.Log();
  EXPECT_EQ(received, kTotal + relay::kFrameHeadBytes);
  EXPECT_LT(site.Kilobytes("VmHWM"), 64 << 10);
}

// Makes `count` queue calls, 64 at a time; the number of those that failed.
class QueueCalls {
 public:
  QueueCalls(relay::EventLoop* loop, relay::Address to, std::string path)
      : loop_(loop), to_(std::move(to)), path_(std::move(path)), upstreams_(loop) {}

  int Run(int count, std::function<std::string(int)> message) {
    for (int i = 0; i < 64; ++i) Next(count, message);
    loop_->Run();
    return failed_;
  }

 private:
  void Next(int count, const std::function<std::string(int)>& message) {
    if (begun_ == count) return;
    relay::ClientCall::Unary(&upstreams_,
                             {.address = to_,
                              .path = path_,
                              .metadata = {{"x-ptp-session-id", "many"},
                                           {"x-ptp-tech-provider-code", "FATE"},
                                           {"x-ptp-target-node-id", "9999"}},
                              .timeout = absl::Seconds(60)},
                             message(begun_++), [=, this](absl::StatusOr<std::string> answer) {
                               failed_ += !answer.ok();
                               if (++ended_ == count) return loop_->Stop();
                               Next(count, message);
                             });
  }
  relay::EventLoop* const loop_;
  const relay::Address to_;
  const std::string path_;
  relay::Upstreams upstreams_;
  int begun_ = 0, ended_ = 0, failed_ = 0;
};

TEST(ManyTopics, AHundredThousandAreKeptAndFreedWithTheirSession) {
  constexpr int kTopics = 100'000;
  RollsiteProcess site("127.0.0.28", "9999", Table(""), "eggroll.log.level=warning\n");
  site.Start();
  ASSERT_TRUE(site.WaitUntilReady()) << site.Log();
  relay::EventLoop loop;
  QueueCalls pushes(&loop, site.address(), kQueuePush);
  EXPECT_EQ(pushes.Run(kTopics,
                       [](int i) {
                         PushInbound push;
                         push.set_topic(fmt::format("topic-{}", i));
                         push.set_payload(fmt::format("message {}", i));
                         return push.SerializeAsString();
                       }),
            0)
      << site.Log();
  const int64_t full = site.Kilobytes("RssAnon");
  EXPECT_LT(full, 256 << 10) << "2.6 kB a topic";
  QueueStub stub(ChannelTo(fmt::format("127.0.0.28:{}", site.port())));
  for (int i : {0, 1, 50'000, kTopics - 1}) {
    EXPECT_EQ(stub.Pop(fmt::format("topic-{}", i), 1'000, {.session = "many"}),
              fmt::format("E0000000000||message {}", i));
  }
  auto start = Clock::now();
  EXPECT_THAT(stub.Release("many"), HasSubstr("success"));
  EXPECT_THAT(stub.Pop("topic-2", 1, {.session = "many"}), HasSubstr("E0000000601"));
  EXPECT_LT(Clock::now() - start, 3s) << "others wait as long";
}

// The wall clock of a child is moved by a file (clock_jump.cc).
class JumpingClock : public ::testing::Test {
 protected:
  JumpingClock() {
    std::string library =
        std::filesystem::read_symlink("/proc/self/exe").parent_path() / "libclock_jump.so";
    setenv("FATE_TEST_CLOCK", file_.c_str(), 1);
    setenv("LD_PRELOAD", library.c_str(), 1);
    Jump(kMonth);
    site_.Start();
    unsetenv("LD_PRELOAD");
  }
  ~JumpingClock() override { std::filesystem::remove(file_); }
  static constexpr int64_t kMonth = 30 * 86'400;
  void Jump(int64_t seconds) {
    std::ofstream(file_ + ".new", std::ios::binary)
        .write(reinterpret_cast<const char*>(&seconds), sizeof seconds);
    std::filesystem::rename(file_ + ".new", file_);
  }
  std::string file_ =
      (std::filesystem::temp_directory_path() / fmt::format("rollsite_clock_{}", getpid()));
  RollsiteProcess site_{"127.0.0.28", "9999", Table(""), ""};
};

TEST_F(JumpingClock, WaitsAndQueuesDoNotCareWhatTheWallClockSays) {
  ASSERT_TRUE(site_.WaitUntilReady()) << site_.Log();
  auto channel = ChannelTo(fmt::format("127.0.0.28:{}", site_.port()));
  QueueStub stub(channel), waiting(channel);
  ASSERT_EQ(stub.Push({.target = "9999"}, "kept", "message"), "E0000000000|success|");
  auto start = Clock::now();
  std::thread popper([&] { EXPECT_THAT(waiting.Pop("empty", 2'000), HasSubstr("E0000000601")); });
  Jump(0);
  EXPECT_THAT(stub.Pop("other", 200), HasSubstr("E0000000601"));
  Jump(-kMonth);
  EXPECT_THAT(stub.Pop("other", 200), HasSubstr("E0000000601"));
  popper.join();
  auto waited = Clock::now() - start;
  EXPECT_GT(waited, 1'900ms);
  EXPECT_LT(waited, 8s);
  EXPECT_EQ(stub.Pop("kept", 1'000), "E0000000000||message");
  EXPECT_THAT(site_.Log(),
              HasSubstr(absl::FormatTime("%Y-%m-%dT", absl::Now() + absl::Seconds(kMonth),
                                         absl::LocalTimeZone())))
      << "the process has seen another clock";
}

// Runs in a network of its own, made by the test below.
TEST(LossyNetwork, DISABLED_Inside) {
  RollsiteProcess far("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})", "");
  RollsiteProcess near(
      "127.0.0.21", "9999",
      Table(fmt::format(R"("10000": {{"default": {}}})", EndpointJson("127.0.0.22", far.port()))),
      "");
  far.Start();
  near.Start();
  ASSERT_TRUE(far.WaitUntilReady() && near.WaitUntilReady());
  QueueStub pusher(ChannelTo(fmt::format("127.0.0.21:{}", near.port())));
  QueueStub popper(ChannelTo(fmt::format("127.0.0.22:{}", far.port())));
  for (int i = 0; i < 20; ++i) {
    std::string payload = fmt::format("{}:", i) + std::string(static_cast<size_t>(i) * 7'000, 'l');
    ASSERT_EQ(pusher.Push({.target = "10000"}, "t", payload), "E0000000000|success|");
    ASSERT_TRUE(popper.Pop("t", 10'000) == "E0000000000||" + payload) << i;
  }
  EXPECT_THAT(popper.Pop("t", 1), HasSubstr("E0000000601"));
}

TEST(LossyNetwork, CallsGoThroughWhereEveryTwentiethPacketIsLost) {
  std::string self = std::filesystem::read_symlink("/proc/self/exe");
  const std::string prepare =
      "ip link set lo up && nft add table ip loss && "
      "nft add chain ip loss out '{ type filter hook output priority 0; }' && "
      "nft add rule ip loss out numgen random mod 100 '<' 5 counter drop";
  if (std::system(fmt::format("unshare --net sh -c \"{}\" >/dev/null 2>&1", prepare).c_str()) !=
      0) {
    GTEST_SKIP() << "needs root, unshare (util-linux), ip (iproute2) and nft (nftables)";
  }
  EXPECT_EQ(std::system(fmt::format("unshare --net sh -c \"{} && exec {} "
                                    "--gtest_also_run_disabled_tests "
                                    "--gtest_filter=LossyNetwork.DISABLED_Inside\"",
                                    prepare, self)
                            .c_str()),
            0);
}

}  // namespace
}  // namespace fate::rollsite
