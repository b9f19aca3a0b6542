// Real gRPC clients and servers on both sides of the relay, on 127.0.0.x.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include "relay/raw_client.h"
#include "relay/test_support.h"

namespace fate::relay {
namespace {

// Takes data without returning its window.
class NeverReads final : public StreamHandler {
  void OnData(Slice) override {}
  void OnEnd(Headers) override {}
  void OnClosed(const absl::Status&) override {}
};

class RelayTest : public ::testing::Test {
 protected:
  RelayTest() : relay_({"127.0.0.3", backend_.port_}), stub_(relay_.NewChannel()) {}

  grpc::Status Call(const Packet& request, Packet* response,
                    std::chrono::milliseconds timeout = 20s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    return stub_.unaryCall(&context, request, response);
  }

  Backend backend_;
  Relay relay_;
  DataTransferService::Stub stub_;
};

TEST_F(RelayTest, PassesUnaryCallsOfAnySizeUnchanged) {
  for (size_t bytes : {size_t{0}, size_t{1}, size_t{1000}, size_t{70'000}, size_t{20} << 20}) {
    Packet request = PacketOf("echo", bytes), response;
    grpc::ClientContext context;
    grpc::Status status = stub_.unaryCall(&context, request, &response);
    ASSERT_TRUE(status.ok()) << status.error_message();
    EXPECT_EQ(request.SerializeAsString(), response.SerializeAsString()) << bytes;
    EXPECT_EQ(context.GetServerTrailingMetadata().count("x-tail"), 1u);
  }
}

TEST_F(RelayTest, PassesStatusAndTextOfThePeer) {
  Packet response;
  grpc::Status status = Call(PacketOf("fail"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_EQ(status.error_message(), "not now: 100% \xc3\xa4");
}

TEST_F(RelayTest, CarriesLongStreamsBothWays) {
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub_.push(&context, &answer);
  for (int i = 0; i < 100; ++i) ASSERT_TRUE(writer->Write(PacketOf("", 1 << 20)));
  writer->WritesDone();
  ASSERT_TRUE(writer->Finish().ok());
  EXPECT_EQ(answer.ack(), 100 << 20);

  grpc::ClientContext pull_context;
  Metadata ask;
  ask.set_seq(100);
  auto reader = stub_.pull(&pull_context, ask);
  Packet packet;
  int packets = 0;
  while (reader->Read(&packet)) ++packets;
  EXPECT_TRUE(reader->Finish().ok());
  EXPECT_EQ(packets, 100);
}

// spec/rollsite.md 15 case 32
TEST_F(RelayTest, TheCallersDeadlineEndsTheCallAndReachesThePeer) {
  Packet response;
  auto start = std::chrono::steady_clock::now();
  grpc::Status status = Call(PacketOf("hang"), &response, 300ms);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 2s);
  EXPECT_TRUE(Within(2s, [&] { return backend_.cancelled_ == 1; }));
  EXPECT_TRUE(Within(2s, [&] { return relay_.finished_ == 1; }));
}

// spec/rollsite.md 15 case 33
TEST_F(RelayTest, CancellationInTheMiddleOfAPushReachesThePeer) {
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub_.push(&context, &answer);
  ASSERT_TRUE(writer->Write(PacketOf("hang")));
  ASSERT_TRUE(Within(5s, [&] { return backend_.hanging_ == 1; }));
  context.TryCancel();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::CANCELLED);
  EXPECT_TRUE(Within(1s, [&] { return backend_.cancelled_ == 1; }));
}

TEST_F(RelayTest, AClientThatVanishesCancelsItsCalls) {
  EventLoop loop;
  auto upstreams = std::make_unique<Upstreams>(&loop);
  auto call = ClientCall::Start(
      upstreams.get(),
      {.address = {"127.0.0.2", relay_.port_},
       .path = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/push"},
      [](absl::StatusOr<std::string>) {});
  std::string packet = PacketOf("hang").SerializeAsString();
  call->Send(Slice::Take(FrameHead(packet.size()) + packet));
  std::thread thread([&] { loop.Run(); });
  EXPECT_TRUE(Within(5s, [&] { return backend_.hanging_ == 1; }));
  loop.Stop();
  thread.join();
  upstreams.reset();  // closes the connection without a word
  EXPECT_TRUE(Within(2s, [&] { return backend_.cancelled_ == 1; }));
}

TEST_F(RelayTest, AnEarlyAnswerReachesAClientThatStillSends) {
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub_.push(&context, &answer);
  Packet enough = PacketOf("enough", 1 << 20);
  while (writer->Write(enough)) {
  }
  grpc::Status status = writer->Finish();
  EXPECT_EQ(status.error_code(), grpc::StatusCode::ABORTED);
  EXPECT_EQ(status.error_message(), "enough");
}

// spec/rollsite.md 15 cases 34, 35: a receiver that does not read stops the sender, not the others.
TEST_F(RelayTest, StalledStreamsHoldOneWindowEachAndBlockNobody) {
  constexpr int kStalled = 8;
  std::vector<std::thread> threads;
  std::atomic<int> writes = 0;
  std::vector<std::unique_ptr<grpc::ClientContext>> contexts;
  for (int i = 0; i < kStalled; ++i) contexts.push_back(std::make_unique<grpc::ClientContext>());
  for (int i = 0; i < kStalled; ++i) {
    threads.emplace_back([&, i] {
      Metadata answer;
      auto writer = stub_.push(contexts[i].get(), &answer);
      writer->Write(PacketOf("hang"));
      while (writer->Write(PacketOf("", 1 << 20))) ++writes;
      writer->Finish();
    });
  }
  EXPECT_TRUE(Within(5s, [&] { return backend_.hanging_ == kStalled; }));
  int seen = -1;
  EXPECT_TRUE(Within(10s, [&] {  // until nothing moves any more
    std::this_thread::sleep_for(100ms);
    int before = std::exchange(seen, writes.load());
    return before == seen;
  }));
  Packet response;
  EXPECT_TRUE(Call(PacketOf("echo", 1000), &response, 2s).ok());
  // The windows of both sides, the relay's stream and the sockets take a few MB, not the 4 GB
  // that could have been sent meanwhile.
  EXPECT_LT(writes, kStalled * 12);
  for (auto& context : contexts) context->TryCancel();
  for (auto& thread : threads) thread.join();
}

TEST_F(RelayTest, LocalCallsMayBeAnsweredLater) {
  auto channel = relay_.NewChannel();
  grpc::ClientContext context;
  Packet request = PacketOf("x", 100'000), response;
  grpc::Status status = CallPath(channel, "/local/later", &context, request, &response);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(response.body().value().size(), 100'000u);
}

// What is to be done if the client leaves often holds the call itself.
TEST_F(RelayTest, ACallThatIsOverHoldsNothing) {
  const auto channel = relay_.NewChannel();
  for (const char* path : {"/local/answer", "/local/later", "/local/park"}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 300ms);
    Packet response;
    CallPath(channel, path, &context, PacketOf("x"), &response);
    relay_.loop_->Post([this] { relay_.parked_.clear(); });
    EXPECT_TRUE(Within(5s, [&] { return relay_.alive_.use_count() == 1; })) << path;
  }
}

TEST_F(RelayTest, AParkedCallEndsWithItsDeadlineAndTellsItsOwner) {
  auto channel = relay_.NewChannel();
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 200ms);
  Packet request, response;
  grpc::Status status = CallPath(channel, "/local/park", &context, request, &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_TRUE(Within(2s, [&] { return relay_.cancelled_ == 1; }));
}

TEST_F(RelayTest, AnAnswerThatWasWrittenIsToldFromOneThatCouldNotBe) {
  auto channel = relay_.NewChannel();
  grpc::ClientContext context;
  Packet request, response;
  ASSERT_TRUE(CallPath(channel, "/local/large", &context, request, &response).ok());
  EXPECT_EQ(context.GetServerInitialMetadata().count("x-extra"), 1u);
  EXPECT_TRUE(Within(2s, [&] { return relay_.written_ == 1; }));

  // A client that reads nothing of the answer and goes away.
  auto upstreams_loop = std::make_unique<EventLoop>();
  auto upstreams = std::make_unique<Upstreams>(upstreams_loop.get());
  auto reader = std::make_shared<NeverReads>();
  Stream* stream = upstreams->Open({"127.0.0.2", relay_.port_}, Lane::kBulk,
                                   RequestHead("/local/large", "x", absl::InfiniteDuration()),
                                   /*end=*/false, reader);
  stream->SendData(Slice::Take(FrameHead(0)));
  stream->SendEnd();
  std::thread thread([&] { upstreams_loop->Run(); });
  EXPECT_TRUE(Within(5s, [&] { return relay_.answered_ == 2; }));
  upstreams_loop->Stop();
  thread.join();
  EXPECT_EQ(relay_.unwritten_, 0) << "the client may still read";
  upstreams.reset();
  EXPECT_TRUE(Within(2s, [&] { return relay_.unwritten_ == 1; }));
  EXPECT_EQ(relay_.written_, 1);
}

TEST_F(RelayTest, APeerThatDiesEndsTheCallAsUnavailable) {
  grpc::ClientContext context;
  Metadata answer;
  auto writer = stub_.push(&context, &answer);
  ASSERT_TRUE(writer->Write(PacketOf("hang")));
  ASSERT_TRUE(Within(5s, [&] { return backend_.hanging_ == 1; }));
  std::thread stop([&] { backend_.server_->Shutdown(std::chrono::system_clock::now()); });
  grpc::Status status = writer->Finish();
  stop.join();
  EXPECT_FALSE(status.ok());
}

TEST(RelayPeers, ThePeersStreamLimitIsHonoured) {
  Backend backend(/*max_streams=*/1);
  Relay relay({"127.0.0.3", backend.port_});
  auto channel = relay.NewChannel();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 40; ++i) {
    threads.emplace_back([&] {
      DataTransferService::Stub stub(channel);
      grpc::ClientContext context;
      context.set_deadline(std::chrono::system_clock::now() + 20s);
      Packet response;
      if (stub.unaryCall(&context, PacketOf("echo", 10'000), &response).ok()) ++good;
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

// A listener that is no gRPC server: says `greeting` and nothing else.
class OddListener {
 public:
  explicit OddListener(std::string greeting) : greeting_(std::move(greeting)) {
    fd_ = socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, "127.0.0.3", &address.sin_addr);
    EXPECT_EQ(bind(fd_, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
    EXPECT_EQ(listen(fd_, 8), 0);
    socklen_t size = sizeof address;
    getsockname(fd_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] {
      int client = accept(fd_, nullptr, nullptr);
      if (client < 0) return;
      EXPECT_EQ(send(client, greeting_.data(), greeting_.size(), MSG_NOSIGNAL),
                static_cast<ssize_t>(greeting_.size()));
      char buffer[4096];
      while (recv(client, buffer, sizeof buffer, 0) > 0) {
      }
      close(client);
    });
  }
  ~OddListener() {
    shutdown(fd_, SHUT_RDWR);
    thread_.join();
    close(fd_);
  }
  std::string greeting_;
  int fd_ = -1, port_ = 0;
  std::thread thread_;
};

grpc::Status CallThrough(Address upstream) {
  Relay relay(std::move(upstream));
  DataTransferService::Stub stub(relay.NewChannel());
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  Packet response;
  return stub.unaryCall(&context, PacketOf("echo"), &response);
}

TEST(RelayPeers, AnUnreachablePeerIsNamedWithTheRemedy) {
  int port = Backend().port_;  // free again
  grpc::Status status = CallThrough({"127.0.0.3", port});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_EQ(status.error_message(),
            fmt::format("party 10000: cannot connect to 127.0.0.3:{}: Connection refused; is its "
                        "rollsite running?",
                        port));
}

TEST(RelayPeers, AHostNameThatDoesNotResolveIsNamed) {
  grpc::Status status = CallThrough({"no-such-host.invalid", 9370});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("cannot resolve the host name no-such-host"));
}

TEST(RelayPeers, AHostNameThatResolvesIsReached) {
  Backend backend;
  grpc::Status status = CallThrough({"localhost", backend.port_});
  // The backend listens on 127.0.0.3 only; that the refusal is a connect error shows the lookup.
  EXPECT_THAT(status.error_message(), HasSubstr("cannot connect to localhost:"));
}

TEST(RelayPeers, AWrongPortIsRecognised) {
  OddListener ssh("SSH-2.0-OpenSSH_9.2\r\n");
  grpc::Status status = CallThrough({"127.0.0.3", ssh.port_});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), AllOf(HasSubstr("does not answer in HTTP/2 (gRPC)"),
                                            HasSubstr("is the port right?")));
}

TEST(RelayPeers, ASilentPortIsGivenUp) {
  OddListener silent("");
  auto start = std::chrono::steady_clock::now();
  grpc::Status status = CallThrough({"127.0.0.3", silent.port_});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(), HasSubstr("silent for 5 s; is the port right?"));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 10s);
}

TEST(RelayPeers, ACircleOfRoutesIsCut) {
  Relay relay({"127.0.0.3", 1});
  DataTransferService::Stub stub(relay.NewChannel());
  grpc::ClientContext context;
  context.AddMetadata("x-fate-hops", "8");  // has been passed on eight times
  Packet response;
  grpc::Status status = stub.unaryCall(&context, PacketOf("echo"), &response);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::FAILED_PRECONDITION);
  EXPECT_THAT(status.error_message(), HasSubstr("round in a circle"));
}

// The server's settings wait for the answer of a call that came with the connection, but not long,
// and for nobody else.
TEST_F(RelayTest, SettingsComeFirstAndSoon) {
  const auto call = [](std::string_view path) {
    return raw::Preface() +
           raw::Frame(raw::kHeaders, raw::kEndHeaders, 1, raw::RequestBlock(path)) +
           raw::Frame(raw::kData, raw::kEndStream, 1, std::string(5, '\0'));
  };
  const std::string half = raw::Preface() + raw::Frame(raw::kHeaders, raw::kEndHeaders, 1,
                                                       raw::RequestBlock("/local/answer"));
  for (const std::string& sent :
       {raw::Preface(), half, call("/local/park"), call("/local/answer")}) {
    raw::Client client(relay_.port_);
    ASSERT_TRUE(client.Send(sent));
    EXPECT_TRUE(Within(5s, [&] {
      client.Receive(10ms);
      return client.Has(raw::kSettings, 0);
    })) << sent;
    EXPECT_EQ(client.received()[3], raw::kSettings);
  }
}

TEST(RelayPeers, AnHttp1ClientIsToldWhatThePortIs) {
  Relay relay({"127.0.0.3", 1});
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(relay.port_));
  inet_pton(AF_INET, "127.0.0.2", &address.sin_addr);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  ASSERT_EQ(send(fd, request.data(), request.size(), 0), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[1024];
  for (ssize_t n; (n = recv(fd, buffer, sizeof buffer, 0)) > 0;)
    answer.append(buffer, static_cast<size_t>(n));
  close(fd);
  EXPECT_THAT(answer, HasSubstr("This port speaks gRPC"));
}

}  // namespace
}  // namespace fate::relay
