// Streams and partner calls that pass through: spec/rollsite.md 15, cases 32-45; health,
// reflection and the admin address.
#include <atomic>
#include <future>

#include "http/client.h"
#include "osx/osx.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/raw_calls.h"
#include "rollsite/route_operators.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using com::webank::ai::eggroll::api::networking::proxy::PollingFrame;
using com::webank::ai::eggroll::api::networking::proxy::RouteService;
using com::webank::ai::eggroll::api::networking::proxy::Topic;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;

using Metadata = com::webank::ai::eggroll::api::networking::proxy::Metadata;

// A fateflow, or a peer that is no rollsite.
class Partner final : public DataTransferService::Service {
 public:
  explicit Partner(const std::string& host = "127.0.0.25") {
    grpc::ServerBuilder builder;
    builder.AddListeningPort(host + ":0", grpc::InsecureServerCredentials(), &port);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  ~Partner() override {
    stop = true;
    server->Shutdown(std::chrono::system_clock::now() + 1s);
  }
  grpc::Status unaryCall(grpc::ServerContext*, const Packet* request, Packet* response) override {
    ++calls;
    last = request->SerializeAsString();
    *response = *request;
    response->mutable_body()->set_value(R"({"code": 0})");
    return grpc::Status::OK;
  }
  grpc::Status push(grpc::ServerContext* context, grpc::ServerReader<Packet>* reader,
                    Metadata* response) override {
    ++calls;
    Packet packet;
    while (reader->Read(&packet)) {
      ++packets;
      while (hold && !stop && !context->IsCancelled()) std::this_thread::sleep_for(2ms);
    }
    if (context->IsCancelled()) ++cancelled;
    response->set_ack(packets);
    return grpc::Status::OK;
  }
  int port = 0;
  std::atomic<int> calls = 0, packets = 0, cancelled = 0;
  std::atomic<bool> hold = false, stop = false;
  std::string last;
  std::unique_ptr<grpc::Server> server;
};

Packet PacketTo(const std::string& party, const std::string& role, size_t bytes = 10) {
  Packet packet;
  packet.mutable_header()->mutable_dst()->set_partyid(party);
  packet.mutable_header()->mutable_dst()->set_role(role);
  packet.mutable_body()->set_value(std::string(bytes, 'v'));
  return packet;
}

grpc::Status Call(const std::shared_ptr<grpc::Channel>& channel, const Packet& packet,
                  Packet* answer, std::chrono::milliseconds timeout = 20s) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  return DataTransferService::NewStub(channel)->unaryCall(&context, packet, answer);
}

grpc::Status PushOne(const std::shared_ptr<grpc::Channel>& channel, const Packet& packet,
                     int packets = 1) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  Metadata answer;
  auto writer = DataTransferService::NewStub(channel)->push(&context, &answer);
  for (int i = 0; i < packets; ++i) writer->Write(packet);
  writer->WritesDone();
  return writer->Finish();
}

std::string SelfTable(const std::string& self, const std::string& routes) {
  return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"]}})", routes, self);
}

// G is 9999; 10000 is `partner_` itself, without a rollsite in between.
class TransferTest : public ::testing::Test {
 protected:
  TransferTest() : g_("127.0.0.21", "9999", Table()) {}
  std::string Table() const {
    return SelfTable("9999", fmt::format(R"("10000": {{"default": {}}})",
                                         EndpointJson("127.0.0.25", partner_.port)));
  }
  Partner partner_;
  Site g_;
};

// The FATE-Flow packet of spec 14.
const std::string kFlowPacket = Hex(
    "0a660a130a026a31120d0a076865616465727312027b7d12140a026a311204393939391a0866617465666c6f771a15"
    "0a026a31120531303030301a0866617465666c6f7722180a162f76322f706172746e65722f6a6f622f637265617465"
    "2a04504f53544202080a121c0a162f76322f706172746e65722f6a6f622f63726561746512027b7d");

