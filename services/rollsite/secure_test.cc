// TLS, identities and entrances between real rollsites: spec/rollsite.md 15, cases 46 and 47.
#include <atomic>
#include <future>
#include <iterator>

#include "http/client.h"
#include "osx/osx.grpc.pb.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/free_port.h"
#include "rollsite/test_support.h"
#include "tls/test_certificates.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using com::webank::ai::eggroll::api::networking::proxy::PollingFrame;
using com::webank::eggroll::core::transfer::RollSiteHeader;
using org::ppc::ptp::Inbound;
using org::ppc::ptp::Outbound;
using org::ppc::ptp::PopInbound;
using org::ppc::ptp::PrivateTransferProtocol;
using org::ppc::ptp::PrivateTransferTransport;
using org::ppc::ptp::PushInbound;
using org::ppc::ptp::TransportOutbound;
using ::testing::AllOf;
using ::testing::HasSubstr;
using namespace std::chrono_literals;
using Headers = std::map<std::string, std::string>;
using ProxyMetadata = com::webank::ai::eggroll::api::networking::proxy::Metadata;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void Fill(grpc::ClientContext* context, const Headers& headers) {
  context->AddMetadata("x-ptp-tech-provider-code", "FATE");
  context->AddMetadata("x-ptp-session-id", "s");
  for (const auto& [name, value] : headers) context->AddMetadata(name, value);
  context->set_deadline(std::chrono::system_clock::now() + 20s);
}

// "code payload", or "CODE text" of the status.
std::string Show(const grpc::Status& status, const std::string& code, const std::string& payload) {
  if (status.ok()) return fmt::format("{} {}", code, payload);
  return fmt::format("{} {}",
                     absl::StatusCodeToString(static_cast<absl::StatusCode>(status.error_code())),
                     status.error_message());
}

using ChannelPtr = std::shared_ptr<grpc::Channel>;

std::string Push(const ChannelPtr& channel, const std::string& topic, const std::string& payload,
                 const Headers& headers) {
  grpc::ClientContext context;
  Fill(&context, headers);
  PushInbound request;
  request.set_topic(topic);
  request.set_payload(payload);
  TransportOutbound answer;
  grpc::Status status =
      PrivateTransferTransport::NewStub(channel)->push(&context, request, &answer);
  return Show(status, answer.code(), answer.payload());
}

std::string Pop(const ChannelPtr& channel, const std::string& topic) {
  grpc::ClientContext context;
  Fill(&context, {});
  PopInbound request;
  request.set_topic(topic);
  request.set_timeout(10'000);
  TransportOutbound answer;
  grpc::Status status = PrivateTransferTransport::NewStub(channel)->pop(&context, request, &answer);
  return Show(status, answer.code(), answer.payload());
}

// A push as another gateway sends it.
std::string Invoke(const ChannelPtr& channel, const std::string& topic, const Headers& headers) {
  grpc::ClientContext context;
  Fill(&context, headers);
  context.AddMetadata("x-ptp-uri", "/org.ppc.ptp.PrivateTransferTransport/push");
  PushInbound push;
  push.set_topic(topic);
  push.set_payload("p");
  Inbound request;
  request.set_payload(push.SerializeAsString());
  Outbound answer;
  grpc::Status status =
      PrivateTransferProtocol::NewStub(channel)->invoke(&context, request, &answer);
  return Show(status, answer.code(), answer.payload());
}

Packet PacketFrom(const std::string& party, const std::string& to) {
  Packet packet;
  packet.mutable_header()->mutable_src()->set_partyid(party);
  packet.mutable_header()->mutable_dst()->set_partyid(to);
  packet.mutable_header()->mutable_dst()->set_role("fateflow");
  packet.mutable_body()->set_value("v");
  return packet;
}

std::string UnaryCall(const ChannelPtr& channel, const Packet& packet) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  Packet answer;
  grpc::Status status = DataTransferService::NewStub(channel)->unaryCall(&context, packet, &answer);
  return Show(status, "OK", answer.body().value());
}

