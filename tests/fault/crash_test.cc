// Real rollsites that are killed, whose disk is full, or on which very many wait.
#include <sys/mount.h>

#include "proxy/proxy.grpc.pb.h"
#include "relay/client_call.h"
#include "rollsite/process_support.h"
#include "rollsite/queue_stub.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kStored[] = "E0000000000|success|";
constexpr char kExpired[] = "E0000000601|CONSUME_MSG_TIMEOUT|";

std::string Table(const std::string& self, const std::string& routes) {
  return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"]}})", routes, self);
}

std::string Route(const std::string& party, const std::string& host, int port) {
  return fmt::format(R"("{}": {{"default": {}}})", party, EndpointJson(host, port));
}

// Party 10001, behind the gateway of 10000.
class Sink final : public DataTransferService::Service {
 public:
  Sink() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.29:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* answer) override {
    Packet packet;
    int64_t count = 0;
    while (reader->Read(&packet)) ++count, ++packets;
    answer->set_ack(count);
    return grpc::Status::OK;
  }
  int port = 0;
  std::atomic<int> packets = 0;
  std::unique_ptr<grpc::Server> server;
};

// 9999 reaches 10001 through the gateway of 10000.
class KilledPeer : public ::testing::Test {
 protected:
  KilledPeer()
      : far_("127.0.0.22", "10000", Table("10000", Route("10001", "127.0.0.29", sink_.port)), ""),
        near_("127.0.0.21", "9999",
              Table("9999", Route("10001", "127.0.0.22", far_.port()) + "," +
                                Route("10000", "127.0.0.22", far_.port()))) {
    far_.Start();
    EXPECT_TRUE(far_.WaitUntilReady()) << far_.Log();
  }
  // `packets` packets; before each, `before` runs.
  grpc::Status Push(int packets, const std::function<void(int)>& before, int64_t* ack) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    Metadata answer;
    auto writer = DataTransferService::NewStub(near_.channel())->push(&context, &answer);
    Packet packet;
    packet.mutable_header()->mutable_dst()->set_partyid("10001");
    packet.mutable_body()->set_value(std::string(100'000, 'x'));
    for (int i = 0; i < packets; ++i) {
      before(i);
      if (!writer->Write(packet)) break;
    }
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    *ack = answer.ack();
    return status;
  }

  Sink sink_;
  RollsiteProcess far_;
  Site near_;
};

TEST_F(KilledPeer, InTheMiddleOfAPushNamesPartyHopAndRemedy) {
  int64_t ack = 0;
  const grpc::Status status = Push(
      200,
      [&](int i) {
        if (i != 50) return;
        EXPECT_TRUE(Within(10s, [&] { return sink_.packets > 0; }));
        far_.Kill(SIGKILL);
      },
      &ack);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("party 10001"), HasSubstr("route_table.10001.default[0]"),
                    HasSubstr(fmt::format("127.0.0.22:{}", far_.port())),
                    HasSubstr("check that fate-rollsite runs")));
  far_.Start();
  ASSERT_TRUE(far_.WaitUntilReady());
  EXPECT_TRUE(Push(
                  200, [](int) {}, &ack)
                  .ok());
  EXPECT_EQ(ack, 200);
}