TEST(PartnerCalls, Case37ReachesTheOtherPartysFateflowUnchanged) {
  Partner flow;
  Site h("127.0.0.22", "10000",
         SelfTable("10000", fmt::format(R"("10000": {{"fateflow": {}}})",
                                        EndpointJson("127.0.0.25", flow.port))));
  Site g("127.0.0.21", "9999",
         SelfTable("9999", fmt::format(R"("default": {{"default": {}}})",
                                       EndpointJson("127.0.0.22", h.port()))));
  Packet packet, answer;
  ASSERT_TRUE(packet.ParseFromString(kFlowPacket));
  grpc::Status status = Call(g.channel(), packet, &answer);
  ASSERT_TRUE(status.ok()) << status.error_message();
  EXPECT_EQ(flow.last, kFlowPacket);
  EXPECT_EQ(answer.body().value(), R"({"code": 0})");
  EXPECT_EQ(answer.header().SerializeAsString(), packet.header().SerializeAsString());
}

TEST(PartnerCalls, Case38TheOwnPartysFateflowIsReachedByRoute) {
  Partner flow;
  Site g("127.0.0.21", "9999",
         SelfTable("9999", fmt::format(R"("9999": {{"fateflow": {}}})",
                                       EndpointJson("127.0.0.25", flow.port))));
  Packet answer;
  EXPECT_TRUE(Call(g.channel(), PacketTo("9999", "fateflow"), &answer).ok());
  EXPECT_EQ(flow.calls, 1);
}

TEST(PartnerCalls, AStoppedFateflowIsNamedWithTheRemedy) {
  int port = Partner().port;
  Site g("127.0.0.21", "9999",
         SelfTable("9999",
                   fmt::format(R"("9999": {{"fateflow": {}}})", EndpointJson("127.0.0.25", port))));
  Packet answer;
  grpc::Status status = Call(g.channel(), PacketTo("9999", "fateflow"), &answer);
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNAVAILABLE);
  EXPECT_THAT(
      status.error_message(),
      AllOf(HasSubstr("rollsite of party 9999 to party 9999 (route_table.9999.fateflow[0])"),
            HasSubstr("Connection refused"), HasSubstr("check that fate-fateflow runs")));
}

TEST_F(TransferTest, Case36And39AnUnknownPartyIsNamed) {
  Packet answer;
  for (const grpc::Status& status : {Call(g_.channel(), PacketTo("77777", "fateflow"), &answer),
                                     PushOne(g_.channel(), PacketTo("77777", "host"))}) {
    EXPECT_EQ(status.error_code(), grpc::StatusCode::UNKNOWN);
    EXPECT_THAT(status.error_message(),
                AllOf(HasSubstr("no route to party 77777"), HasSubstr("route_table.json")));
  }
}