std::string PushStream(const ChannelPtr& channel, const Packet& packet) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + 20s);
  ProxyMetadata answer;
  auto writer = DataTransferService::NewStub(channel)->push(&context, &answer);
  writer->Write(packet);
  writer->WritesDone();
  grpc::Status status = writer->Finish();
  return Show(status, "OK", std::to_string(answer.ack()));
}

// A fateflow, in clear text.
class Flow final : public DataTransferService::Service {
 public:
  Flow() {
    grpc::ServerBuilder builder;
    builder.AddListeningPort("127.0.0.34:0", grpc::InsecureServerCredentials(), &port);
    builder.SetMaxReceiveMessageSize(-1);
    builder.RegisterService(this);
    server = builder.BuildAndStart();
  }
  grpc::Status unaryCall(grpc::ServerContext* context, const Packet*, Packet* answer) override {
    auto it = context->client_metadata().find("x-ptp-source-node-id");
    answer->mutable_body()->set_value(it == context->client_metadata().end() ? "answer" : "?");
    return grpc::Status::OK;
  }
  grpc::Status push(grpc::ServerContext*, grpc::ServerReader<Packet>* reader,
                    ProxyMetadata* answer) override {
    Packet packet;
    int64_t bytes = 0;
    while (reader->Read(&packet)) bytes += static_cast<int64_t>(packet.body().value().size());
    answer->set_ack(bytes);
    return grpc::Status::OK;
  }
  int port = 0;
  std::unique_ptr<grpc::Server> server;
};

// G is party 9999 at 127.0.0.31, H party 10000 at 127.0.0.32; each reaches the other in TLS only.
class SecureTest : public ::testing::Test {
 protected:
  tls::Files FilesFor(const std::string& party, const std::string& address) {
    return authority_.Write(folder_, party,
                            {.name = "party-" + party, .alternatives = "IP:" + address});
  }
  static std::string Secure(const std::string& host, int port, const tls::Files& files) {
    return fmt::format(
        R"([{{"ip": "{}", "port": {}, "useSSL": true, "caFile": "{}", "certChainFile": "{}",
              "privateKeyFile": "{}"}}])",
        host, port, files.ca, files.certificate, files.key);
  }
  static std::string Table(const std::string& self, const std::string& routes) {
    return fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"]}})", routes, self);
  }
  std::unique_ptr<Site> Start(
      const std::string& host, const std::string& party, int tls_port, const tls::Files& files,
      const std::string& routes, const std::function<void(Config*)>& more = [](Config*) {}) {
    return std::make_unique<Site>(host, party, Table(party, routes), relay::Address{"127.0.0.1", 1},
                                  [&](Config* config) {
                                    config->tls.listen = true;
                                    config->tls.address = {host, tls_port};
                                    config->tls.server = files;
                                    config->tls.clients = tls::ClientCertificates::kRequired;
                                    more(config);
                                  });
  }
  void StartG(const std::function<void(Config*)>& more = [](Config*) {}) {
    g_ = Start("127.0.0.31", "9999", g_port_, g_files_,
               fmt::format(R"("10000": {{"default": {}}}, "10002": {{"default": {}}},
                               "9999": {{"fateflow": {}}})",
                           Secure("127.0.0.32", h_port_, g_files_),
                           Secure("127.0.0.32", h_port_, g_files_),
                           EndpointJson("127.0.0.34", flow_.port)),
               more);
  }
  void StartH(const std::function<void(Config*)>& more = [](Config*) {}) {
    h_ = Start(
        "127.0.0.32", "10000", h_port_, h_files_,
        fmt::format(R"("default": {{"default": {}}}, "10000": {{"fateflow": {}}},
                               "10002": {{"default": {}}})",
                    Secure("127.0.0.31", g_port_, h_files_), EndpointJson("127.0.0.34", flow_.port),
                    EndpointJson("127.0.0.34", flow_.port)),
        more);
  }
  // A client of a TLS listener.
  static ChannelPtr TlsChannel(const std::string& host, int port, const tls::Files& files) {
    grpc::ChannelArguments arguments;
    arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
    grpc::SslCredentialsOptions options{ReadFile(files.ca),
                                        files.key.empty() ? "" : ReadFile(files.key),
                                        files.key.empty() ? "" : ReadFile(files.certificate)};
    return grpc::CreateCustomChannel(fmt::format("{}:{}", host, port),
                                     grpc::SslCredentials(options), arguments);
  }
  auto Admin(const std::string& path) {
    return http::Fetch(
        {.url = fmt::format("http://127.0.0.31:{}/{}", g_->rollsite()->admin_port(), path)});
  }
  ChannelPtr ToG(const tls::Files& files) { return TlsChannel("127.0.0.31", g_port_, files); }

  tls::TestFolder folder_;
  tls::TestAuthority authority_;
  Flow flow_;
  int g_port_ = FreePort("127.0.0.31"), h_port_ = FreePort("127.0.0.32");
  tls::Files g_files_ = FilesFor("9999", "127.0.0.31");
  tls::Files h_files_ = FilesFor("10000", "127.0.0.32");
  std::unique_ptr<Site> g_, h_;
};

