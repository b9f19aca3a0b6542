// A soak: two real rollsites under mixed load; memory at the end is what it was after the first
// fifth of the time. FATE_SOAK_SECONDS: 20; the long form of the suite takes 600, so that minute 2
// is compared with minute 10.
#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/process_support.h"
#include "rollsite/queue_stub.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using Clock = std::chrono::steady_clock;

class Sink final : public DataTransferService::Service {
 public:
  Sink() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.29:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status unaryCall(grpc::ServerContext*, const Packet* request, Packet* answer) override {
    *answer = *request;
    return grpc::Status::OK;
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader, Metadata*) override {
    Packet packet;
    while (reader->Read(&packet)) {
    }
    return grpc::Status::OK;
  }
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

class Soak : public ::testing::Test {
 protected:
  Soak()
      : far_("127.0.0.22", "10000", R"({"route_table": {}, "self_party": ["10000"]})", kQuiet),
        near_("127.0.0.21", "9999",
              fmt::format(R"({{"route_table": {{"10000": {{"default": {}}},
                               "10001": {{"default": {}}}}}, "self_party": ["9999"]}})",
                          EndpointJson("127.0.0.22", far_.port()),
                          EndpointJson("127.0.0.29", sink_.port)),
              kQuiet) {
    far_.Start();
    near_.Start();
    EXPECT_TRUE(far_.WaitUntilReady() && near_.WaitUntilReady());
    near_address_ = fmt::format("127.0.0.21:{}", near_.port());
    far_address_ = fmt::format("127.0.0.22:{}", far_.port());
  }

  void Fail(const std::string& what) {
    if (failures_++ < 5) ADD_FAILURE() << what.substr(0, 500);
  }
  // Each of these goes on until stop_.
  void Unary(size_t bytes) {
    DataTransferService::Stub stub(ChannelTo(near_address_));
    Packet request = PacketTo(bytes), answer;
    for (; !stop_; ++calls_) {
      grpc::ClientContext context;
      grpc::Status status = stub.unaryCall(&context, request, &answer);
      if (!status.ok()) Fail(status.error_message());
    }
  }
  void Bulk() {
    DataTransferService::Stub stub(ChannelTo(near_address_));
    Packet packet = PacketTo(1 << 20);
    for (; !stop_; ++calls_) {
      grpc::ClientContext context;
      Metadata answer;
      auto writer = stub.push(&context, &answer);
      for (int i = 0; i < 8; ++i) writer->Write(packet);
      writer->WritesDone();
      grpc::Status status = writer->Finish();
      if (!status.ok()) Fail(status.error_message());
    }
  }
  // Sessions of 50 topics that are released, a new connection for every message, as FATE has it.
  // Names come again: a gateway remembers the numbers of kMaxHopTopics topics that it has pushed to
  // (270 bytes each), and that is not what this test is about.
  void Queues() {
    for (int i = 0; !stop_; ++i, ++calls_, ++queued_) {
      QueueStub pusher(ChannelTo(near_address_)), popper(ChannelTo(far_address_));
      QueueStub::Metadata metadata{.session = fmt::format("job-{}", i / 50 % 8), .target = "10000"};
      std::string topic = fmt::format("topic-{}", i % 50),
                  payload(static_cast<size_t>(i) * 7'919 % 50'000, 'q');
      std::string pushed = pusher.Push(metadata, topic, payload);
      if (!pushed.starts_with("E0000000000|")) Fail(pushed);
      std::string popped = popper.Pop(topic, 10'000, {.session = metadata.session});
      if (popped != "E0000000000||" + payload) Fail(popped);
      if (i % 50 == 49) popper.Release(metadata.session);
    }
  }
  void ParkedPops() {
    QueueStub popper(ChannelTo(far_address_));
    for (int i = 0; !stop_; ++i, ++calls_) {
      std::string popped = popper.Pop(fmt::format("never-{}", i), 50, {.session = "parked"});
      if (popped.find("E0000000601") == std::string::npos) Fail(popped);
      if (i % 20 == 19) popper.Release("parked");
    }
  }

  static Packet PacketTo(size_t bytes) {
    Packet packet;
    packet.mutable_header()->mutable_dst()->set_partyid("10001");
    packet.mutable_body()->set_value(std::string(bytes, 's'));
    return packet;
  }
  // kB; the median of a while.
  static int64_t Memory(const RollsiteProcess& process, std::chrono::milliseconds time) {
    std::vector<int64_t> samples;
    for (auto end = Clock::now() + time; Clock::now() < end;) {
      samples.push_back(process.Kilobytes("RssAnon"));
      std::this_thread::sleep_for(time / 50);
    }
    std::sort(samples.begin(), samples.end());
    return samples[samples.size() / 2];
  }

  static constexpr char kQuiet[] = "eggroll.log.level=warning\n";
  Sink sink_;
  RollsiteProcess far_, near_;
  std::string near_address_, far_address_;
  std::atomic<bool> stop_ = false;
  std::atomic<int64_t> calls_ = 0, queued_ = 0, failures_ = 0;
};

TEST_F(Soak, MemoryStaysUnderMixedLoad) {
  const char* setting = getenv("FATE_SOAK_SECONDS");
  const int seconds = setting ? ParseInt<int>(setting).value_or(20) : 20;
  std::vector<std::thread> load;
  load.emplace_back([&] { Unary(1'000); });
  load.emplace_back([&] { Unary(64'000); });
  load.emplace_back([&] { Bulk(); });
  load.emplace_back([&] { Queues(); });
  for (int i = 0; i < 4; ++i) load.emplace_back([&] { ParkedPops(); });

  const auto tenth = std::chrono::milliseconds(seconds * 100);
  const auto start = Clock::now();
  std::this_thread::sleep_until(start + tenth * 15 / 10);
  const int64_t near_early = Memory(near_, tenth / 2), far_early = Memory(far_, tenth / 2);
  std::this_thread::sleep_until(start + tenth * 9);
  const int64_t near_late = Memory(near_, tenth / 2), far_late = Memory(far_, tenth / 2);
  stop_ = true;
  for (auto& thread : load) thread.join();
  EXPECT_EQ(failures_, 0) << "of " << calls_;
  EXPECT_GT(calls_, seconds * 20);
  // A short run measures the noise of the allocator, too.
  const double early = static_cast<double>(near_early + far_early);
  const double late = static_cast<double>(near_late + far_late);
  EXPECT_LE(late, early * 1.05 + (seconds < 300 ? 3 << 10 : 0));
  std::printf(
      "%d s, %ld calls, %ld of queues: %ld + %ld kB at one fifth, %ld + %ld kB at the end\n",
      seconds, calls_.load(), queued_.load(), near_early, far_early, near_late, far_late);
}

}  // namespace
}  // namespace fate::rollsite