TEST_F(TransferTest, Case40WhatIsNotServedIsUnimplemented) {
  grpc::ClientContext query_context, pull_context, polling_context;
  com::webank::ai::eggroll::api::core::Endpoint endpoint;
  EXPECT_EQ(
      RouteService::NewStub(g_.channel())->query(&query_context, Topic(), &endpoint).error_code(),
      grpc::StatusCode::UNIMPLEMENTED);
  auto stub = DataTransferService::NewStub(g_.channel());
  Packet packet;
  auto reader = stub->pull(&pull_context, Metadata());
  EXPECT_FALSE(reader->Read(&packet));
  EXPECT_EQ(reader->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
  auto polling = stub->polling(&polling_context);
  polling->WritesDone();
  EXPECT_EQ(polling->Finish().error_code(), grpc::StatusCode::UNIMPLEMENTED);
}

TEST_F(TransferTest, Case32TheDeadlineOfAPushReachesThePeer) {
  partner_.hold = true;
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 400ms);
  Metadata answer;
  auto writer = DataTransferService::NewStub(g_.channel())->push(&context, &answer);
  writer->Write(PacketTo("10000", "host"));
  writer->WritesDone();
  auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(writer->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_LT(std::chrono::steady_clock::now() - start, 1500ms);
  EXPECT_TRUE(Within(2s, [&] { return partner_.cancelled == 1; }));
}

TEST_F(TransferTest, Case33CancellingAPushReachesThePeer) {
  partner_.hold = true;
  grpc::ClientContext context;
  Metadata answer;
  auto writer = DataTransferService::NewStub(g_.channel())->push(&context, &answer);
  writer->Write(PacketTo("10000", "host"));
  EXPECT_TRUE(Within(5s, [&] { return partner_.packets == 1; }));
  context.TryCancel();
  writer->Finish();
  EXPECT_TRUE(Within(1s, [&] { return partner_.cancelled == 1; }));
}

// A peer that does not read holds up the push, not a partner call to the same peer.
TEST_F(TransferTest, Case34And35AStalledPushIsBoundedAndDelaysNoCall) {
  partner_.hold = true;
  grpc::ClientContext context;
  Metadata answer;
  auto stub = DataTransferService::NewStub(g_.channel());
  auto writer = stub->push(&context, &answer);
  std::atomic<int> written = 0;
  std::thread pusher([&] {
    while (written < 4096 && writer->Write(PacketTo("10000", "host", 1 << 20))) ++written;
  });
  int seen = -1;
  EXPECT_TRUE(Within(20s, [&] {
    std::this_thread::sleep_for(200ms);
    int before = std::exchange(seen, written.load());
    return before == seen && seen > 0;
  }));
  EXPECT_LT(written, 64) << "MB that sockets, windows and one message take in";
  Packet unary;
  EXPECT_TRUE(Call(g_.channel(), PacketTo("10000", "fateflow"), &unary, 2s).ok());
  context.TryCancel();
  pusher.join();
  writer->Finish();
}

TEST_F(TransferTest, Case41And42AChangedTableTakesEffectWithoutCuttingStreams) {
  grpc::ClientContext context;
  Metadata answer;
  auto stub = DataTransferService::NewStub(g_.channel());
  auto writer = stub->push(&context, &answer);
  ASSERT_TRUE(writer->Write(PacketTo("10000", "host")));
  EXPECT_TRUE(Within(5s, [&] { return partner_.packets == 1; }));

  Partner other;
  g_.WriteTable(SelfTable(
      "9999", fmt::format(R"("8888": {{"default": {}}})", EndpointJson("127.0.0.25", other.port))));
  Packet unary;
  EXPECT_TRUE(
      Within(5s, [&] { return Call(g_.channel(), PacketTo("8888", "fateflow"), &unary).ok(); }));
  EXPECT_FALSE(Call(g_.channel(), PacketTo("10000", "fateflow"), &unary).ok());

  g_.WriteTable("{\"route_table\": {");
  EXPECT_TRUE(Within(5s, [&] {
    auto metrics = http::Fetch(
        {.url = fmt::format("http://127.0.0.21:{}/metrics", g_.rollsite()->admin_port())});
    return metrics.ok() && metrics->body.find("rollsite_route_table_ok 0") != std::string::npos;
  }));
  EXPECT_TRUE(Call(g_.channel(), PacketTo("8888", "fateflow"), &unary).ok());

  ASSERT_TRUE(writer->Write(PacketTo("10000", "host")));
  writer->WritesDone();
  EXPECT_TRUE(writer->Finish().ok());
  EXPECT_EQ(answer.ack(), 2);
}

TEST(Routes, Case43StartsWithoutATable) {
  Site g("127.0.0.21", "9999", "");
  org::ppc::ptp::PushInbound push;
  org::ppc::ptp::TransportOutbound answer;
  grpc::ClientContext context;
  context.AddMetadata("x-ptp-tech-provider-code", "FATE");
  context.AddMetadata("x-ptp-target-node-id", "10000");
  const grpc::Status status =
      org::ppc::ptp::PrivateTransferTransport::NewStub(g.channel())->push(&context, push, &answer);
  EXPECT_THAT(status.error_message(), HasSubstr("code 130: PARTY_9999:can not found router info"));
  auto health =
      http::Fetch({.url = fmt::format("http://127.0.0.21:{}/healthz", g.rollsite()->admin_port())});
  ASSERT_TRUE(health.ok());
  EXPECT_EQ(health->status, 503);
  EXPECT_THAT(health->body, HasSubstr("eggroll.rollsite.route.table.path"));
}

TEST(Routes, ReadyMeansThatATableIsLoaded) {
  Site g("127.0.0.21", "9999", R"({"route_table": {"1": {"default": [{"ip": "a"}]}}})");
  auto ready = [&] {
    const auto http = http::Fetch(
        {.url = fmt::format("http://127.0.0.21:{}/healthz", g.rollsite()->admin_port())});
    const auto grpc = CallBytes(g.channel(), "/grpc.health.v1.Health/Check", "");
    return fmt::format("{} {} {}", HexEncode(grpc.value_or("")), http.ok() ? http->status : 0,
                       http.ok() ? http->body : "");
  };
  EXPECT_THAT(ready(), AllOf(HasSubstr("0802 503"),
                             HasSubstr("route_table.1.default[0] has no \"port\"; write one")));
  g.WriteTable(SelfTable("9999", ""));
  EXPECT_TRUE(Within(5s, [&] { return ready().starts_with("0801 200"); })) << ready();
  g.WriteTable("{");
  EXPECT_TRUE(Within(5s, [&] {
    auto metrics = http::Fetch(
        {.url = fmt::format("http://127.0.0.21:{}/metrics", g.rollsite()->admin_port())});
    return metrics.ok() && metrics->body.find("rollsite_route_table_ok 0") != std::string::npos;
  }));
  EXPECT_THAT(ready(), HasSubstr("0801 200")) << "the old one is in force";
}

// One line for each wrong table, however often the file is looked at.
TEST(Routes, Case42AWrongTableIsOneLineOfTheLog) {
  testing::internal::CaptureStdout();
  {
    Site g("127.0.0.21", "9999", SelfTable("9999", ""));
    g.WriteTable("{\"route_table\": [");
    auto wrong = [&] {
      auto metrics = http::Fetch(
          {.url = fmt::format("http://127.0.0.21:{}/metrics", g.rollsite()->admin_port())});
      return metrics.ok() && metrics->body.find("rollsite_route_table_ok 0") != std::string::npos;
    };
    EXPECT_TRUE(Within(5s, wrong));
    const auto looks = std::chrono::steady_clock::now() + 2500ms;
    EXPECT_TRUE(Within(5s, [&] { return std::chrono::steady_clock::now() > looks; }));
    EXPECT_TRUE(wrong());
  }
  const std::string log = testing::internal::GetCapturedStdout();
  const std::string told = "parties of the earlier table stay in force";
  EXPECT_THAT(log, HasSubstr("route_table.json: is not valid JSON"));
  EXPECT_EQ(log.find(told), log.rfind(told)) << log;
}

TEST(Routes, Case44AnEntryHidesTheDefaultParty) {
  Partner exchange;
  Site g(
      "127.0.0.21", "9999",
      SelfTable("9999", fmt::format(R"("default": {{"default": {}}}, "10000": {{"fateflow": {}}})",
                                    EndpointJson("127.0.0.25", exchange.port),
                                    EndpointJson("127.0.0.25", 1))));
  grpc::Status status = PushOne(g.channel(), PacketTo("10000", "host"));
  EXPECT_THAT(status.error_message(), HasSubstr("its entry \"10000\" has neither role \"host\""));
  EXPECT_EQ(exchange.calls, 0);
}

TEST(Routes, Case45BothEndpointsOfAListAreUsed) {
  Partner first, second;
  Site g("127.0.0.21", "9999",
         SelfTable("9999", fmt::format(R"("10000": {{"default": [{{"ip": "127.0.0.25", "port": {}}},
                                                                  {{"ip": "127.0.0.25", "port": "{}"}}]}})",
                                       first.port, second.port)));
  for (int i = 0; i < 6; ++i) EXPECT_TRUE(PushOne(g.channel(), PacketTo("10000", "host")).ok());
  EXPECT_EQ(first.calls, 3);
  EXPECT_EQ(second.calls, 3);
  // All packets of a stream go where its first one went.
  for (int i = 0; i < 2; ++i) {
    const int before[] = {first.packets, second.packets};
    EXPECT_TRUE(PushOne(g.channel(), PacketTo("10000", "host"), /*packets=*/20).ok());
    const int now[] = {first.packets - before[0], second.packets - before[1]};
    EXPECT_TRUE((now[0] == 20) != (now[1] == 20)) << now[0] << " and " << now[1];
  }
}