constexpr char kDone[] = "E0000000000 ";

TEST_F(SecureTest, TwoRollsitesServeEachOtherInTlsBothWays) {
  StartG();
  StartH();
  EXPECT_EQ(Push(g_->channel(), "t", "to H",
                 {{"x-ptp-target-node-id", "10000"}, {"x-ptp-from-node-id", "9999"}}),
            kDone);
  EXPECT_EQ(Pop(h_->channel(), "t"), std::string(kDone) + "to H");
  EXPECT_EQ(Push(h_->channel(), "u", "to G", {{"x-ptp-target-node-id", "9999"}}), kDone);
  EXPECT_EQ(Pop(g_->channel(), "u"), std::string(kDone) + "to G");
  EXPECT_EQ(UnaryCall(g_->channel(), PacketFrom("9999", "10000")), "OK answer");
  EXPECT_EQ(UnaryCall(h_->channel(), PacketFrom("10000", "9999")), "OK answer");
}

TEST_F(SecureTest, Case46OnlyClientsWithACertificateAreServed) {
  StartG();
  EXPECT_EQ(UnaryCall(ToG(h_files_), PacketFrom("10000", "9999")), "OK answer");
  tls::Files nameless;
  nameless.ca = g_files_.ca;
  EXPECT_THAT(UnaryCall(ToG(nameless), PacketFrom("10000", "9999")), HasSubstr("UNAVAILABLE"));
  EXPECT_THAT(
      UnaryCall(ChannelTo(fmt::format("127.0.0.31:{}", g_port_)), PacketFrom("10000", "9999")),
      HasSubstr("UNAVAILABLE"));
  tls::Files stranger = tls::TestAuthority("other").Write(folder_, "stranger", {});
  stranger.ca = g_files_.ca;
  EXPECT_THAT(UnaryCall(ToG(stranger), PacketFrom("10000", "9999")), HasSubstr("UNAVAILABLE"));
}

TEST_F(SecureTest, Case47QueuesAreNotServedInTls) {
  StartG();
  EXPECT_THAT(Pop(ToG(h_files_), "t"), HasSubstr("UNIMPLEMENTED"));
  EXPECT_THAT(Push(ToG(h_files_), "t", "x", {{"x-ptp-target-node-id", "9999"}}),
              HasSubstr("UNIMPLEMENTED"));
  EXPECT_EQ(Push(g_->channel(), "t", "x", {{"x-ptp-target-node-id", "9999"}}), kDone);
}

