// The audit log of real rollsites, and what becomes of it when they stop, die or the disk is full.
#include <arpa/inet.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>
#include <nlohmann/json.hpp>

#include "audit/verifier.h"
#include "eggroll/transfer.pb.h"
#include "osx/osx.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/free_port.h"
#include "rollsite/raw_calls.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

namespace fs = std::filesystem;
using ::testing::AllOf;
using ::testing::HasSubstr;
using Json = nlohmann::json;
using namespace std::chrono_literals;

constexpr char kTable[] = R"({"route_table": {}, "self_party": ["9999"]})";

std::vector<std::string> FilesOf(const std::string& folder) {
  std::vector<std::string> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (entry.path().extension() == ".jsonl") files.push_back(entry.path().string());
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

absl::StatusOr<audit::Report> Verify(const std::string& folder) {
  audit::Verifier verifier;
  for (const std::string& path : FilesOf(folder)) {
    const std::string text = ReadFile(path);
    verifier.StartFile(path);
    std::string_view rest = text;
    for (size_t end; (end = rest.find('\n')) != std::string_view::npos;) {
      RETURN_IF_ERROR(verifier.Add(rest.substr(0, end)));
      rest.remove_prefix(end + 1);
    }
    RETURN_IF_ERROR(verifier.EndFile(rest));
  }
  return verifier.Finish();
}

std::vector<Json> Calls(const std::string& folder) {
  std::vector<Json> calls;
  for (const std::string& path : FilesOf(folder)) {
    const std::string text = ReadFile(path);
    for (std::string_view line : Split(text, '\n')) {
      const Json record = Json::parse(line, nullptr, false);
      if (record.is_object() && record["kind"] == "call") calls.push_back(record);
    }
  }
  return calls;
}

class Folder {
 public:
  Folder() : path_((fs::temp_directory_path() / fmt::format("audit_{}_{}", getpid(), ++count_))) {}
  ~Folder() { fs::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  static inline int count_ = 0;
  const std::string path_;
};

// Files may not grow beyond what they are: writing fails as on a full disk.
class FullDisk {
 public:
  explicit FullDisk(rlim_t bytes) {
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FullDisk() { End(); }
  void End() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_;
};

// An audit log without a relay around it.
struct Bare {
  explicit Bare(const AuditSettings& settings)
      : table(fs::temp_directory_path() / fmt::format("audit_table_{}.json", getpid())) {
    std::ofstream(table) << kTable;
    routes = std::make_unique<routing::RouteWatcher>(table, "");
    auto started = AuditLog::Start(settings, "9999", routes.get(), &loop);
    EXPECT_TRUE(started.ok()) << started.status();
    if (started.ok()) log = *std::move(started);
  }
  ~Bare() {
    log.reset();
    fs::remove(table);
  }
  void Add(int count) {
    audit::Call call;
    call.method = "push";
    call.from = "9999";
    call.to = "10000";
    for (int i = 0; i < count; ++i) log->Add(&call);
  }

  const std::string table;
  relay::EventLoop loop;
  std::unique_ptr<routing::RouteWatcher> routes;
  std::unique_ptr<AuditLog> log;
};

class Client {
 public:
  explicit Client(const Site& site)
      : stub_(org::ppc::ptp::PrivateTransferTransport::NewStub(site.channel())) {}

  grpc::Status Push(const std::string& target, const std::string& topic,
                    const std::string& payload) {
    grpc::ClientContext context;
    Fill(&context, target);
    org::ppc::ptp::PushInbound request;
    request.set_topic(topic);
    request.set_payload(payload);
    org::ppc::ptp::TransportOutbound answer;
    return stub_->push(&context, request, &answer);
  }
  std::string Pop(const std::string& topic) {
    grpc::ClientContext context;
    Fill(&context, "");
    org::ppc::ptp::PopInbound request;
    request.set_topic(topic);
    request.set_timeout(10'000);
    org::ppc::ptp::TransportOutbound answer;
    EXPECT_TRUE(stub_->pop(&context, request, &answer).ok());
    return answer.payload();
  }

 private:
  static void Fill(grpc::ClientContext* context, const std::string& target) {
    context->AddMetadata("x-ptp-session-id", "s");
    if (!target.empty()) context->AddMetadata("x-ptp-target-node-id", target);
    context->AddMetadata("x-ptp-tech-provider-code", "FATE");
    context->AddMetadata("x-ptp-from-node-id", "9999");
    context->set_deadline(std::chrono::system_clock::now() + 20s);
  }
  std::unique_ptr<org::ppc::ptp::PrivateTransferTransport::Stub> stub_;
};

TEST(AuditLog, RecordsWhatLeavesAndWhatEnters) {
  Folder ours, theirs;
  auto recording = [](const Folder& folder) {
    return [&](Config* config) {
      config->audit.folder = folder.path();
      config->audit.digest = AuditSettings::Digest::kSha256;
    };
  };
  {
    Site there("127.0.0.25", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
               {"127.0.0.1", 1}, recording(theirs));
    const std::string table =
        fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}}, "self_party": ["9999"]}})",
                    EndpointJson("127.0.0.25", there.port()));
    Site here("127.0.0.26", "9999", table, {"127.0.0.1", 1}, recording(ours));
    EXPECT_TRUE(Client(here).Push("10000", "topic", "payload").ok());
    EXPECT_FALSE(Client(here).Push("777", "topic", "nobody is there").ok());
    EXPECT_EQ(Client(there).Pop("topic"), "payload");
  }
  const auto report = Verify(ours.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_TRUE(report->closed);
  const auto left = Calls(ours.path());
  ASSERT_EQ(left.size(), 2u);
  EXPECT_EQ(left[0]["method"], "queue_push");
  EXPECT_EQ(left[0]["direction"], "out");
  EXPECT_EQ(left[0]["from"], "9999");
  EXPECT_EQ(left[0]["to"], "10000");
  EXPECT_EQ(left[0]["session"], "s");
  EXPECT_EQ(left[0]["tag"], "topic") << "FATE's client names it in the message only";
  EXPECT_EQ(left[0]["code"], "OK");
  // PushInbound{topic, payload} behind a gRPC frame's head.
  const std::string body = std::string("\0\0\0\0\x10", 5) + "\x0a\x05topic\x12\x07payload";
  EXPECT_EQ(left[0]["bytes"], body.size());
  std::string digest;
  audit::AppendHex(audit::Sha256(body), &digest);
  EXPECT_EQ(left[0]["sha256"], digest);
  EXPECT_EQ(left[1]["to"], "777");
  EXPECT_EQ(left[1]["code"], "NOT_FOUND");
  ASSERT_TRUE(Verify(theirs.path()).ok());
  const auto entered = Calls(theirs.path());
  ASSERT_EQ(entered.size(), 2u);
  EXPECT_EQ(entered[0]["method"], "invoke");
  EXPECT_EQ(entered[0]["direction"], "in");
  EXPECT_EQ(entered[0]["from"], "9999");
  EXPECT_EQ(entered[0]["tag"], "topic");
  EXPECT_EQ(entered[1]["method"], "queue_pop");
  EXPECT_EQ(entered[1]["tag"], "topic");
}

