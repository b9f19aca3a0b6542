// Faults of networks and peers between two gateways, as their callers see them.
#include "fault/fault_proxy.h"
#include "proxy/proxy.grpc.pb.h"
#include "relay/raw_client.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using fault::Fault;
using fault::Proxy;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;

// Another party's gateway: answers with the request, and counts what is pushed.
class Peer final : public DataTransferService::Service {
 public:
  Peer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.27:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  ~Peer() override { server->Shutdown(std::chrono::system_clock::now()); }
  grpc::Status unaryCall(grpc::ServerContext*, const Packet* request, Packet* answer) override {
    *answer = *request;
    return grpc::Status::OK;
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* answer) override {
    Packet packet;
    int64_t bytes = 0;
    while (reader->Read(&packet)) {
      bytes += static_cast<int64_t>(packet.body().value().size());
      ++packets;
    }
    answer->set_ack(bytes);
    return grpc::Status::OK;
  }
  int port = 0;
  std::atomic<int> packets = 0;
  std::unique_ptr<grpc::Server> server;
};

Packet PacketTo(const std::string& party, size_t bytes) {
  Packet packet;
  packet.mutable_header()->mutable_dst()->set_partyid(party);
  packet.mutable_body()->set_value(std::string(bytes, 'x'));
  return packet;
}

std::string Route(const std::string& party, const std::string& host, int port) {
  return fmt::format(R"("{}": {{"default": {}}})", party, EndpointJson(host, port));
}

std::string Table(const std::string& routes, const std::string& self = "9999") {
  return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"]}})", routes, self);
}

// Party 10000 behind the proxy, party 10001 the same peer without it.
class FaultTest : public ::testing::Test {
 protected:
  FaultTest()
      : proxy_({"127.0.0.27", peer_.port}),
        site_("127.0.0.21", "9999",
              Table(Route("10000", "127.0.0.26", proxy_.port()) + "," +
                    Route("10001", "127.0.0.27", peer_.port))),
        stub_(site_.channel()) {}

  grpc::Status Call(const std::string& party = "10000", size_t bytes = 1000,
                    std::chrono::milliseconds timeout = 15s) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + timeout);
    Packet request = PacketTo(party, bytes), answer;
    grpc::Status status = stub_.unaryCall(&context, request, &answer);
    if (status.ok()) {
      EXPECT_EQ(answer.SerializeAsString(), request.SerializeAsString());
    }
    return status;
  }
  grpc::Status Push(int packets, size_t bytes, int64_t* ack, std::function<void(int)> before = {}) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 15s);
    Metadata answer;
    auto writer = stub_.push(&context, &answer);
    Packet packet = PacketTo("10000", bytes);
    for (int i = 0; i < packets; ++i) {
      if (before) before(i);
      if (!writer->Write(packet)) break;
    }
    writer->WritesDone();
    grpc::Status status = writer->Finish();
    *ack = answer.ack();
    return status;
  }
  // A failure as it must be told: who, where, what to do.
  void ExpectNamesTheHop(const grpc::Status& status) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE) << status.error_message();
    EXPECT_THAT(status.error_message(),
                AllOf(HasSubstr("party 10000"), HasSubstr("route_table.10000.default"),
                      HasSubstr(fmt::format("127.0.0.26:{}", proxy_.port())), HasSubstr("; ")));
  }

  Peer peer_;
  Proxy proxy_;
  Site site_;
  DataTransferService::Stub stub_;
};

TEST_F(FaultTest, AConnectionResetInTheMiddleOfAPushIsToldAndTheNextCallWorks) {
  int64_t ack = 0;
  grpc::Status status = Push(200, 1 << 20, &ack, [&](int i) {
    if (i != 20) return;
    EXPECT_TRUE(Within(5s, [&] { return peer_.packets > 0; }));
    proxy_.ResetAll();
  });
  ExpectNamesTheHop(status);
  EXPECT_TRUE(Call().ok());
  EXPECT_EQ(proxy_.connections(), 2) << "one connection was reset, one made anew";
}