TEST_F(SecureTest, APartyThatSpeaksForAnotherIsRefusedNamingBoth) {
  StartG();
  auto h = ToG(h_files_);
  auto names_both = AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("CN=party-10000"),
                          HasSubstr("speaks for 10000, but the call comes from party 10001"));
  const Headers to_g = {{"x-ptp-target-node-id", "9999"}};
  auto with = [&](const std::string& name, const std::string& value) {
    Headers headers = to_g;
    headers[name] = value;
    return headers;
  };
  EXPECT_EQ(Invoke(h, "t", with("x-ptp-source-node-id", "10000")), kDone);
  EXPECT_EQ(Invoke(h, "t", to_g), kDone) << "Java's gateways name no source";
  EXPECT_THAT(Invoke(h, "t", with("x-ptp-source-node-id", "10001")), names_both);
  EXPECT_THAT(Invoke(h, "t", with("x-ptp-from-node-id", "10001")), names_both);
  EXPECT_THAT(Invoke(h, "t", with("x-ptp-source-inst-id", "10001")), names_both);
  EXPECT_THAT(Invoke(h, "s-host-10001-guest-9999-n", to_g), names_both) << "a topic of FATE's";
  EXPECT_EQ(Invoke(h, "s-host-10000-guest-9999-n", to_g), kDone);

  EXPECT_THAT(UnaryCall(h, PacketFrom("10001", "9999")), names_both);
  EXPECT_THAT(PushStream(h, PacketFrom("10001", "9999")), names_both);
  EXPECT_THAT(PushStream(h, PacketFrom("10001", "10002")), names_both) << "in transit as well";
  Packet packet = PacketFrom("10000", "9999");
  RollSiteHeader ext;
  ext.set_srcpartyid("10001");
  ext.set_dstpartyid("9999");
  packet.mutable_header()->set_ext(ext.SerializeAsString());
  EXPECT_THAT(UnaryCall(h, packet), names_both);
}

TEST_F(SecureTest, AnExchangeSpeaksForThePartiesItIsMappedTo) {
  const std::string map = folder_.Write("map.json", R"({"CN=party-10000": "*"})");
  StartG([&](Config* config) { config->tls.party_map = map; });
  auto exchange = ToG(h_files_);
  const Headers from = {{"x-ptp-target-node-id", "9999"}, {"x-ptp-source-node-id", "10001"}};
  EXPECT_EQ(Invoke(exchange, "t", from), kDone);

  folder_.Write("map.json", R"({"CN=party-10000": ["10002", "10003"]})");
  EXPECT_TRUE(Within(10s, [&] {
    return Invoke(exchange, "t", from).find("speaks for 10002, 10003") != std::string::npos;
  })) << "standing connections as well";
  folder_.Write("map.json", "nonsense");
  EXPECT_TRUE(Within(10s, [&] {
    auto metrics = Admin("metrics");
    return metrics.ok() && metrics->body.find("rollsite_tls_files_ok 0") != std::string::npos;
  }));
  EXPECT_THAT(Invoke(exchange, "t", from), HasSubstr("speaks for 10002, 10003"));
}