// A push of eggroll's and a call of FATE-Flow's that pass through: who, which session and tag.
TEST(AuditLog, RecordsSessionAndTagOfStreamsAndPartnerCalls) {
  Folder folder;
  RawPeer peer("127.0.0.25", [](const RawPeer::Call&) { return std::string(); });
  const std::string table =
      fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}}, "self_party": ["9999"]}})",
                  EndpointJson("127.0.0.25", peer.port()));
  {
    Site site("127.0.0.26", "9999", table, {"127.0.0.1", 1},
              [&](Config* config) { config->audit.folder = folder.path(); });
    using com::webank::ai::eggroll::api::networking::proxy::Packet;
    Packet flow;
    flow.mutable_header()->mutable_task()->set_taskid("j1");
    flow.mutable_header()->set_operator_("POST");
    flow.mutable_header()->mutable_src()->set_partyid("9999");
    flow.mutable_header()->mutable_dst()->set_partyid("10000");
    com::webank::eggroll::core::transfer::RollSiteHeader ext;
    ext.set_rollsitesessionid("s1");
    ext.set_name("n1");
    ext.set_tag("t1");
    ext.set_srcrole("guest");
    ext.set_srcpartyid("9999");
    ext.set_dstrole("host");
    ext.set_dstpartyid("10000");
    Packet push;
    push.mutable_header()->set_ext(ext.SerializeAsString());
    const std::string service = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/";
    EXPECT_TRUE(CallBytes(site.channel(), service + "unaryCall", flow.SerializeAsString()).ok());
    EXPECT_TRUE(CallBytes(site.channel(), service + "push", push.SerializeAsString()).ok());
  }
  const auto calls = Calls(folder.path());
  ASSERT_EQ(calls.size(), 2u);
  auto shown = [](const Json& call) {
    return fmt::format("{} {} {} -> {} {} {}", call["method"].get<std::string>(),
                       call["direction"].get<std::string>(), call["from"].get<std::string>(),
                       call["to"].get<std::string>(), call["session"].get<std::string>(),
                       call["tag"].get<std::string>());
  };
  EXPECT_EQ(shown(calls[0]), "unaryCall out 9999 -> 10000 j1 POST");
  EXPECT_EQ(shown(calls[1]), "push out 9999 -> 10000 s1 __rsk#s1#n1#t1#guest#9999#host#10000");
}

