// The rollsite program as an operator meets it: options, texts, exit codes, memory.
#include <signal.h>
#include <sys/wait.h>

#include <atomic>
#include <iterator>

#include "http/client.h"
#include "proxy/proxy.grpc.pb.h"
#include "relay/socket.h"
#include "rollsite/free_port.h"
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

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

// A port that was free a moment ago.

class ProcessTest : public ::testing::Test {
 protected:
  ProcessTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("rollsite_process_{}", getpid())),
        port_(FreePort("127.0.0.28")) {
    std::filesystem::create_directories(folder_);
    WriteTable(R"({"route_table": {}, "self_party": ["9999"]})");
    WriteProperties("");
  }
  ~ProcessTest() override {
    if (pid_ > 0) Stop();
    std::filesystem::remove_all(folder_);
  }

  void WriteTable(const std::string& text) { std::ofstream(folder_ / "route_table.json") << text; }
  void WriteProperties(const std::string& more) {
    std::ofstream(folder_ / "eggroll.properties") << fmt::format(
        "[eggroll]\neggroll.rollsite.host=127.0.0.28\neggroll.rollsite.port={}\n"
        "eggroll.rollsite.admin.port={}\neggroll.rollsite.party.id=9999\n"
        "eggroll.rollsite.route.table.path={}\n{}",
        port_, FreePort("127.0.0.28"), (folder_ / "route_table.json").string(), more);
  }

  void Start(std::vector<std::string> options = {}) {
    std::string program =
        std::filesystem::read_symlink("/proc/self/exe").parent_path().parent_path() /
        "bin/rollsite";
    options.insert(options.begin(), {program, "--config", config_});
    std::vector<char*> arguments;
    for (std::string& option : options) arguments.push_back(option.data());
    arguments.push_back(nullptr);
    std::string log = folder_ / "log";
    pid_ = fork();
    if (pid_ == 0) {
      if (!freopen(log.c_str(), "w", stderr) || !freopen(log.c_str(), "a", stdout)) _exit(99);
      execv(program.c_str(), arguments.data());
      _exit(98);
    }
  }
  void WaitUntilItListens() {
    EXPECT_TRUE(Within(10s, [&] { return Log().find("listens on") != std::string::npos; }))
        << Log();
  }
  int ExitCode() {
    int status = 0;
    waitpid(pid_, &status, 0);
    pid_ = -1;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }
  int Stop() {
    kill(pid_, SIGTERM);
    return ExitCode();
  }
  std::string Log() const { return ReadFile(folder_ / "log"); }
  int64_t PeakKilobytes() const {
    std::string status = ReadFile(fmt::format("/proc/{}/status", pid_));
    return std::atoll(status.c_str() + status.find("VmHWM:") + 6);
  }

  std::filesystem::path folder_;
  std::string config_ = folder_ / "eggroll.properties";
  int port_;
  pid_t pid_ = -1;
};

TEST_F(ProcessTest, CheckConfigSaysWhatIsWrongWhereAndWhatToDo) {
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 0) << Log();

  WriteTable(R"({"route_table": {"10000": {"default": [{"ip": "h", "port": 93700}]}}})");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(),
              HasSubstr("route_table.json: route_table.10000.default[0].port is 93700; write "
                        "a port from 1 to 65535"));

  WriteProperties("eggroll.rollsite.port=abc\n");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(), AllOf(HasSubstr("eggroll.properties:7"), HasSubstr("eggroll.rollsite.port")));

  WriteProperties("eggroll.rollsite.host=somewhere\n");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(), HasSubstr("give a numeric address"));
}