TEST_F(SecureTest, CertificatesAreRenewedUnderLoadWithoutCuttingStreams) {
  StartG();
  StartH();
  std::atomic<bool> stop = false;
  std::atomic<int> writes = 0;
  std::string result;
  std::thread pusher([&] {
    Packet packet = PacketFrom("9999", "10002");
    packet.mutable_body()->set_value(std::string(100'000, 'x'));
    grpc::ClientContext context;
    ProxyMetadata answer;
    auto writer = DataTransferService::NewStub(g_->channel())->push(&context, &answer);
    while (!stop && writer->Write(packet)) ++writes;
    writer->WritesDone();
    grpc::Status status = writer->Finish();
    result = Show(status, "OK", std::to_string(answer.ack()));
  });
  auto works = [&] { return UnaryCall(g_->channel(), PacketFrom("9999", "10000")); };
  EXPECT_EQ(works(), "OK answer");
  // Both sides move to another authority, one file after the other.
  authority_ = tls::TestAuthority("renewed");
  FilesFor("9999", "127.0.0.31");
  FilesFor("10000", "127.0.0.32");
  EXPECT_TRUE(Within(15s, [&] {
    return UnaryCall(ToG(h_files_), PacketFrom("10000", "9999")) == "OK answer";
  })) << "G knows the new authority";
  EXPECT_TRUE(Within(15s, [&] { return works() == "OK answer"; }));
  EXPECT_TRUE(Within(
      15s, [&] { return UnaryCall(h_->channel(), PacketFrom("10000", "9999")) == "OK answer"; }));
  // Wrong files change nothing.
  folder_.Write("9999.key", "nonsense");
  EXPECT_TRUE(Within(10s, [&] {
    auto metrics = Admin("metrics");
    return metrics.ok() && metrics->body.find("rollsite_tls_files_ok 0") != std::string::npos;
  }));
  EXPECT_EQ(UnaryCall(ToG(h_files_), PacketFrom("10000", "9999")), "OK answer");
  stop = true;
  pusher.join();
  EXPECT_GT(writes, 0);
  EXPECT_EQ(result, fmt::format("OK {}", int64_t{writes} * 100'000));
}

TEST_F(SecureTest, WithoutUsableCertificatesTheRestServesAndHealthSaysWhy) {
  std::filesystem::rename(g_files_.key, g_files_.key + ".away");
  StartG();
  EXPECT_EQ(Push(g_->channel(), "t", "x", {{"x-ptp-target-node-id", "9999"}}), kDone);
  EXPECT_THAT(
      Push(g_->channel(), "t", "x", {{"x-ptp-target-node-id", "10000"}}),
      AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("route_table.10000.default[0]"),
            HasSubstr("cannot read"), HasSubstr("9999.key"), HasSubstr("nothing was sent")));
  auto health = [&] {
    auto answer = Admin("healthz");
    return answer.ok() ? fmt::format("{} {}", answer->status, answer->body) : "";
  };
  EXPECT_THAT(health(), AllOf(HasSubstr("503"), HasSubstr("9999.key")));
  EXPECT_THAT(UnaryCall(ToG(h_files_), PacketFrom("10000", "9999")), HasSubstr("UNAVAILABLE"));
  std::filesystem::rename(g_files_.key + ".away", g_files_.key);
  EXPECT_TRUE(Within(15s, [&] { return health().starts_with("200"); })) << health();
  EXPECT_EQ(UnaryCall(ToG(h_files_), PacketFrom("10000", "9999")), "OK answer");
}

TEST_F(SecureTest, IsSecureTakesEggrollsClientFilesAndOwnPartiesStayInClearText) {
  StartH();
  Site g("127.0.0.31", "9999",
         Table("9999", fmt::format(R"("10000": {{"default": [{{"ip": "127.0.0.32", "port": {},
                                       "is_secure": true}}]}},
                                      "9999": {{"fateflow": [{{"ip": "127.0.0.34", "port": {},
                                       "is_secure": true}}]}})",
                                   h_port_, flow_.port)),
         {"127.0.0.1", 1}, [&](Config* config) { config->tls.client = g_files_; });
  EXPECT_EQ(UnaryCall(g.channel(), PacketFrom("9999", "10000")), "OK answer");
  EXPECT_EQ(UnaryCall(g.channel(), PacketFrom("9999", "9999")), "OK answer");
}

TEST_F(SecureTest, APeerWithAnotherNameIsRefusedUnlessItIsExpected) {
  h_files_ =
      authority_.Write(folder_, "10000", {.name = "party-10000", .alternatives = "DNS:h.example"});
  StartH();
  auto table = [&](const std::string& more) {
    std::string endpoint = Secure("127.0.0.32", h_port_, g_files_);
    endpoint.insert(2, more);
    return Table("9999", fmt::format(R"("10000": {{"default": {}}})", endpoint));
  };
  Site g("127.0.0.31", "9999", table(""));
  EXPECT_THAT(UnaryCall(g.channel(), PacketFrom("9999", "10000")),
              AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("to party 10000"),
                    HasSubstr("CN=party-10000 (DNS:h.example)"),
                    HasSubstr("is not for the name 127.0.0.32")));
  g.WriteTable(table(R"("tlsServerName": "h.example", )"));
  EXPECT_TRUE(Within(
      5s, [&] { return UnaryCall(g.channel(), PacketFrom("9999", "10000")) == "OK answer"; }));
}