TEST(AuditLog, GoesOnAfterARestartAndARotation) {
  Folder folder;
  const AuditSettings settings{.folder = folder.path(), .file_bytes = 64 << 10};
  for (int start = 0; start < 2; ++start) Bare(settings).Add(1000);
  const auto report = Verify(folder.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->calls, 2000u);
  EXPECT_EQ(report->first, 1u);
  EXPECT_GE(report->files, 4u);
  EXPECT_EQ(report->crashes, 0u);
  EXPECT_TRUE(report->closed);
}

TEST(AuditLog, ACrashIsToldOfByTheNextStart) {
  Folder folder;
  const AuditSettings settings{.folder = folder.path()};
  Bare(settings).Add(3);
  const std::string file = FilesOf(folder.path()).at(0);
  const std::string text = ReadFile(file);
  std::ofstream(file, std::ios::trunc) << text.substr(0, text.size() - 100);  // a torn last line
  Bare(settings).Add(1);
  const auto report = Verify(folder.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->crashes, 1u);
  EXPECT_EQ(report->calls, 4u);
  EXPECT_THAT(ReadFile(FilesOf(folder.path()).at(1)),
              AllOf(HasSubstr(R"("after":"crash")"), HasSubstr(R"("torn_bytes":)")));
}

TEST(AuditLog, AFileWithoutARecordIsNoObstacle) {
  Folder folder;
  const AuditSettings settings{.folder = folder.path()};
  Bare(settings).Add(1);
  std::ofstream(folder.path() + "/audit-000000000004.jsonl") << R"({"n":4,"ki)";
  Bare(settings).Add(1);
  const auto report = Verify(folder.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->calls, 2u);
}

TEST(AuditLog, ADamagedEndStopsTheStart) {
  Folder folder;
  const AuditSettings settings{.folder = folder.path()};
  Bare(settings).Add(1);
  std::ofstream(FilesOf(folder.path()).at(0), std::ios::app) << "something else\n";
  const auto files = AuditFiles::Open(settings, "9999");
  EXPECT_TRUE(absl::IsFailedPrecondition(files.status()));
  EXPECT_THAT(Message(files.status()),
              AllOf(HasSubstr("audit-000000000001.jsonl"), HasSubstr("fate audit verify")));
}

TEST(AuditLog, AFolderHasOneWriter) {
  Folder folder;
  const AuditSettings settings{.folder = folder.path()};
  const Bare first(settings);
  EXPECT_THAT(Message(AuditFiles::Open(settings, "9999").status()),
              HasSubstr("another process writes the audit log"));
}

