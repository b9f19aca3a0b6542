// The rollsite program as an operator meets it: options, texts, exit codes, memory.
#include <signal.h>

#include <atomic>

#include "http/client.h"
#include "proxy/proxy.grpc.pb.h"
#include "relay/socket.h"
#include "rollsite/free_port.h"
#include "rollsite/process_support.h"
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

class ProcessTest : public ::testing::Test {
 protected:
  void WriteProperties(const std::string& more) { site_.WriteProperties("9999", more); }

  // Ends with the exit code `code`, having said `words`.
  template <class Matcher>
  void CheckConfig(int code, const Matcher& words) {
    site_.Start({"--config", config_, "--check-config"});
    EXPECT_EQ(site_.Wait(), code);
    EXPECT_THAT(site_.Log(), words);
  }
  void Start() {
    site_.Start({"--config", config_});
    ASSERT_TRUE(site_.WaitUntilReady()) << site_.Log();
  }

  RollsiteProcess site_{"127.0.0.28", "9999", R"({"route_table": {}, "self_party": ["9999"]})", ""};
  std::string config_ = site_.folder() / "eggroll.properties";
};

TEST_F(ProcessTest, CheckConfigSaysWhatIsWrongWhereAndWhatToDo) {
  CheckConfig(0, HasSubstr("is correct"));

  site_.WriteTable(R"({"route_table": {"10000": {"default": [{"ip": "h", "port": 93700}]}}})");
  CheckConfig(2, HasSubstr("route_table.json: route_table.10000.default[0].port is 93700; write "
                           "a port from 1 to 65535"));

  WriteProperties("eggroll.rollsite.port=abc\n");
  CheckConfig(2, AllOf(HasSubstr("eggroll.properties:8"), HasSubstr("eggroll.rollsite.port")));

  WriteProperties("eggroll.rollsite.host=somewhere\n");
  CheckConfig(2, HasSubstr("give a numeric address"));
}

TEST_F(ProcessTest, CheckConfigLooksIntoCertificates) {
  WriteProperties(
      "eggroll.core.security.crt.path=/nowhere/c.pem\n"
      "eggroll.core.security.key.path=/nowhere/k.pem\n");
  CheckConfig(2, HasSubstr("cannot read /nowhere/c.pem: No such file"));

  WriteProperties("eggroll.rollsite.inner.port=0\neggroll.rollsite.queue.clients=nobody\n");
  CheckConfig(2, HasSubstr("write all, loopback or inner"));

  WriteProperties("");
  site_.WriteTable(R"({"route_table": {"10000": {"default": [{"ip": "127.0.0.1", "port": 9371,
                 "useSSL": true, "caFile": "/nowhere/ca.pem", "certChainFile": "/nowhere/c.pem",
                 "privateKeyFile": "/nowhere/k.pem"}]}}})");
  CheckConfig(2, AllOf(HasSubstr("route_table.10000.default[0]"), HasSubstr("/nowhere/c.pem")));
}