// Of rollsite 2.x: a table with default_allow false, and a party of the network that it hides.
TEST(Routes, Case48ADialectOfRollsiteRefusesUnknownPartiesByName) {
  Partner partner;
  const std::string endpoint = EndpointJson("127.0.0.25", partner.port);
  Site g("127.0.0.21", "9999",
         fmt::format(R"({{"route_table": {{"default": {{"default": {}}},
                         "10000": {{"default": {}}}}}, "permission": {{"default_allow": false}}}})",
                     endpoint, endpoint));
  EXPECT_TRUE(PushOne(g.channel(), PacketTo("10000", "host")).ok());
  EXPECT_THAT(PushOne(g.channel(), PacketTo("8888", "host")).error_message(),
              AllOf(HasSubstr("party 8888"), HasSubstr("permission.default_allow is false")));
  EXPECT_EQ(partner.calls, 1);
}

TEST(Routes, WhatARouteAsksForIsNeverDowngraded) {
  Partner partner;
  Site g(
      "127.0.0.21", "9999",
      SelfTable("9999",
                fmt::format(
                    R"("1": {{"default": [{{"ip": "127.0.0.25", "port": {}, "is_secure": true}}]}},
                                          "2": {{"default": [{{"protocol": "http", "url": "http://x"}}]}},
                                          "3": {{"default": [{{"is_polling": true}}]}},
                                          "4": {{"default": [{{"ip": "127.0.0.25", "port": {}, "cycle": true}}]}})",
                    partner.port, partner.port)));
  const std::map<std::string, std::string> expected = {
      {"1", "is_secure, but eggroll.core.security.client.ca.crt.path"},
      {"2", "invalid router info for grpc stream"},
      {"3", "polling.server.enabled=true"},
      {"4", "router info has a cycle invoke"}};
  for (const auto& [party, text] : expected) {
    EXPECT_THAT(PushOne(g.channel(), PacketTo(party, "host")).error_message(), HasSubstr(text));
  }
  EXPECT_EQ(partner.calls, 0);
}