TEST_F(FaultTest, AConnectionCutAnywhereIsNeverASuccessAndNeverHangs) {
  int failed = 0;
  for (uint64_t bytes : {0, 1, 9, 24, 60, 100, 300, 900, 1200, 5'000, 60'000, 100'000}) {
    for (Fault::End end : {Fault::End::kClose, Fault::End::kReset}) {
      proxy_.Set({.end = end, .end_after_bytes = bytes});
      proxy_.ResetAll();
      auto start = Clock::now();
      grpc::Status status = Call("10000", 100'000);
      EXPECT_LT(Clock::now() - start, 8s) << bytes;
      if (status.ok()) continue;
      ++failed;
      ExpectNamesTheHop(status);
    }
  }
  EXPECT_EQ(failed, 24);
  proxy_.Set({});
  EXPECT_TRUE(Call().ok());
}

// A listener that accepts and never answers is found before any caller's deadline.
TEST_F(FaultTest, AHalfOpenPeerIsGivenUpAfterFiveSeconds) {
  proxy_.Set({.silent = true});
  auto start = Clock::now();
  grpc::Status status = Call();
  EXPECT_LT(Clock::now() - start, 8s);
  ExpectNamesTheHop(status);
  EXPECT_THAT(status.error_message(), HasSubstr("silent for 5 s"));
}

// Half-open in the middle of a call: there is no FIN, and no deadline.
TEST(Vanished, APeerThatIsGoneWithoutAWordEndsItsCallsByName) {
  Peer peer;
  Proxy proxy({"127.0.0.27", peer.port});
  Site site("127.0.0.21", "9999",
            Table(Route("10000", "127.0.0.26", proxy.port()) + "," +
                  Route("10001", "127.0.0.27", peer.port)),
            {"127.0.0.1", 1}, [](Config* config) {
              config->keep_alive = {absl::Milliseconds(200), absl::Milliseconds(300)};
            });
  DataTransferService::Stub stub(site.channel());
  auto call = [&](const std::string& party) {
    grpc::ClientContext context;
    Packet answer;
    return stub.unaryCall(&context, PacketTo(party, 1000), &answer);
  };
  ASSERT_TRUE(call("10000").ok());
  grpc::ClientContext context;
  Metadata answer;
  auto push = stub.push(&context, &answer);
  ASSERT_TRUE(push->Write(PacketTo("10000", 1000)));
  EXPECT_TRUE(Within(5s, [&] { return peer.packets == 1; }));
  proxy.Set({.silent = true});
  auto start = Clock::now();
  const grpc::Status status = push->Finish();
  EXPECT_LT(Clock::now() - start, 5s);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(status.error_message(),
              AllOf(HasSubstr("party 9999 to party 10000"), HasSubstr("route_table.10000.default"),
                    HasSubstr(fmt::format("127.0.0.26:{} has vanished", proxy.port())),
                    HasSubstr("it does not answer a PING"), HasSubstr("; ")));
  EXPECT_TRUE(call("10001").ok());
  proxy.Set({});
  EXPECT_TRUE(call("10000").ok()) << "over a new connection";
}

TEST_F(FaultTest, APeerThatFallsSilentEndsTheCallAtItsDeadlineOnly) {
  ASSERT_TRUE(Call().ok());
  proxy_.Set({.silent = true});
  auto start = Clock::now();
  grpc::Status status = Call("10000", 1000, 700ms);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(Clock::now() - start, 3s);
  EXPECT_TRUE(Call("10001").ok()) << "others are served meanwhile";
  proxy_.Set({});
  EXPECT_TRUE(Call().ok());
}

TEST_F(FaultTest, DelayedAndThrottledPeersAreServedAndDelayNobodyElse) {
  proxy_.Set({.delay = 20ms});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(Call().ok());
  proxy_.Set({.bytes_per_second = 4 << 20});
  int64_t ack = 0;
  auto start = Clock::now();
  std::atomic<bool> done = false;
  std::thread others([&] {
    while (!done) {
      auto before = Clock::now();
      EXPECT_TRUE(Call("10001").ok());
      EXPECT_LT(Clock::now() - before, 1s);
    }
  });
  EXPECT_TRUE(Push(8, 1 << 20, &ack).ok());
  done = true;
  others.join();
  EXPECT_EQ(ack, 8 << 20);
  EXPECT_GT(Clock::now() - start, 1s) << "8 MB at 4 MB/s";
}

TEST_F(FaultTest, TheTableIsReadAgainUnderLoadWithoutAFailedCall) {
  std::atomic<int> calls = 0, failed = 0;
  std::atomic<bool> done = false;
  std::vector<std::thread> callers;
  for (int i = 0; i < 3; ++i) {
    callers.emplace_back([&] {
      while (!done) {
        if (!Call().ok()) ++failed;
        ++calls;
      }
    });
  }
  auto end = Clock::now() + 3500ms;
  for (int i = 0; Clock::now() < end; ++i) {
    bool direct = i % 2 == 0;
    site_.WriteTable(i % 3 == 2 ? "{ this is no table"
                                : Table(Route("10000", direct ? "127.0.0.27" : "127.0.0.26",
                                              direct ? peer_.port : proxy_.port())));
    int before = calls;
    Within(1100ms, [&] { return calls > before + 5'000 || Clock::now() >= end; });
  }
  done = true;
  for (auto& caller : callers) caller.join();
  EXPECT_EQ(failed, 0) << "of " << calls;
  EXPECT_GT(calls, 100);
}

TEST_F(FaultTest, APathWithControlBytesHarmsNobody) {
  using relay::raw::Frame;
  relay::raw::Client client(site_.port(), "127.0.0.21");
  std::string path = "/org.ppc.ptp.PrivateTransferTransport/push\x01\r\nx: y";
  ASSERT_TRUE(
      client.Send(relay::raw::Preface() + Frame(relay::raw::kHeaders, relay::raw::kEndHeaders, 1,
                                                relay::raw::RequestBlock(path))));
  EXPECT_TRUE(Within(5s, [&] {
    client.Receive(20ms);
    return client.ResetCode(1) >= 0;
  }));
  EXPECT_EQ(client.GoAwayCode(), -1);
  EXPECT_TRUE(Call().ok());
}

// Two gateways with a queue, the proxy between them.
class QueueFaultTest : public ::testing::Test {
 protected:
  QueueFaultTest()
      : far_("127.0.0.22", "10000", Table("", "10000")),
        proxy_({"127.0.0.22", far_.port()}),
        near_("127.0.0.21", "9999", Table(Route("10000", "127.0.0.26", proxy_.port()))),
        pusher_(near_.channel()),
        popper_(far_.channel()) {}
  std::string Push(const std::string& topic, const std::string& payload) {
    return pusher_.Push({.target = "10000"}, topic, payload);
  }

  Site far_;
  Proxy proxy_;
  Site near_;
  QueueStub pusher_, popper_;
};

TEST_F(QueueFaultTest, APushThatIsCutOffArrivesOnceOrIsAnError) {
  const std::string payload(300'000, 'p');
  int good = 0;
  for (uint64_t bytes : {1, 30, 200, 1'000, 50'000, 250'000, 299'000, 300'500, 301'000}) {
    std::string topic = fmt::format("topic-{}", bytes);
    proxy_.ResetAll();
    proxy_.Set({.end = Fault::End::kReset, .end_after_bytes = bytes});
    std::thread heal([&] {  // the first connection fails, later ones do not
      int before = proxy_.connections();
      Within(3s, [&] { return proxy_.connections() > before; });
      proxy_.Set({});
    });
    std::string answer = Push(topic, payload);
    heal.join();
    bool ok = answer.starts_with("E0000000000|");
    good += ok;
    if (!ok) {
      EXPECT_THAT(answer.substr(0, 1000), AllOf(HasSubstr("party 10000"), HasSubstr("127.0.0.26")));
    }
    std::string popped = popper_.Pop(topic, ok ? 5'000 : 1);
    if (ok) {
      EXPECT_TRUE(popped == "E0000000000||" + payload) << bytes << ": " << popped.substr(0, 100);
    }
    EXPECT_THAT(popper_.Pop(topic, 1), HasSubstr("E0000000601")) << "twice: " << bytes;
  }
  EXPECT_EQ(good, 9) << "between our gateways a push is asked about and repeated";
}

TEST_F(QueueFaultTest, TopicsWithControlBytesAreKeptApartAndGoThrough) {
  const std::string odd("a\0b\n\x1b[31m\x7f", 10);
  std::string pushed = Push(odd, "one");
  if (pushed.starts_with("E0000000000|")) {
    EXPECT_THAT(popper_.Pop("a", 1), HasSubstr("E0000000601"));
    EXPECT_THAT(popper_.Pop(odd, 5'000), HasSubstr("|one"));
  } else {
    EXPECT_THAT(pushed, HasSubstr("topic"));
  }
}

TEST(PeerDown, APeerThatIsDownAtStartIsNamedAndReachedOnceItIsUp) {
  int port = relay::Socket::Listen({"127.0.0.22", 0})->LocalPort();
  Site near("127.0.0.21", "9999", Table(Route("10000", "127.0.0.22", port)));
  QueueStub stub(near.channel());
  EXPECT_THAT(stub.Push({.target = "10000"}, "t", "early"),
              AllOf(HasSubstr("status 14"), HasSubstr("party 10000"),
                    HasSubstr(fmt::format("127.0.0.22:{}", port)), HasSubstr("refused"),
                    HasSubstr("route_table.10000.default")));
  Site far("127.0.0.22", "10000", Table("", "10000"), {"127.0.0.1", 1},
           [port](Config* config) { config->listen.port = port; });
  EXPECT_EQ(stub.Push({.target = "10000"}, "t", "late"), "E0000000000|success|");
  EXPECT_THAT(QueueStub(far.channel()).Pop("t", 5'000), HasSubstr("|late"));
}

}  // namespace
}  // namespace fate::rollsite