TEST_F(ProcessTest, StartsServesAndStopsOnSigterm) {
  Start();
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(site_.Kill(SIGTERM), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_THAT(site_.Log(), HasSubstr("stopped"));
}

// spec/rollsite.md 5.3: the folder of an OSX, as it stands.
TEST_F(ProcessTest, StartsOnTheFilesOfAnOsx) {
  std::filesystem::create_directories(site_.folder() / "broker");
  std::filesystem::create_directories(site_.folder() / "components");
  std::filesystem::rename(site_.folder() / "route_table.json",
                          site_.folder() / "broker/route_table.json");
  const int http_port = FreePort("127.0.0.28");
  std::ofstream(site_.folder() / "broker/broker.properties") << fmt::format(
      "grpc.port={}\nbind.host=127.0.0.28\nself.party=9999\nfate.tech.provider=FATE\n"
      "eggroll.version=3.1.0\neggroll.cluster.manager.ip=127.0.0.1\n"
      "eggroll.cluster.manager.port=4670\nopen.http.server=true\nhttp.port={}\n"
      "mapped.file.dir={}\neggroll.rollsite.admin.port={}\n",
      site_.port(), http_port, (site_.folder() / "mapped").string(), site_.admin_port());
  std::ofstream(site_.folder() / "components/token_validator.properties") << "default.token=1234\n";
  config_ = site_.folder();
  CheckConfig(0, HasSubstr("is correct"));
  Start();
  QueueStub stub(ChannelTo(fmt::format("127.0.0.28:{}", site_.port())));
  EXPECT_EQ(stub.Push({.target = "9999"}, "t", "m"), "E0000000000|success|");
  const auto popped =
      http::Fetch({.method = "POST",
                   .url = fmt::format("http://127.0.0.28:{}/v1/interconn/chan/pop", http_port),
                   .headers = {{"x-ptp-tech-provider-code", "FATE"}, {"x-ptp-session-id", "s"}},
                   .body = R"({"topic": "t", "timeout": 300})"});
  ASSERT_TRUE(popped.ok()) << popped.status();
  EXPECT_EQ(popped->body, R"({"code":"E0000000000","msg":"","payload":"bQ=="})");
  EXPECT_EQ(site_.Kill(SIGTERM), 0);
}

TEST_F(ProcessTest, ATakenPortIsNamed) {
  auto taken = relay::Socket::Listen({"127.0.0.28", site_.port()});
  ASSERT_TRUE(taken.ok());
  site_.Start();
  EXPECT_EQ(site_.Wait(), 1);
  EXPECT_THAT(site_.Log(), HasSubstr(fmt::format("cannot listen on 127.0.0.28:{}", site_.port())));
}

// Takes packets, not faster than it likes.
class SlowPeer final : public DataTransferService::Service {
 public:
  SlowPeer() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.29:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    Metadata* answer) override {
    Packet packet;
    int64_t bytes = 0;
    while (reader->Read(&packet)) {
      bytes += static_cast<int64_t>(packet.body().value().size());
      std::this_thread::sleep_for(20ms);
    }
    answer->set_ack(bytes);
    return grpc::Status::OK;
  }
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

// spec/rollsite.md 15 case 34, scaled: messages larger than the bound, streams that wait.
TEST_F(ProcessTest, MemoryDoesNotDependOnTheSizeOfMessages) {
#ifdef __SANITIZE_ADDRESS__
  GTEST_SKIP() << "AddressSanitizer keeps what is freed for a while";
#endif
  SlowPeer peer;
  site_.WriteTable(
      fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}}, "self_party": ["9999"]}})",
                  EndpointJson("127.0.0.29", peer.port)));
  Start();
  auto channel = ChannelTo(fmt::format("127.0.0.28:{}", site_.port()));
  std::atomic<int> good = 0;
  std::vector<std::thread> pushers;
  for (int i = 0; i < 4; ++i) {
    pushers.emplace_back([&] {
      Packet packet;
      packet.mutable_header()->mutable_dst()->set_partyid("10000");
      packet.mutable_body()->set_value(std::string(48 << 20, 'x'));
      grpc::ClientContext context;
      Metadata answer;
      auto writer = DataTransferService::NewStub(channel)->push(&context, &answer);
      for (int n = 0; n < 3; ++n) writer->Write(packet);
      writer->WritesDone();
      if (writer->Finish().ok() && answer.ack() == 3 * (48 << 20)) ++good;
    });
  }
  for (auto& pusher : pushers) pusher.join();
  EXPECT_EQ(good, 4) << site_.Log();
  EXPECT_LT(site_.Kilobytes("VmHWM"), 64 << 10) << "576 MiB went through in messages of 48 MiB";
  EXPECT_EQ(site_.Kill(SIGTERM), 0);
}

}  // namespace
}  // namespace fate::rollsite
