// OSX's HTTP interface (spec/rollsite.md 5.9; 15, cases 52 and 53).
#include "rollsite/http_interface.h"

#include <arpa/inet.h>
#include <sys/socket.h>

#include "http/client.h"
#include "rollsite/free_port.h"
#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;

class HttpTest : public ::testing::Test {
 protected:
  HttpTest()
      : site_("127.0.0.37", "9999", R"({"route_table": {}, "self_party": ["9999"]})",
              {"127.0.0.1", 1}, [](Config* config) {
                config->http_port = FreePort("127.0.0.37");
                config->route_changes_need_token = true;
                config->route_token = "1234";
              }) {}
  std::string Url(const std::string& path) {
    return fmt::format("http://127.0.0.37:{}{}", site_.rollsite()->http_port(), path);
  }
  // "<status> <body>"
  std::string Post(const std::string& path, const std::string& body,
                   const std::string& target = "9999", const std::string& uri = "") {
    http::ClientRequest request{.method = "POST", .url = Url(path)};
    request.headers = {{"x-ptp-tech-provider-code", "FATE"},
                       {"x-ptp-session-id", "s"},
                       {"x-ptp-target-node-id", target}};
    if (!uri.empty()) request.headers.push_back({"x-ptp-uri", uri});
    request.body = body;
    const auto response = http::Fetch(request);
    if (!response.ok()) return ToText(response.status());
    return fmt::format("{} {}", response->status, response->body);
  }
  Site site_;
};

TEST_F(HttpTest, Case52MessagesGoInAndOut) {
  EXPECT_EQ(Post("/v1/interconn/chan/push", R"({"topic": "t", "payload": "AQI="})"),
            R"(200 {"code":"E0000000000","msg":"success"})");
  EXPECT_EQ(Post("/v1/interconn/chan/pop", R"({"topic": "t", "timeout": 300})"),
            R"(200 {"code":"E0000000000","msg":"","payload":"AQI="})");
  EXPECT_EQ(Post("/v1/interconn/chan/pop", R"({"topic": "t", "timeout": 1})"),
            R"(200 {"code":"E0000000601","msg":"CONSUME_MSG_TIMEOUT","payload":""})");
  EXPECT_EQ(Post("/v1/interconn/chan/release", R"({"topic": ""})"),
            R"(200 {"code":"E0000000000","message":"success"})");
}

// spec/rollsite.md 5.9
TEST_F(HttpTest, Case52PeekTakesAMessageWithoutWaitingAndInvokePushes) {
  EXPECT_EQ(Post("/v1/interconn/chan/peek", R"({"topic": "t"})"),
            R"(200 {"code":"E0000000000","msg":"","payload":""})");
  // PushInbound{topic "t", payload 01 02}
  EXPECT_EQ(Post("/v1/interconn/chan/invoke", R"({"payload": "CgF0EgIBAg=="})", "9999",
                 "/v1/interconn/chan/push"),
            R"(200 {"code":"E0000000000","message":"success","payload":""})");
  EXPECT_EQ(Post("/v1/interconn/chan/peek", R"({"topic": "t"})"),
            R"(200 {"code":"E0000000000","msg":"","payload":"AQI="})");
  EXPECT_EQ(Post("/v1/interconn/chan/peek", R"({"topic": "t"})"),
            R"(200 {"code":"E0000000000","msg":"","payload":""})");
  EXPECT_THAT(Post("/v1/interconn/chan/invoke", R"({"payload": ""})", "9999", "/elsewhere"),
              HasSubstr(R"("code":"E0000000400","message":"PARTY_9999:uri /elsewhere)"));
}

TEST_F(HttpTest, FailuresCarryTheCode) {
  EXPECT_THAT(Post("/v1/interconn/chan/push", R"({"topic": "t", "payload": "AQI="})", "77"),
              StartsWith(R"(200 {"code":"130","msg":"PARTY_9999:can not found router info)"));
  EXPECT_THAT(Post("/v1/interconn/chan/push", R"({"topic": "", "payload": ""})"),
              HasSubstr(R"("code":"E0000000400","msg":"PARTY_9999:topic is null)"));
  EXPECT_THAT(Post("/v1/interconn/chan/push", R"({"topic": "t", "payload": "%"})"),
              HasSubstr("no base64"));
  EXPECT_THAT(Post("/v1/interconn/chan/pop", "[]"), HasSubstr("invalid json"));
  // The JSON library's recursion would end the process.
  const std::string deep(1'000'000, '['), shut(1'000'000, ']');
  EXPECT_THAT(Post("/v1/interconn/chan/pop", "{\"topic\": " + deep + shut + "}"),
              HasSubstr("invalid json"));
  EXPECT_THAT(Post("/v1/inner/router/add", "{\"token\": " + deep + shut + "}"),
              HasSubstr("invalid json"));
}

TEST_F(HttpTest, Case53AnUnknownUriIs502) {
  EXPECT_THAT(Post("/v1/nowhere", "{}"), StartsWith("502 "));
  EXPECT_THAT(Post("/v1/interconn/chan/transport", "{}"), StartsWith("502 "));
  EXPECT_THAT(Post("/v1/inner/router/drop", R"({"token": "1234"})"), StartsWith("502 "));
}

TEST_F(HttpTest, Case53HttpOneDotZeroIs405) {
  const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(site_.rollsite()->http_port()));
  inet_pton(AF_INET, "127.0.0.37", &address.sin_addr);
  ASSERT_EQ(connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
  const std::string request =
      "POST /v1/interconn/chan/push HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}";
  ASSERT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t n; (n = read(fd, buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<size_t>(n));
  }
  close(fd);
  EXPECT_THAT(answer, HasSubstr(" 405 "));
}

TEST_F(HttpTest, TheRouteTableIsChangedWithTheToken) {
  EXPECT_THAT(Post("/v1/inner/router/get", "{}"), HasSubstr(R"(\"self_party\": [\"9999\"])"));
  EXPECT_THAT(Post("/v1/inner/router/self", R"({"selfParty": ["9999", "8888"]})"),
              HasSubstr("token is invalid"));
  EXPECT_THAT(Post("/v1/inner/router/self", R"({"token": "1234", "selfParty": ["9999", "8888"]})"),
              HasSubstr("E0000000000"));
  EXPECT_THAT(Post("/v1/inner/router/add",
                   R"({"token": "1234", "desPartyId": "7", "ip": "127.0.0.38", "port": 9})"),
              HasSubstr("E0000000000"));
  EXPECT_THAT(Post("/v1/inner/router/get", "{}"), HasSubstr("127.0.0.38"));
  EXPECT_THAT(Post("/v1/inner/router/set", R"({"token": "1234", "data": "{\"route_table\": 5}"})"),
              HasSubstr("E0000000400"));
  EXPECT_TRUE(Within(5s, [&] {
    return Post("/v1/interconn/chan/push", R"({"topic": "t", "payload": "AQI="})", "8888")
               .find("E0000000000") != std::string::npos;
  }));
}

}  // namespace
}  // namespace fate::rollsite