TEST(AuditLog, WhatAFullDiskCostsIsCountedInAGap) {
  Folder folder;
  constexpr int kCalls = 150'000;  // more than kMaxAuditBacklogBytes
  {
    Bare bare({.folder = folder.path()});
    FullDisk full(1000);
    bare.Add(kCalls);
    EXPECT_TRUE(Within(10s, [&] { return !bare.log->status().ok(); }));
    EXPECT_LE(bare.log->backlog_bytes(), kMaxAuditBacklogBytes + 1000);
    EXPECT_TRUE(bare.log->Accepts().ok());
    full.End();
    EXPECT_TRUE(Within(10s, [&] { return bare.log->backlog_bytes() < 100'000; }));
    EXPECT_TRUE(bare.log->status().ok());
  }
  const auto report = Verify(folder.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_GT(report->missing, 0u);
  EXPECT_EQ(report->calls + report->missing, static_cast<uint64_t>(kCalls));
}

TEST(AuditLog, WhereRecordsAreRequiredCallsAreRefused) {
  Folder folder;
  Site site("127.0.0.27", "9999", kTable, {"127.0.0.1", 1}, [&](Config* config) {
    config->audit.folder = folder.path();
    config->audit.required = true;
  });
  Client client(site);
  EXPECT_TRUE(client.Push("9999", "topic", "before").ok());
  EXPECT_TRUE(Within(10s, [&] { return Calls(folder.path()).size() == 1; }));
  {
    FullDisk full(fs::file_size(FilesOf(folder.path()).at(0)));
    grpc::Status status;
    EXPECT_TRUE(Within(10s, [&] {
      status = client.Push("9999", "topic", "unrecorded");
      return !status.ok();
    }));
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
    EXPECT_THAT(status.error_message(),
                AllOf(HasSubstr(folder.path()), HasSubstr("eggroll.rollsite.audit.dir")));
    testing::internal::CaptureStdout();
    for (int i = 0; i < 50; ++i) EXPECT_FALSE(client.Push("9999", "topic", "unrecorded").ok());
    const std::string log = testing::internal::GetCapturedStdout();
    EXPECT_LE(std::count(log.begin(), log.end(), '\n'), 2) << "the log is not to flood either\n"
                                                           << log;
  }
  EXPECT_TRUE(Within(10s, [&] { return client.Push("9999", "topic", "after").ok(); }));
  site.Stop();
  const auto report = Verify(folder.path());
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->missing, 0u);
}

// One request of OSX's HTTP interface (spec/rollsite.md 5.9), from an address of its own.
std::string HttpFrom(const char* host, const char* to, int port, const std::string& path,
                     const std::string& body) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  auto at = [](const char* address, int number) {
    sockaddr_in result{};
    result.sin_family = AF_INET;
    result.sin_port = htons(static_cast<uint16_t>(number));
    inet_pton(AF_INET, address, &result.sin_addr);
    return result;
  };
  const sockaddr_in from = at(host, 0), there = at(to, port);
  EXPECT_EQ(bind(fd, reinterpret_cast<const sockaddr*>(&from), sizeof from), 0);
  EXPECT_EQ(connect(fd, reinterpret_cast<const sockaddr*>(&there), sizeof there), 0);
  const std::string request = fmt::format(
      "POST {} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nx-ptp-tech-provider-code: FATE\r\n"
      "x-ptp-session-id: s\r\nx-ptp-target-node-id: 10001\r\nContent-Length: {}\r\n\r\n{}",
      path, body.size(), body);
  EXPECT_EQ(send(fd, request.data(), request.size(), MSG_NOSIGNAL),
            static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t size; !answer.ends_with('}') && (size = recv(fd, buffer, sizeof buffer, 0)) > 0;) {
    answer.append(buffer, static_cast<size_t>(size));
  }
  close(fd);
  return answer;
}

// Such calls are made once more by the rollsite itself, but they are not its own.
TEST(AuditLog, CallsOverHttpAndByPollingAreOfTheirPeer) {
  Folder folder;
  const std::string poller = "10001";
  Site exchange("127.0.0.25", "", R"({"route_table": {
                    "10001": {"default": [{"is_polling": true}]}}, "self_party": ["default"]})",
                {"127.0.0.1", 1}, [](Config* config) { config->polling_server = true; });
  {
    Site site("127.0.0.26", poller,
              fmt::format(R"({{"route_table": {{"default": {{"default": {}}}}},
                              "self_party": ["10001"]}})",
                          EndpointJson("127.0.0.25", exchange.port())),
              {"127.0.0.1", 1}, [&](Config* config) {
                config->audit.folder = folder.path();
                config->http_port = FreePort("127.0.0.26");
                config->polling_client = true;
                config->polling_streams = 1;
              });
    EXPECT_THAT(HttpFrom("127.0.0.77", "127.0.0.26", site.rollsite()->http_port(),
                         "/v1/interconn/chan/push", R"({"topic": "t", "payload": "AQI="})"),
                HasSubstr("E0000000000"));
    EXPECT_TRUE(Within(10s, [&] { return exchange.rollsite()->parked_polling_streams() == 1; }));
    using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
    com::webank::ai::eggroll::api::networking::proxy::Packet packet, answer;
    packet.mutable_header()->mutable_dst()->set_partyid(poller);
    packet.mutable_header()->mutable_dst()->set_role("fateflow");
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    const grpc::Status status =
        DataTransferService::NewStub(exchange.channel())->unaryCall(&context, packet, &answer);
    EXPECT_THAT(status.error_message(), HasSubstr("leads back to the exchange"));
  }
  std::map<std::string, std::string> peers;
  for (const Json& call : Calls(folder.path())) peers[call["method"]] = call["peer"];
  EXPECT_EQ(peers["queue_push"], "127.0.0.77");
  EXPECT_EQ(peers["unaryCall"], "127.0.0.25") << "the exchange";
}

