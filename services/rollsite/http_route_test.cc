// Routes with protocol http between two gateways (spec/rollsite.md 5.4, 5.5, 5.9).
#include <fcntl.h>
#include <openssl/ssl.h>
#include <sys/socket.h>

#include <atomic>
#include <mutex>
#include <thread>

#include "http/server.h"
#include "proxy/proxy.grpc.pb.h"
#include "rollsite/free_port.h"
#include "rollsite/http_calls.h"
#include "rollsite/http_forward.h"
#include "rollsite/queue_stub.h"
#include "rollsite/test_support.h"
#include "tls/test_certificates.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::DataTransferService;
using com::webank::ai::eggroll::api::networking::proxy::Metadata;
using com::webank::ai::eggroll::api::networking::proxy::Packet;
using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

constexpr char kStored[] = "E0000000000|success|";

std::string HttpTable(const std::string& self, const std::string& party, const std::string& url,
                      const std::string& more = "") {
  return fmt::format(R"({{"route_table": {{"{}": {{"default": [{{"protocol": "http",
                          "url": "{}"{}}}]}}}}, "self_party": ["{}"]}})",
                     party, url, more, self);
}

// G, party 9999, and H, party 10000, reach each other by HTTP only.
class HttpRoutes : public ::testing::Test {
 protected:
  HttpRoutes()
      : g_("127.0.0.38", "9999", HttpTable("9999", "10000", Url("127.0.0.39", h_http_)), kNoManager,
           [this](Config* config) { config->http_port = g_http_; }),
        h_("127.0.0.39", "10000", HttpTable("10000", "9999", Url("127.0.0.38", g_http_) + "/"),
           kNoManager, [this](Config* config) { config->http_port = h_http_; }),
        at_g_(g_.channel()),
        at_h_(h_.channel()) {}
  static std::string Url(const std::string& host, int port) {
    return fmt::format("http://{}:{}", host, port);
  }

  const relay::Address kNoManager = {"127.0.0.1", 1};
  const int g_http_ = FreePort("127.0.0.38"), h_http_ = FreePort("127.0.0.39");
  Site g_, h_;
  QueueStub at_g_, at_h_;
};

TEST_F(HttpRoutes, MessagesPassInBothDirections) {
  const std::string bytes("\0\xff\n\"\\{}", 7);
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "to \"H\"", bytes), kStored);
  EXPECT_EQ(at_h_.Pop("to \"H\"", 5000), "E0000000000||" + bytes);
  EXPECT_EQ(at_h_.Push({.target = "9999"}, "t", ""), kStored);
  EXPECT_EQ(at_g_.Pop("t", 5000), "E0000000000||");
  for (size_t size : {1, 2, 3, 49151, 49152, 49153, 100'000}) {
    const std::string message(size, 'm');
    EXPECT_EQ(at_g_.Push({.target = "10000"}, "sizes", message), kStored);
    EXPECT_TRUE(at_h_.Pop("sizes", 5000) == "E0000000000||" + message) << size;
  }
}

TEST_F(HttpRoutes, ARepeatedNumberIsStoredOnce) {
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(
        at_g_.Push({.target = "10000", .more = {{"x-fate-producer", "p"}, {"x-fate-seq", "1"}}},
                   "t", "a"),
        kStored);
    EXPECT_EQ(at_g_.Header("x-fate-seq"), "1");
  }
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 1u);
  EXPECT_EQ(h_.rollsite()->queue_stats().repeated_pushes, 2u);
}

TEST_F(HttpRoutes, WhatThePeerAnswersIsTheAnswer) {
  EXPECT_THAT(at_g_.Push({.session = "", .target = "10000"}, "t", "a"),
              AllOf(HasSubstr("status 3"), HasSubstr("PARTY_10000:"), HasSubstr("session")));
  EXPECT_THAT(at_g_.Push({.target = "10000", .more = {{"x-fate-producer", "p"}}}, "t", "a"),
              HasSubstr("x-fate-seq is ''"));
}

TEST_F(HttpRoutes, AMessageBeyondTheBoundIsRefusedByName) {
  const std::string large(kMaxHttpPayloadBytes - 100, 'x');
  EXPECT_EQ(at_g_.Push({.target = "10000"}, "t", large), kStored);
  EXPECT_TRUE(at_h_.Pop("t", 5000) == "E0000000000||" + large);
  EXPECT_THAT(at_g_.Push({.target = "10000"}, "t", large + std::string(200, 'x')),
              AllOf(HasSubstr("status 8"), HasSubstr("party 10000"),
                    HasSubstr(std::to_string(kMaxHttpPayloadBytes)), HasSubstr("smaller parts")));
  EXPECT_EQ(h_.rollsite()->queue_stats().messages, 0u);
}

