#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <future>
#include <thread>

#include "base/limits.h"
#include "base/status.h"
#include "http/admin.h"
#include "http/client.h"
#include "http/server.h"
#include "http/url.h"

namespace fate::http {
namespace {

using ::testing::HasSubstr;

std::string ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Answers with what it saw: method, path, query and body, or the spooled upload.
void Echo(const Request& request, Respond respond) {
  Response response{.content_type = "text/plain"};
  response.body = request.method + " " + request.path;
  for (const auto& [key, value] : request.query) response.body += " " + key + "=" + value;
  response.body += " body=" + request.body;
  if (!request.body_file.empty()) response.body += " file=" + ReadFile(request.body_file);
  response.headers.emplace_back("X-Agent", request.Header("x-test"));
  std::thread([response, respond] { respond(response); }).detach();
}

class HttpTest : public ::testing::Test {
 protected:
  void SetUp() override {
    spool_ = ::testing::TempDir() + "/http_test." + std::to_string(getpid());
    std::filesystem::create_directories(spool_);
    auto server = Server::Start({.spool_dir = spool_}, &Echo);
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
    base_ = "http://127.0.0.1:" + std::to_string(server_->port());
  }
  void TearDown() override { std::filesystem::remove_all(spool_); }
  std::string spool_, base_;
  std::unique_ptr<Server> server_;
};

TEST_F(HttpTest, DecodesTargetAndPassesHeadersAndBody) {
  auto response = Fetch({.method = "POST",
                         .url = base_ + "/a%20b?x=1&x=%2F&e",
                         .headers = {{"X-Test", "me"}},
                         .body = "{}"});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->body, "POST /a b x=1 x=/ e= body={}");
  EXPECT_EQ(response->headers["x-agent"], "me");
}

TEST_F(HttpTest, UploadsAreSpooledAndRemoved) {
  std::string path = spool_ + "/source.csv";
  std::string content(3 << 20, 'x');
  std::ofstream(path, std::ios::binary) << content;
  auto response = Fetch({.method = "POST",
                         .url = base_ + "/up",
                         .form_fields = {{"head", "true"}},
                         .form_files = {{"file", path}}});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_THAT(response->body, HasSubstr("filename=\"source.csv\""));
  EXPECT_THAT(response->body, HasSubstr(content));
  std::vector<std::string> left;
  for (const auto& entry : std::filesystem::directory_iterator(spool_)) {
    left.push_back(entry.path().filename());
  }
  EXPECT_THAT(left, ::testing::ElementsAre("source.csv"));
}

TEST_F(HttpTest, TooLargeBodiesAndHeadersAreRefused) {
  std::string big(kMaxHttpBodyBytes + 1, 'x');
  auto body = Fetch({.method = "POST", .url = base_ + "/", .body = big});
  ASSERT_TRUE(body.ok()) << body.status();
  EXPECT_EQ(body->status, 413);
  auto header = Fetch(
      {.url = base_ + "/", .headers = {{"X-Big", std::string(kMaxHttpHeaderBytes + 1, 'h')}}});
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->status, 431);
}

TEST_F(HttpTest, ABadEscapeIsRefused) {
  auto response = Fetch({.url = base_ + "/a%zz"});
  ASSERT_TRUE(response.ok()) << response.status();
  EXPECT_EQ(response->status, 400);
}

TEST_F(HttpTest, ATakenPortAndADeadServerAreNamed) {
  auto second = Server::Start({.port = server_->port()}, &Echo);
  EXPECT_THAT(Message(second.status()), HasSubstr(std::to_string(server_->port())));
  server_->Stop();
  auto response = Fetch({.url = base_ + "/x"});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(response.status()), HasSubstr(base_));
}

TEST(HttpAnswers, MayComeLaterThanTheServersEnd) {
  std::promise<Respond> arrived;
  auto server = *Server::Start(
      {}, [&](const Request&, Respond respond) { arrived.set_value(std::move(respond)); });
  const std::string url = fmt::format("http://127.0.0.1:{}/x", server->port());
  auto client = std::async(std::launch::async, [&] { return Fetch({.url = url}); });
  const Respond respond = arrived.get_future().get();
  server.reset();
  EXPECT_EQ(client.get().status().code(), absl::StatusCode::kUnavailable);
  respond({.body = "too late"});
}

TEST(HttpAnswers, AHandlerThatGivesNoneEndsTheConnection) {
  auto server = *Server::Start({}, [](const Request&, const Respond&) {});
  auto response = Fetch({.url = fmt::format("http://127.0.0.1:{}/x", server->port())});
  EXPECT_EQ(response.status().code(), absl::StatusCode::kUnavailable);
}

TEST(HttpAdmin, ServesHealthAndMetrics) {
  absl::Status health;
  auto admin = StartAdmin("127.0.0.1", 0, [&health] { return health; });
  ASSERT_TRUE(admin.ok()) << admin.status();
  std::string base = "http://127.0.0.1:" + std::to_string((*admin)->port());
  EXPECT_EQ(Fetch({.url = base + "/healthz"})->body, "ok\n");
  EXPECT_THAT(Fetch({.url = base + "/metrics"})->body, HasSubstr("process_resident_memory_bytes"));
  health = UnavailableError("no route table");
  auto sick = Fetch({.url = base + "/healthz"});
  EXPECT_EQ(sick->status, 503);
  EXPECT_EQ(sick->body, "no route table\n");
  EXPECT_EQ(Fetch({.url = base + "/other"})->status, 404);
}

TEST(Url, DecodeRefusesNulAndHalfEscapes) {
  EXPECT_EQ(UrlDecode("a%2Bb+c", true), "a+b c");
  EXPECT_EQ(UrlDecode("a%00", true), std::nullopt);
  EXPECT_EQ(UrlDecode("a%4", true), std::nullopt);
  EXPECT_EQ(UrlEncode("a b/c~"), "a%20b%2Fc~");
}

}  // namespace
}  // namespace fate::http