TEST_F(ProcessTest, CheckConfigLooksIntoCertificates) {
  WriteProperties(
      "eggroll.core.security.crt.path=/nowhere/c.pem\n"
      "eggroll.core.security.key.path=/nowhere/k.pem\n");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(), HasSubstr("cannot read /nowhere/c.pem: No such file"));

  WriteProperties("eggroll.rollsite.inner.port=0\neggroll.rollsite.queue.clients=nobody\n");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(), HasSubstr("write all, loopback or inner"));

  WriteProperties("");
  WriteTable(R"({"route_table": {"10000": {"default": [{"ip": "127.0.0.1", "port": 9371,
                 "useSSL": true, "caFile": "/nowhere/ca.pem", "certChainFile": "/nowhere/c.pem",
                 "privateKeyFile": "/nowhere/k.pem"}]}}})");
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 2);
  EXPECT_THAT(Log(), AllOf(HasSubstr("route_table.10000.default[0]"), HasSubstr("/nowhere/c.pem")));
}

TEST_F(ProcessTest, StartsServesAndStopsOnSigterm) {
  Start();
  WaitUntilItListens();
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(Stop(), 0);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 3s);
  EXPECT_THAT(Log(), HasSubstr("stopped"));
}

// spec/rollsite.md 5.3: the folder of an OSX, as it stands.
TEST_F(ProcessTest, StartsOnTheFilesOfAnOsx) {
  std::filesystem::create_directories(folder_ / "broker");
  std::filesystem::create_directories(folder_ / "components");
  std::filesystem::rename(folder_ / "route_table.json", folder_ / "broker/route_table.json");
  const int http_port = FreePort("127.0.0.28");
  std::ofstream(folder_ / "broker/broker.properties") << fmt::format(
      "grpc.port={}\nbind.host=127.0.0.28\nself.party=9999\nfate.tech.provider=FATE\n"
      "eggroll.version=3.1.0\neggroll.cluster.manager.ip=127.0.0.1\n"
      "eggroll.cluster.manager.port=4670\nopen.http.server=true\nhttp.port={}\n"
      "mapped.file.dir={}\neggroll.rollsite.admin.port={}\n",
      port_, http_port, (folder_ / "mapped").string(), FreePort("127.0.0.28"));
  std::ofstream(folder_ / "components/token_validator.properties") << "default.token=1234\n";
  config_ = folder_;
  Start({"--check-config"});
  EXPECT_EQ(ExitCode(), 0) << Log();
  Start();
  WaitUntilItListens();
  QueueStub stub(ChannelTo(fmt::format("127.0.0.28:{}", port_)));
  EXPECT_EQ(stub.Push({.target = "9999"}, "t", "m"), "E0000000000|success|");
  const auto popped =
      http::Fetch({.method = "POST",
                   .url = fmt::format("http://127.0.0.28:{}/v1/interconn/chan/pop", http_port),
                   .headers = {{"x-ptp-tech-provider-code", "FATE"}, {"x-ptp-session-id", "s"}},
                   .body = R"({"topic": "t", "timeout": 300})"});
  ASSERT_TRUE(popped.ok()) << popped.status();
  EXPECT_EQ(popped->body, R"({"code":"E0000000000","msg":"","payload":"bQ=="})");
  EXPECT_EQ(Stop(), 0);
}

TEST_F(ProcessTest, ATakenPortIsNamed) {
  auto taken = relay::Socket::Listen({"127.0.0.28", port_});
  ASSERT_TRUE(taken.ok());
  Start();
  EXPECT_EQ(ExitCode(), 1);
  EXPECT_THAT(Log(), HasSubstr(fmt::format("cannot listen on 127.0.0.28:{}", port_)));
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
  WriteTable(
      fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}}, "self_party": ["9999"]}})",
                  EndpointJson("127.0.0.29", peer.port)));
  Start();
  WaitUntilItListens();
  auto channel = ChannelTo(fmt::format("127.0.0.28:{}", port_));
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
  EXPECT_EQ(good, 4) << Log();
  EXPECT_LT(PeakKilobytes(), 64 << 10) << "576 MiB went through in messages of 48 MiB";
  EXPECT_EQ(Stop(), 0);
}

}  // namespace
}  // namespace fate::rollsite