// Such a push passes the rollsite's own listener on its way.
TEST(AuditLog, APushToAPartyThatPollsOrIsReachedByHttpIsOneRecord) {
  Folder folder;
  Site by_http("127.0.0.27", "10002", R"({"route_table": {}, "self_party": ["10002"]})",
               {"127.0.0.1", 1},
               [](Config* config) { config->http_port = FreePort("127.0.0.27"); });
  {
    Site exchange(
        "127.0.0.25", "",
        fmt::format(R"({{"route_table": {{"10001": {{"default": [{{"is_polling": true}}]}},
                      "10002": {{"default": [{{"protocol": "http",
                                               "url": "http://127.0.0.27:{}"}}]}}}},
                      "self_party": ["9999"]}})",
                    by_http.rollsite()->http_port()),
        {"127.0.0.1", 1}, [&](Config* config) {
          config->polling_server = true;
          config->audit.folder = folder.path();
        });
    Site polls("127.0.0.26", "10001",
               fmt::format(R"({{"route_table": {{"default": {{"default": {}}}}},
                               "self_party": ["10001"]}})",
                           EndpointJson("127.0.0.25", exchange.port())),
               {"127.0.0.1", 1}, [](Config* config) { config->polling_client = true; });
    for (const char* party : {"10001", "10002"}) {
      grpc::ClientContext context;
      context.AddMetadata("x-ptp-tech-provider-code", "FATE");
      context.AddMetadata("x-ptp-session-id", "s");
      context.AddMetadata("x-ptp-target-node-id", party);
      context.AddMetadata("x-ptp-source-node-id", "9999");
      context.set_deadline(std::chrono::system_clock::now() + 20s);
      org::ppc::ptp::PushInbound push;
      push.set_topic("t");
      push.set_payload("p");
      org::ppc::ptp::TransportOutbound answer;
      const auto status = org::ppc::ptp::PrivateTransferTransport::NewStub(exchange.channel())
                              ->push(&context, push, &answer);
      EXPECT_TRUE(status.ok()) << status.error_message();
    }
  }
  std::vector<std::string> records;
  for (const Json& call : Calls(folder.path())) {
    if (call["method"] == "polling") continue;
    records.push_back(fmt::format("{} {} {}", call["method"].get<std::string>(),
                                  call["to"].get<std::string>(), call["tag"].get<std::string>()));
  }
  EXPECT_THAT(records, ::testing::UnorderedElementsAre("queue_push 10001 t", "queue_push 10002 t"));
}

TEST(AuditSettings, WrongValuesAreRefusedByName) {
  auto read = [](const std::string& text) {
    return AuditSettings::Read(Properties::Parse(text, "f.properties").value(), "logs/audit");
  };
  EXPECT_EQ(read("")->folder, "");
  EXPECT_EQ(read("eggroll.rollsite.audit.enabled=true")->folder, "logs/audit");
  EXPECT_EQ(read("eggroll.rollsite.audit.dir=/a")->folder, "/a");
  EXPECT_EQ(read("eggroll.rollsite.audit.dir=/a\neggroll.rollsite.audit.enabled=false")->folder,
            "");
  EXPECT_THAT(Message(read("eggroll.rollsite.audit.digest=md5").status()),
              AllOf(HasSubstr("f.properties:1"), HasSubstr("audit.digest"), HasSubstr("sha256")));
  EXPECT_THAT(Message(read("eggroll.rollsite.audit.required=true").status()),
              HasSubstr("set eggroll.rollsite.audit.dir"));
  EXPECT_FALSE(read("eggroll.rollsite.audit.file.bytes=1").ok());
}

}  // namespace
}  // namespace fate::rollsite