// What G's callers are told when H's certificate cannot be trusted, and H's when it may not call.
TEST_F(SecureTest, AnExpiredCertificateNamesPartyHopAndRemedy) {
  StartG();
  StartH();
  EXPECT_EQ(UnaryCall(g_->channel(), PacketFrom("9999", "10000")), "OK answer");
  h_.reset();
  h_files_ = authority_.Write(
      folder_, "10000", {.name = "party-10000", .alternatives = "IP:127.0.0.32", .until_s = 2});
  StartH();
  const absl::Time expired = absl::Now() + absl::Seconds(3);
  EXPECT_TRUE(Within(10s, [&] { return absl::Now() > expired; }));
  g_.reset();  // a connection that stands is not asked again
  StartG();
  const Headers to_h = {{"x-ptp-target-node-id", "10000"}};
  for (const std::string& told : {UnaryCall(g_->channel(), PacketFrom("9999", "10000")),
                                  PushStream(g_->channel(), PacketFrom("9999", "10000")),
                                  Push(g_->channel(), "t", "x", to_h)}) {
    EXPECT_THAT(told,
                AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("to party 10000"),
                      HasSubstr("route_table.10000.default[0]"), HasSubstr("127.0.0.32:"),
                      HasSubstr("has expired on 20"), HasSubstr("its owner has to renew it")));
  }
  FilesFor("10000", "127.0.0.32");
  EXPECT_TRUE(Within(15s, [&] {
    return UnaryCall(g_->channel(), PacketFrom("9999", "10000")) == "OK answer";
  })) << "renewed, without a restart";
}

TEST_F(SecureTest, AWrongAuthorityNamesPartyHopAndRemedyOnBothSides) {
  const std::string own = ReadFile(h_files_.ca);
  StartG();
  h_files_ = tls::TestAuthority("other authority")
                 .Write(folder_, "10000", {.name = "party-10000", .alternatives = "IP:127.0.0.32"});
  StartH();
  EXPECT_THAT(
      UnaryCall(g_->channel(), PacketFrom("9999", "10000")),
      AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("to party 10000"),
            HasSubstr("route_table.10000.default[0]"), HasSubstr("comes from CN=other authority"),
            HasSubstr("9999-ca.crt"), HasSubstr("add it there")));
  folder_.Write("10000-ca.crt", own);  // H knows G's authority, G does not know H's
  EXPECT_TRUE(Within(10s, [&] {
    return UnaryCall(h_->channel(), PacketFrom("10000", "9999")).find("refuses this side's") !=
           std::string::npos;
  }));
  EXPECT_THAT(
      UnaryCall(h_->channel(), PacketFrom("10000", "9999")),
      AllOf(HasSubstr("UNAVAILABLE"), HasSubstr("to party 9999"),
            HasSubstr("certificate CN=party-10000"), HasSubstr("does not trust its authority")));
}

