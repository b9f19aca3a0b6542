// Polling with this rollsite at both ends, and at the party's end with an exchange made by hand
// (spec/rollsite.md 8.4, 14; 15, cases 49 and 50).
#include <atomic>

#include "rollsite/egg_stub.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::PollingFrame;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using namespace std::chrono_literals;

// An exchange that is no rollsite: plays a script on each stream that a party opens.
class HandMadeExchange final : public DataTransferService::Service {
 public:
  using Stream = grpc::ServerReaderWriter<PollingFrame, PollingFrame>;
  using Script = std::function<void(int number, const PollingFrame& first, Stream* stream)>;

  explicit HandMadeExchange(Script script) : script_(std::move(script)) {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.33:0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server_ = builder.BuildAndStart();
  }
  ~HandMadeExchange() override {
    stop_ = true;
    stop_.notify_all();
    server_->Shutdown(std::chrono::system_clock::now());
  }
  grpc::Status polling(grpc::ServerContext*, Stream* stream) override {
    PollingFrame first;
    if (!stream->Read(&first)) return grpc::Status::OK;
    script_(++opened, first, stream);
    return grpc::Status::OK;
  }
  // Keeps a stream open without a call.
  void Hold() const { stop_.wait(false); }

  int port = 0;
  std::atomic<int> opened = 0;

 private:
  const Script script_;
  std::atomic<bool> stop_ = false;
  std::unique_ptr<grpc::Server> server_;
};

// Party 10000, whose eggs are the fake ones, polls the exchange at `port`.
class PollingEnds : public ::testing::Test {
 protected:
  PollingEnds() : manager_(egg_.server_->port()) {}

  void StartParty(const std::string& exchange_host, int port, int streams) {
    const std::string table = fmt::format(
        R"({{"route_table": {{"default": {{"default": {}}}}}, "self_party": ["10000"]}})",
        EndpointJson(exchange_host, port));
    party_ = std::make_unique<Site>("127.0.0.34", "10000", table,
                                    relay::Address{"127.0.0.27", manager_.server_->port()},
                                    [streams](Config* config) {
                                      config->polling_client = true;
                                      config->polling_streams = streams;
                                    });
  }
  static PollingFrame Push(int64_t seq, const Packet& packet) {
    PollingFrame frame;
    frame.set_method("push");
    frame.set_seq(seq);
    *frame.mutable_packet() = packet;
    return frame;
  }
  static std::string AckOfHello() {
    PacketHeader ack = Hello().header();
    ack.set_ack(1);
    return ack.SerializeAsString();
  }

  FakeEgg egg_;
  FakeManager manager_;
  std::unique_ptr<Site> party_;
};

TEST_F(PollingEnds, Case49APushReachesTheEggsOfThePartyAndTheAckThePusher) {
  Site exchange("127.0.0.36", "",
                R"({"route_table": {"10000": {"default": [{"is_polling": true}]}},
                    "self_party": ["default"]})",
                {"127.0.0.1", 1}, [](Config* config) { config->polling_server = true; });
  StartParty("127.0.0.36", exchange.port(), 1);
  for (size_t round = 1; round <= 3; ++round) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    PacketHeader ack;
    auto writer = DataTransferService::NewStub(exchange.channel())->push(&context, &ack);
    writer->Write(Hello());
    writer->WritesDone();
    const grpc::Status status = writer->Finish();
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(ack.SerializeAsString(), AckOfHello());
    ASSERT_EQ(egg_.batches().size(), round);
    EXPECT_EQ(egg_.batches().back().data(), kPairBin);
    EXPECT_EQ(egg_.batches().back().header().ext(), kRsh);
  }
}

// A JVM's exchange repeats the last packet in the frame that ends the push.
TEST_F(PollingEnds, Case49ThePartysFramesAreThoseOfTheSpec) {
  std::atomic<bool> played = false;
  std::string opened, answer;
  bool ended = false;
  HandMadeExchange* self = nullptr;
  HandMadeExchange exchange(
      [&](int number, const PollingFrame& first, HandMadeExchange::Stream* stream) {
        if (number > 1) return self->Hold();
        opened = first.SerializeAsString();
        stream->Write(Push(1, Hello()));
        PollingFrame finish = Push(2, Hello());
        finish.set_method("sub_stream_finish");
        stream->Write(finish);
        PollingFrame frame;
        if (stream->Read(&frame)) answer = frame.SerializeAsString();
        ended = !stream->Read(&frame);
        played = true;
      });
  self = &exchange;
  StartParty("127.0.0.33", exchange.port, 1);
  ASSERT_TRUE(Within(10s, [&] { return played.load(); }));
  EXPECT_EQ(opened, Hex("52091a0712053130303030"));
  EXPECT_EQ(answer, Hex("0a04707573681001527b") + AckOfHello());
  EXPECT_TRUE(ended) << "the party half-closes after its answer";
  EXPECT_EQ(egg_.batches().size(), 1u) << "the packet of the last frame is not one more";
}

TEST_F(PollingEnds, AFailureOfThePartyIsPoison) {
  egg_.fail_task_ = true;
  std::atomic<bool> played = false;
  PollingFrame answer;
  HandMadeExchange* self = nullptr;
  HandMadeExchange exchange([&](int number, const PollingFrame&, HandMadeExchange::Stream* stream) {
    if (number > 1) return self->Hold();
    stream->Write(Push(1, Hello()));
    PollingFrame finish;
    finish.set_method("sub_stream_finish");
    finish.set_seq(2);
    stream->Write(finish);
    stream->Read(&answer);
    played = true;
  });
  self = &exchange;
  StartParty("127.0.0.33", exchange.port, 1);
  ASSERT_TRUE(Within(10s, [&] { return played.load(); }));
  EXPECT_EQ(answer.method(), "error_poison");
  EXPECT_THAT(answer.desc(), AllOf(HasSubstr("putBatch failed"), HasSubstr("disk full")));
  EXPECT_TRUE(Within(10s, [&] { return exchange.opened >= 2; })) << "the party polls again";
}

TEST_F(PollingEnds, Case50AStreamThatEndsQuietlyIsOpenedAgainAndNoErrorIsLogged) {
  testing::internal::CaptureStdout();
  {
    HandMadeExchange exchange([](int, const PollingFrame&, HandMadeExchange::Stream* stream) {
      stream->SendInitialMetadata();  // and ends, as after 300 s without a call
    });
    StartParty("127.0.0.33", exchange.port, 2);
    const auto start = std::chrono::steady_clock::now();
    EXPECT_TRUE(Within(10s, [&] { return exchange.opened >= 6; }));
    EXPECT_GT(std::chrono::steady_clock::now() - start, 2s) << "two streams, each three times";
    party_.reset();
  }
  EXPECT_THAT(testing::internal::GetCapturedStdout(),
              AllOf(HasSubstr("calls arrive by polling"), Not(HasSubstr("ERROR ")),
                    Not(HasSubstr("WARNING "))));
}

}  // namespace
}  // namespace fate::rollsite