TEST_F(HttpRoutes, StreamsAndUnaryCallsAreRefusedByName) {
  auto stub = DataTransferService::NewStub(g_.channel());
  Packet packet, answer;
  packet.mutable_header()->mutable_dst()->set_partyid("10000");
  grpc::ClientContext unary, stream;
  const auto called = stub->unaryCall(&unary, packet, &answer);
  EXPECT_EQ(called.error_code(), grpc::StatusCode::UNIMPLEMENTED);
  EXPECT_THAT(called.error_message(), AllOf(HasSubstr("invalid router info for grpc stream"),
                                            HasSubstr("route_table.10000.default[0]")));
  Metadata ack;
  auto writer = stub->push(&stream, &ack);
  writer->Write(packet);
  writer->WritesDone();
  EXPECT_THAT(writer->Finish().error_message(), HasSubstr("over which only queues go"));
}

TEST_F(HttpRoutes, APeerThatIsDownIsToldAtOnce) {
  h_.Stop();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_THAT(at_g_.Push({.target = "10000"}, "t", "a"),
              AllOf(HasSubstr("status 14 code E0000000607: PARTY_9999:send to 127.0.0.39:"),
                    HasSubstr("to party 10000"), HasSubstr("cannot connect"), HasSubstr("check"),
                    Not(HasSubstr("not known"))));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
}

TEST_F(HttpRoutes, AnExchangePassesInvokesOnByHttp) {
  Site other("127.0.0.40", "7",
             fmt::format(R"({{"route_table": {{"default": {{"default": {}}}}},
                             "self_party": ["7"]}})",
                         EndpointJson("127.0.0.38", g_.port())));
  QueueStub at_other(other.channel());
  EXPECT_EQ(at_other.Push({.target = "10000"}, "t", "a"), kStored);
  EXPECT_EQ(at_h_.Pop("t", 5000), "E0000000000||a");
}

TEST_F(HttpRoutes, ACircleEnds) {
  g_.WriteTable(HttpTable("9999", "5", Url("127.0.0.39", h_http_)));
  h_.WriteTable(HttpTable("10000", "5", Url("127.0.0.38", g_http_)));
  std::string answer;
  EXPECT_TRUE(Within(10s, [&] {
    answer = at_g_.Push({.target = "5"}, "t", "a");
    return answer.find("has passed 8 gateways") != std::string::npos;
  })) << answer;
}

// A peer made by hand: answers with what `answer` gives for each request.
class HandMadePeer {
 public:
  explicit HandMadePeer(std::function<http::Response(const http::Request&)> answer) {
    auto started = http::Server::Start(
        {.host = "127.0.0.39"},
        [this, answer = std::move(answer)](const http::Request& request, http::Respond respond) {
          {
            std::lock_guard lock(mutex_);
            requests_.push_back(request);
          }
          respond(answer(request));
        });
    EXPECT_TRUE(started.ok()) << started.status();
    server_ = *std::move(started);
  }
  std::string url() const { return fmt::format("http://127.0.0.39:{}", server_->port()); }
  std::vector<http::Request> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  std::mutex mutex_;
  std::vector<http::Request> requests_;
  std::unique_ptr<http::Server> server_;
};

std::string PushTo(const std::string& url) {
  Site g("127.0.0.38", "9999", HttpTable("9999", "10000", url));
  return QueueStub(g.channel()).Push({.target = "10000"}, "t", "abc");
}

std::string PushToPeerThatAnswers(int status, const std::string& body) {
  HandMadePeer peer([&](const http::Request&) {
    http::Response response;
    response.status = status;
    response.body = body;
    return response;
  });
  return PushTo(peer.url());
}