TEST(Routes, ACircleOfGatewaysIsCut) {
  Site g("127.0.0.21", "9999", SelfTable("9999", ""));
  Site h("127.0.0.22", "8888",
         SelfTable("8888", fmt::format(R"("10000": {{"default": {}}})",
                                       EndpointJson("127.0.0.21", g.port()))));
  g.WriteTable(SelfTable(
      "9999", fmt::format(R"("10000": {{"default": {}}})", EndpointJson("127.0.0.22", h.port()))));
  grpc::Status status;
  EXPECT_TRUE(Within(5s, [&] {
    status = PushOne(g.channel(), PacketTo("10000", "host"));
    return status.error_code() == grpc::StatusCode::FAILED_PRECONDITION;
  })) << status.error_message();
  EXPECT_THAT(status.error_message(), HasSubstr("round in a circle"));
}

// spec/rollsite.md 8.6, 14 and 15, case 51.
class OperatorTest : public ::testing::Test {
 protected:
  OperatorTest()
      : site_("127.0.0.21", "9999", SelfTable("9999", ""), {"127.0.0.1", 1},
              [](Config* config) { config->operator_hosts = {"127.0.0.1"}; }) {}
  // The answer's operator and text.
  std::string Call(const std::string& name, const std::string& key, const std::string& value) {
    Packet packet = PacketTo("9999", "fateflow");
    packet.mutable_header()->set_operator_(name);
    packet.mutable_body()->set_key(key);
    packet.mutable_body()->set_value(value);
    grpc::ClientContext context;
    Packet answer;
    const auto status =
        DataTransferService::NewStub(site_.channel())->unaryCall(&context, packet, &answer);
    if (!status.ok()) return "error: " + status.error_message();
    return answer.header().operator_() + "|" + answer.body().value();
  }
  Site site_;
};

TEST_F(OperatorTest, TheTokenIsTheSpecsMd5) {
  EXPECT_EQ(OperatorToken("abcd", "efg"), "7ac66c0f148de9519b8bd264312c4d64");
  EXPECT_EQ(OperatorToken("1600000000000{}", "123"), "524676df276fefbac5d145da0367cbd5");
}

TEST_F(OperatorTest, Case51TheTableIsReadAndSetWithTheKey) {
  EXPECT_EQ(Call("get_route_table", OperatorToken("x", "123"), "x"),
            "get_route_table|" + SelfTable("9999", ""));
  EXPECT_EQ(Call("get_route_table", OperatorToken("x", "wrong"), "x"),
            "get_route_table|getRouteTable failed. Token verification failed.");
  const std::string table =
      SelfTable("9999", R"("7": {"default": [{"ip": "1.2.3.4", "port": 5}]})");
  const std::string value = "1600000000000" + table;
  EXPECT_EQ(Call("set_route_table", OperatorToken(value, "123"), value),
            "set_route_table|setRouteTable finished");
  EXPECT_EQ(Call("get_route_table", OperatorToken("", "123"), ""), "get_route_table|" + table);
  const std::string wrong = "1600000000000{\"route_table\": 1}";
  EXPECT_THAT(Call("set_route_table", OperatorToken(wrong, "123"), wrong),
              HasSubstr("setRouteTable failed. "));
  EXPECT_EQ(Call("ping", "", ""), "pong|");
}