TEST_F(SecureTest, QueueCallsCanBeKeptToTheInnerListener) {
  StartG([](Config* config) {
    config->access.inner = {"127.0.0.33", 0};
    config->access.queue_clients = AccessSettings::Clients::kInner;
    config->http_port = FreePort("127.0.0.31");
  });
  http::ClientRequest over_http{
      .method = "POST",
      .url = fmt::format("http://127.0.0.31:{}/v1/interconn/chan/pop", g_->rollsite()->http_port()),
      .headers = {{"x-ptp-tech-provider-code", "FATE"}, {"x-ptp-session-id", "s"}},
      .body = R"({"topic": "t", "timeout": 1})"};
  auto popped = http::Fetch(over_http);
  ASSERT_TRUE(popped.ok()) << popped.status();
  EXPECT_THAT(popped->body, HasSubstr("queue calls from 127.0.0.1 are not allowed here"));
  auto inner = ChannelTo(fmt::format("127.0.0.33:{}", g_->rollsite()->Port(Entrance::kInner)));
  const Headers to_g = {{"x-ptp-target-node-id", "9999"}};
  EXPECT_THAT(Push(g_->channel(), "t", "x", to_g),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("inner listener")));
  EXPECT_THAT(Pop(g_->channel(), "t"), HasSubstr("PERMISSION_DENIED"));
  EXPECT_EQ(Push(inner, "t", "x", to_g), kDone);
  EXPECT_EQ(Pop(inner, "t"), std::string(kDone) + "x");
  EXPECT_EQ(Invoke(g_->channel(), "t", to_g), kDone) << "what other parties need is served";
  EXPECT_EQ(UnaryCall(inner, PacketFrom("9999", "9999")), "OK answer");
}

// A party that could poll as another would take what is meant for it.
// spec/rollsite.md 8.4: whoever registers as a party gets what is meant for it.
TEST_F(SecureTest, APartyPollsAsItselfOnly) {
  StartG([](Config* config) { config->polling_server = true; });
  auto poll = [&](const std::string& party) {
    grpc::ClientContext context;
    context.set_deadline(std::chrono::system_clock::now() + 20s);
    auto stub = DataTransferService::NewStub(ToG(h_files_));
    auto stream = stub->polling(&context);
    PollingFrame frame;
    frame.mutable_metadata()->mutable_dst()->set_partyid(party);
    stream->Write(frame);
    const bool parked = Within(2s, [&] { return g_->rollsite()->parked_polling_streams() == 1; });
    if (parked) context.TryCancel();
    while (stream->Read(&frame)) {
    }
    return (parked ? "parked " : "refused ") + Show(stream->Finish(), "OK", "");
  };
  EXPECT_THAT(poll("10000"), HasSubstr("parked CANCELLED"));
  EXPECT_TRUE(Within(5s, [&] { return g_->rollsite()->parked_polling_streams() == 0; }));
  EXPECT_THAT(poll("10001"),
              AllOf(HasSubstr("refused PERMISSION_DENIED"), HasSubstr("CN=party-10000"),
                    HasSubstr("speaks for 10000, but the call comes from party 10001")));
}

// Party 10000 has no inbound port: its calls come over TLS that it opened itself.
TEST_F(SecureTest, PollingWorksInTls) {
  g_ = Start("127.0.0.31", "9999", g_port_, g_files_,
             R"("10000": {"default": [{"is_polling": true}]})",
             [](Config* config) { config->polling_server = true; });
  Site party(
      "127.0.0.35", "10000",
      Table("10000", fmt::format(R"("default": {{"default": {}}}, "10000": {{"fateflow": {}}})",
                                 Secure("127.0.0.31", g_port_, h_files_),
                                 EndpointJson("127.0.0.34", flow_.port))),
      {"127.0.0.1", 1}, [](Config* config) {
        config->polling_client = true;
        config->polling_streams = 2;
      });
  for (int i = 0; i < 5; ++i) {
    EXPECT_EQ(UnaryCall(g_->channel(), PacketFrom("9999", "10000")), "OK answer");
  }
}

TEST_F(SecureTest, TokensAreSentAndChecked) {
  StartG([](Config* config) {
    config->access.tokens = AccessSettings::Tokens::kAll;
    config->access.expected = {{"10000", "of H"}};
  });
  const Headers to_g = {{"x-ptp-target-node-id", "9999"}};
  EXPECT_THAT(Invoke(ToG(h_files_), "t", to_g),
              AllOf(HasSubstr("PERMISSION_DENIED"), HasSubstr("token is invalid"),
                    HasSubstr("for party 10000 has no x-ptp-token")));
  StartH([](Config* config) { config->access.outgoing_token = "of H"; });
  EXPECT_EQ(Push(h_->channel(), "t", "x", to_g), kDone);
  EXPECT_EQ(UnaryCall(h_->channel(), PacketFrom("10000", "9999")), "OK answer");
  Headers other = to_g;
  other["x-ptp-token"] = "other";
  EXPECT_THAT(Push(h_->channel(), "t", "x", other), HasSubstr("has another x-ptp-token"));
}