TEST(HttpPeers, AnswersThatAreNoSuccessAreFailures) {
  EXPECT_EQ(PushToPeerThatAnswers(200, R"({"code": "E0000000000", "message": "success"})"),
            kStored);
  EXPECT_THAT(PushToPeerThatAnswers(200, R"({"code": "E0000000500", "message": "no room"})"),
              AllOf(HasSubstr("status 3"), HasSubstr("E0000000500: no room"),
                    HasSubstr("answered on the way from"), HasSubstr("party 10000")));
  EXPECT_THAT(PushToPeerThatAnswers(200, R"({"code": 130, "msg": "no route"})"),
              HasSubstr("status 5 code 130: no route"));
  EXPECT_THAT(PushToPeerThatAnswers(200, "<html>welcome</html>"),
              AllOf(HasSubstr("status 14"), HasSubstr("no JSON with a code: '<html>welcome"),
                    HasSubstr("party 10000")));
  EXPECT_THAT(PushToPeerThatAnswers(200, "[]"), HasSubstr("no JSON with a code"));
  EXPECT_THAT(PushToPeerThatAnswers(200, R"({"code": ""})"), HasSubstr("no JSON with a code"));
  EXPECT_THAT(PushToPeerThatAnswers(200, std::string(5000, '[')), HasSubstr("no JSON"));
  EXPECT_THAT(PushToPeerThatAnswers(404, "nothing here"),
              HasSubstr("it answers HTTP 404: nothing here"));
  EXPECT_THAT(PushToPeerThatAnswers(200, std::string(2 << 20, ' ')),
              HasSubstr("the answer has more than 1048576 bytes"));
}

TEST(HttpPeers, OsxsUrlForPushesGetsTopicAndPayload) {
  HandMadePeer peer([](const http::Request&) {
    return http::Response{.body = R"({"code": "E0000000000", "msg": "success"})"};
  });
  EXPECT_EQ(PushTo(peer.url() + "/v1/interconn/chan/push"), kStored);
  EXPECT_EQ(PushTo(peer.url() + "/own/path"), kStored);
  ASSERT_EQ(peer.requests().size(), 2u);
  const http::Request first = peer.requests()[0], second = peer.requests()[1];
  EXPECT_EQ(first.path, "/v1/interconn/chan/push");
  EXPECT_EQ(first.body, R"({"topic": "t", "payload": "YWJj"})");
  EXPECT_EQ(first.Header("x-ptp-session-id"), "s");
  EXPECT_EQ(first.Header("x-ptp-target-node-id"), "10000");
  EXPECT_EQ(first.Header("x-fate-seq"), "1");
  EXPECT_EQ(first.Header("content-type"), "application/json");
  EXPECT_EQ(second.path, "/own/path");
  EXPECT_EQ(second.body, R"({"payload": "CgF0EgNhYmM="})") << "a PushInbound";
}

// A proxy's 503 may hide that the call was carried out: the peer is asked, and only then, when it
// knows numbers, sent the message again.
TEST(HttpPeers, WhatIsInDoubtIsAskedAbout) {
  int calls = 0;
  HandMadePeer peer([&](const http::Request& request) {
    http::Response response;
    const bool asks = request.Header("x-ptp-uri").ends_with("/query");
    response.status = ++calls == 1 ? 503 : 200;
    response.body =
        fmt::format(R"({{"code": "E0000000000", "message": "{}"}})", asks ? "absent" : "success");
    response.headers = {{"x-fate-seq", "1"}};
    return response;
  });
  EXPECT_EQ(PushTo(peer.url()), kStored);
  const auto requests = peer.requests();
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_THAT(requests[1].Header("x-ptp-uri"), HasSubstr("QueueTransport/query"));
  EXPECT_EQ(requests[2].Header("x-fate-producer"), requests[0].Header("x-fate-producer"));
  EXPECT_EQ(requests[2].Header("x-fate-seq"), "1");
  EXPECT_EQ(requests[2].body, requests[0].body);
}

TEST(HttpPeers, APeerThatKnowsNoNumbersIsNotSentAMessageTwice) {
  HandMadePeer peer([&](const http::Request& request) {
    http::Response response;
    const bool asks = request.Header("x-ptp-uri").ends_with("/query");
    response.status = asks ? 200 : 502;
    response.body = R"({"code": "E0000000500", "message": "uri is unknown"})";
    return response;
  });
  EXPECT_THAT(PushTo(peer.url()), AllOf(HasSubstr("status 14"),
                                        HasSubstr("whether the message was stored is not known")));
  EXPECT_EQ(peer.requests().size(), 2u);
}