TEST_F(OperatorTest, Case51AForeignAddressIsRefused) {
  Site other("127.0.0.22", "8888", SelfTable("8888", ""));
  Packet packet = PacketTo("8888", "fateflow");
  packet.mutable_header()->set_operator_("get_route_table");
  packet.mutable_body()->set_key(OperatorToken("", "123"));
  grpc::ClientContext context;
  Packet answer;
  ASSERT_TRUE(
      DataTransferService::NewStub(other.channel())->unaryCall(&context, packet, &answer).ok());
  EXPECT_EQ(answer.body().value(), "getRouteTable failed, Src ip not included in whitelist.");
}

// spec/rollsite.md 15, case 57: FATE 1.x's name of the same service.
TEST(Packages, Case57FatesPackageIsServedLikeEggrolls) {
  Partner partner;
  Site g("127.0.0.21", "9999",
         SelfTable("9999", fmt::format(R"("10000": {{"default": {}}})",
                                       EndpointJson("127.0.0.25", partner.port))));
  const std::string message = PacketTo("10000", "fateflow").SerializeAsString();
  const std::string own = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/";
  const std::string fates = "/com.webank.ai.fate.api.networking.proxy.DataTransferService/";
  const auto known = CallBytes(g.channel(), own + "unaryCall", message);
  ASSERT_TRUE(known.ok()) << known.status();
  // The partner of this test knows eggroll's name only: the name must arrive unchanged.
  const auto passed = CallBytes(g.channel(), fates + "unaryCall", message);
  EXPECT_TRUE(absl::IsUnimplemented(passed.status())) << passed.status();
  // What ends here is answered alike.
  const std::string lost = PacketTo("77", "fateflow").SerializeAsString();
  EXPECT_EQ(CallBytes(g.channel(), fates + "unaryCall", lost).status().message(),
            CallBytes(g.channel(), own + "unaryCall", lost).status().message());
  EXPECT_TRUE(absl::IsUnimplemented(CallBytes(g.channel(), fates + "pull", "").status()));
}

TEST_F(TransferTest, HealthAndReflectionAnswerOnTheSamePort) {
  auto health = CallBytes(g_.channel(), "/grpc.health.v1.Health/Check", "");
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(*health, Hex("0801"));  // SERVING
  // ServerReflectionRequest{list_services: "*"}
  auto services =
      CallBytes(g_.channel(), "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
                Hex("3a012a"));
  ASSERT_TRUE(services.ok()) << services.status();
  EXPECT_THAT(*services,
              AllOf(HasSubstr("org.ppc.ptp.PrivateTransferTransport"),
                    HasSubstr("com.webank.ai.eggroll.api.networking.proxy.DataTransferService")));
}

TEST_F(TransferTest, TheAdminAddressShowsHealthAndFigures) {
  EXPECT_TRUE(PushOne(g_.channel(), PacketTo("10000", "host", 100'000)).ok());
  std::string base = fmt::format("http://127.0.0.21:{}", g_.rollsite()->admin_port());
  auto health = http::Fetch({.url = base + "/healthz"});
  ASSERT_TRUE(health.ok()) << health.status();
  EXPECT_EQ(health->status, 200);
  auto metrics = http::Fetch({.url = base + "/metrics"});
  ASSERT_TRUE(metrics.ok());
  EXPECT_THAT(metrics->body, AllOf(HasSubstr(R"(rollsite_calls_total{code="OK",method="push"})"),
                                   HasSubstr("rollsite_peer_connections 1"),
                                   HasSubstr("rollsite_client_connections 1")));
  auto other = http::Fetch({.url = base + "/x"});
  ASSERT_TRUE(other.ok());
  EXPECT_EQ(other->status, 404);
}

}  // namespace
}  // namespace fate::rollsite