TEST_F(KilledPeer, EndsPopsThatWaitThereAndPushesThatComeLater) {
  QueueStub popper(ChannelTo(far_.address().ToString())), pusher(near_.channel());
  EXPECT_EQ(pusher.Push({.target = "10000"}, "t", "before"), kStored);
  EXPECT_EQ(popper.Pop("t", 1'000), "E0000000000||before");
  std::string parked;
  std::thread waiting([&] { parked = popper.Pop("t", 60'000); });
  EXPECT_EQ(pusher.Push({.target = "10000"}, "woken", "x"), kStored);
  far_.Kill(SIGKILL);
  waiting.join();
  EXPECT_THAT(parked, HasSubstr("status 14 "));
  EXPECT_THAT(pusher.Push({.target = "10000"}, "t", "lost"),
              AllOf(HasSubstr("status 14 code E0000000607"), HasSubstr("to party 10000"),
                    HasSubstr("Connection refused")));
  far_.Start();
  ASSERT_TRUE(far_.WaitUntilReady());
  EXPECT_EQ(pusher.Push({.target = "10000"}, "t", "after"), kStored);
  EXPECT_EQ(QueueStub(ChannelTo(far_.address().ToString())).Pop("t", 1'000), "E0000000000||after");
}

// A disk of 48 MB for the queues, where mounting is allowed.
class SmallDisk {
 public:
  explicit SmallDisk(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=48m") == 0;
  }
  ~SmallDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
  }
  bool mounted() const { return mounted_; }

 private:
  const std::string folder_;
  bool mounted_ = false;
};

// What was answered is kept, what was not is refused by name, and the process goes on.
TEST(FullDisk, ADurableQueueRefusesWhatItCannotKeepAndKeepsWhatItAnswered) {
  RollsiteProcess far("127.0.0.22", "10000", Table("10000", ""),
                      "eggroll.rollsite.queue.durable=true\n"
                      "eggroll.rollsite.queue.memory.bytes=2000000\n");
  const SmallDisk disk(far.queue_folder());
  if (!disk.mounted()) GTEST_SKIP() << "mounting is not allowed here";
  far.Start();
  ASSERT_TRUE(far.WaitUntilReady()) << far.Log();
  Site near("127.0.0.21", "9999", Table("9999", Route("10000", "127.0.0.22", far.port())));
  QueueStub pusher(near.channel());
  auto text = [](int i) { return fmt::format("{}:", i) + std::string(1 << 20, 'd'); };
  int stored = 0;
  std::string answer;
  while (stored < 100 &&
         (answer = pusher.Push({.target = "10000"}, "t", text(stored))) == kStored) {
    ++stored;
  }
  EXPECT_GE(stored, 5);
  EXPECT_LT(stored, 48);
  EXPECT_THAT(answer.substr(0, 600),
              AllOf(HasSubstr("status 8 "), HasSubstr("PARTY_10000"), HasSubstr("to party 10000"),
                    HasSubstr("is full"), HasSubstr("free some space, or pop or release"),
                    Not(HasSubstr("check that fate-rollsite runs"))));

  far.Kill(SIGKILL);
  far.Start();
  ASSERT_TRUE(far.WaitUntilReady()) << far.Log();
  QueueStub popper(ChannelTo(far.address().ToString()));
  for (int i = 0; i < stored; ++i) {
    const std::string popped = popper.Pop("t", 5'000);
    ASSERT_TRUE(popped.ends_with("|" + text(i)))
        << i << " of " << stored << ": " << popped.substr(0, 200) << "\n"
        << far.Log();
  }
  EXPECT_EQ(popper.Pop("t", 1), kExpired) << "what was refused is not there";
  EXPECT_EQ(popper.Release("s"), kStored);
  EXPECT_TRUE(Within(15s, [&] {
    return pusher.Push({.target = "10000"}, "t", text(0)) == kStored;
  })) << "there is room again";
}

// Pops and pushes without a gRPC library, which would need more memory than what is tested.
class ManyCalls {
 public:
  ManyCalls(relay::EventLoop* loop, relay::Address to)
      : loop_(loop), to_(std::move(to)), upstreams_(loop) {}

  void Begin(const char* method, const std::string& message,
             std::function<void(const std::string&)> done) {
    calls_.push_back(relay::ClientCall::Unary(
        &upstreams_,
        {.address = to_,
         .path = fmt::format("/org.ppc.ptp.PrivateTransferTransport/{}", method),
         .metadata = {{"x-ptp-session-id", "s"},
                      {"x-ptp-tech-provider-code", "FATE"},
                      {"x-ptp-from-node-id", "9999"},  // one's own calls have no quota
                      {"x-ptp-target-node-id", "9999"}},
         .timeout = absl::Seconds(60)},
        message, [done = std::move(done)](const absl::StatusOr<std::string>& answer) {
          done(answer.ok() ? *answer : ToText(answer.status()));
        }));
  }
  // Once `condition` holds, looked at every few milliseconds, `then`; after 20 s the loop ends.
  void When(std::function<bool()> condition, std::function<void()> then) {
    When(std::move(condition), std::move(then), loop_->Now() + absl::Seconds(20));
  }

 private:
  void When(std::function<bool()> condition, std::function<void()> then, absl::Time give_up) {
    if (condition()) return then();
    if (loop_->Now() > give_up) return loop_->Stop();
    loop_->After(absl::Milliseconds(20), [=, this] { When(condition, then, give_up); });
  }

  relay::EventLoop* const loop_;
  const relay::Address to_;
  relay::Upstreams upstreams_;
  std::vector<std::shared_ptr<relay::ClientCall>> calls_;
};

// spec/rollsite.md 15, case 54
class ManyPops : public ::testing::Test {
 protected:
  static constexpr int kPops = 10'000;
  ManyPops()
      : site_("127.0.0.28", "9999", Table("9999", ""), "eggroll.log.level=warning\n"),
        answers_(kPops) {
    site_.Start();
    EXPECT_TRUE(site_.WaitUntilReady()) << site_.Log();
    calls_ = std::make_unique<ManyCalls>(&loop_, site_.address());
  }
  static std::string Topic(int i) { return fmt::format("t{}", i); }
  void Park() {
    for (int i = 0; i < kPops; ++i) {
      PopInbound pop;
      pop.set_topic(Topic(i));
      pop.set_timeout(60'000);
      calls_->Begin("pop", pop.SerializeAsString(), [this, i](const std::string& answer) {
        answers_[static_cast<size_t>(i)] = answer;
        ++answered_;
      });
    }
  }
  void Push() {
    for (int i = 0; i < kPops; ++i) {
      PushInbound push;
      push.set_topic(Topic(i));
      push.set_payload(fmt::format("message {}", i));
      calls_->Begin("push", push.SerializeAsString(), [this](const std::string&) { ++pushed_; });
    }
  }

  RollsiteProcess site_;
  relay::EventLoop loop_;
  std::unique_ptr<ManyCalls> calls_;
  std::vector<std::string> answers_;
  int answered_ = 0, pushed_ = 0;
};

TEST_F(ManyPops, TenThousandWaitWithoutThreadsInLittleMemoryAndAreAllAnswered) {
  // The threads that any call and any look at the metrics bring.
  QueueStub(ChannelTo(site_.address().ToString())).Pop("first", 1);
  ASSERT_EQ(site_.WaitingPops(), 0);
  const int64_t threads = site_.Kilobytes("Threads");
  constexpr int64_t kLateThreads = 3;  // of the start, on a busy machine
  [[maybe_unused]] const int64_t memory = site_.Kilobytes("RssAnon");
  bool parked = false;
  Park();
  calls_->When([&] { return site_.WaitingPops() == kPops || answered_ > 0; },
               [&] {
                 parked = true;
                 EXPECT_EQ(answered_, 0) << "too early";
                 EXPECT_LE(site_.Kilobytes("Threads"), threads + kLateThreads);
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
                 EXPECT_LT(site_.Kilobytes("RssAnon") - memory, 100 << 10);
#endif
                 Push();
                 calls_->When([&] { return answered_ == kPops && pushed_ == kPops; },
                              [&] { loop_.Stop(); });
               });
  loop_.Run();
  ASSERT_TRUE(parked) << site_.WaitingPops() << " wait";
  ASSERT_EQ(answered_, kPops);
  for (int i = 0; i < kPops; ++i) {
    TransportOutbound outbound;
    ASSERT_TRUE(outbound.ParseFromString(answers_[static_cast<size_t>(i)]));
    ASSERT_EQ(outbound.payload(), fmt::format("message {}", i));
  }
  EXPECT_LE(site_.Kilobytes("Threads"), threads + kLateThreads);
}

}  // namespace
}  // namespace fate::rollsite