// One HTTPS answer for a client with a certificate, by OpenSSL itself; without ALPN, as older
// servers are.
class TlsPeer {
 public:
  explicit TlsPeer(const tls::Files& files)
      : listener_(*relay::Socket::Listen({"127.0.0.39", 0})), port_(listener_.LocalPort()) {
    context_ = SSL_CTX_new(TLS_server_method());
    SSL_CTX_use_certificate_chain_file(context_, files.certificate.c_str());
    SSL_CTX_use_PrivateKey_file(context_, files.key.c_str(), SSL_FILETYPE_PEM);
    SSL_CTX_load_verify_locations(context_, files.ca.c_str(), nullptr);
    SSL_CTX_set_verify(context_, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
    thread_ = std::thread([this] { Serve(); });
  }
  ~TlsPeer() {
    shutdown(listener_.fd(), SHUT_RDWR);
    thread_.join();
    SSL_CTX_free(context_);
  }
  std::string url() const { return fmt::format("https://127.0.0.39:{}", port_); }
  std::string request;  // once it is destroyed

 private:
  void Serve() {
    const int flags = fcntl(listener_.fd(), F_GETFL);
    fcntl(listener_.fd(), F_SETFL, flags & ~O_NONBLOCK);
    for (int fd; (fd = accept(listener_.fd(), nullptr, nullptr)) >= 0; close(fd)) {
      SSL* ssl = SSL_new(context_);
      SSL_set_fd(ssl, fd);
      if (SSL_accept(ssl) == 1) Answer(ssl);
      SSL_shutdown(ssl);
      SSL_free(ssl);
    }
  }
  void Answer(SSL* ssl) {
    char buffer[4096];
    std::string text;
    while (!text.ends_with("\"}")) {
      const int size = SSL_read(ssl, buffer, sizeof buffer);
      if (size <= 0) return;
      text.append(buffer, static_cast<size_t>(size));
    }
    request = text;
    const std::string body = R"({"code": "E0000000000", "message": "success"})";
    const std::string answer = fmt::format("HTTP/1.1 200 OK\r\n\r\n{}", body);
    SSL_write(ssl, answer.data(), static_cast<int>(answer.size()));
  }
  relay::Socket listener_;
  const int port_;
  SSL_CTX* context_;
  std::thread thread_;
};

TEST(HttpPeers, AnHttpsUrlIsReachedWithTheRoutesCertificates) {
  tls::TestFolder folder;
  tls::TestAuthority authority;
  const auto files =
      authority.Write(folder, "peer", {.name = "peer", .alternatives = "IP:127.0.0.39"});
  const auto mine = authority.Write(folder, "mine", {.name = "mine"});
  const auto others = tls::TestAuthority("other").Write(folder, "others", {.name = "others"});
  auto push = [&](const std::string& url, const tls::Files& with) {
    Site g("127.0.0.38", "9999",
           HttpTable("9999", "10000", url,
                     fmt::format(R"(, "useSSL": true, "caFile": "{}", "certChainFile": "{}",
                                    "privateKeyFile": "{}")",
                                 with.ca, with.certificate, with.key)));
    return QueueStub(g.channel()).Push({.target = "10000"}, "t", "abc");
  };
  auto peer = std::make_unique<TlsPeer>(files);
  EXPECT_EQ(push(peer->url(), mine), kStored);
  EXPECT_THAT(push(peer->url(), others), AllOf(HasSubstr("status 14 code E0000000607"),
                                               HasSubstr("which is no authority of")));
  // Never in clear text where the route asks for TLS: such a table is not taken.
  EXPECT_THAT(push("http" + peer->url().substr(5), mine), HasSubstr("status 5 code 130"));
}

TEST(HttpCalls, ABodyIsAsLongAsItSays) {
  for (size_t size : {0, 1, 2, 3, 4, 49151, 49152, 49153, 98304}) {
    HttpBody body(Rope(std::string(size, 'b')));
    std::string text;
    const size_t announced = body.size();
    while (text.size() < announced) {
      const std::string piece = body.Next();
      ASSERT_FALSE(piece.empty());
      text += piece;
    }
    EXPECT_EQ(text.size(), announced) << size;
    auto call = ParseHttpCall("invoke", text);
    ASSERT_TRUE(call.ok()) << call.status();
    Inbound inbound;
    ASSERT_TRUE(inbound.ParseFromString(call->message));
    EXPECT_EQ(inbound.payload(), std::string(size, 'b'));
  }
}

}  // namespace
}  // namespace fate::rollsite