// Java's gateways name no source: all calls of one certificate count together, and only those.
TEST_F(SecureTest, ACertificateSaysWhoseQuotaAQueueCallTakesUp) {
  auto deaf = relay::Socket::Listen({"127.0.0.34", 0});  // takes connections and says nothing
  ASSERT_TRUE(deaf.ok());
  g_ = Start(
      "127.0.0.31", "9999", g_port_, g_files_,
      fmt::format(R"("10007": {{"default": {}}})", EndpointJson("127.0.0.34", deaf->LocalPort())),
      [](Config* config) { config->quotas.streams = 1; });
  auto h = ToG(h_files_);
  auto open = std::async(std::launch::async, [&] {
    return Invoke(h, "t", {{"x-ptp-target-node-id", "10007"}});
  });
  ASSERT_TRUE(Within(4s, [&] {
    auto metrics = Admin("metrics");
    return metrics.ok() &&
           metrics->body.find(R"(rollsite_party_calls{party="10000"} 1)") != std::string::npos;
  }));
  const Headers to_g = {{"x-ptp-target-node-id", "9999"}};
  const auto full = AllOf(HasSubstr("RESOURCE_EXHAUSTED"),
                          HasSubstr("party 10000 has 1 calls open here and may have 1"));
  EXPECT_THAT(Invoke(h, "t", to_g), full);
  Headers named = to_g;
  named["x-ptp-source-node-id"] = "10000";
  EXPECT_THAT(Invoke(h, "t", named), full);
  named["x-ptp-source-node-id"] = "9999";  // whose calls are not counted
  EXPECT_THAT(Invoke(h, "t", named), HasSubstr("PERMISSION_DENIED"));
  auto other = ToG(FilesFor("10001", "127.0.0.35"));
  EXPECT_EQ(Invoke(other, "t", to_g), kDone);
  EXPECT_THAT(open.get(), HasSubstr("to party 10007"));
  EXPECT_EQ(Invoke(h, "t", to_g), kDone);
}

// spec/rollsite.md 5.9: HTTP brings no certificate, so it is an entrance in clear text.
TEST_F(SecureTest, HeadersOfTheHttpInterfaceMakeNobodyAnotherParty) {
  StartG([](Config* config) {
    config->access.inner = {"127.0.0.33", 0};
    config->access.queue_clients = AccessSettings::Clients::kInner;
    config->access.plain_clients = AccessSettings::Clients::kInner;
    config->http_port = FreePort("127.0.0.31");
  });
  auto invoke = [&](const std::string& name, const std::string& value) {
    http::ClientRequest request{
        .method = "POST",
        .url = fmt::format("http://127.0.0.31:{}/v1/interconn/chan/invoke",
                           g_->rollsite()->http_port()),
        .headers = {{"x-ptp-tech-provider-code", "FATE"},
                    {"x-ptp-session-id", "s"},
                    {"x-ptp-target-node-id", "9999"},
                    {"x-ptp-uri", "/org.ppc.ptp.PrivateTransferTransport/push"},
                    {name, value}},
        .body = R"({"payload": "CgF0EgFw"})"};
    auto answer = http::Fetch(request);
    return answer.ok() ? answer->body : ToText(answer.status());
  };
  for (const char* name :
       {"x-ptp-source-node-id", "x-ptp-from-node-id", "x-ptp-source-inst-id", "x-fate-carried"}) {
    EXPECT_THAT(invoke(name, "10000"),
                HasSubstr("calls in clear text from 127.0.0.1 are not allowed here"))
        << name;
  }
  EXPECT_EQ(g_->rollsite()->queue_stats().messages, 0u);
}

}  // namespace
}  // namespace fate::rollsite
