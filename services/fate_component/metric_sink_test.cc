#include "fate_component/metric_sink.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/status.h"
#include "fate_component/files.h"
#include "http/server.h"

namespace fate::component {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Answers the first posts with the given (HTTP status, body), then with code 0.
class FlowServer {
 public:
  explicit FlowServer(std::vector<std::pair<int, std::string>> answers = {})
      : answers_(std::move(answers)) {
    http::Server::Options options;
    options.workers = 1;
    server_ =
        *http::Server::Start(options, [this](const http::Request& request, http::Respond respond) {
          http::Response response;
          response.body = R"({"code": 0, "message": "success"})";
          if (posts_.size() < answers_.size()) {
            std::tie(response.status, response.body) = answers_[posts_.size()];
          }
          posts_.push_back(request.path + " " + request.body);
          respond(response);
        });
  }
  std::string uri() const {
    return fmt::format("http://127.0.0.1:{}/v2/worker/metric/save/e1", server_->port());
  }
  std::vector<std::string> Posts() {
    server_->Stop();
    return posts_;
  }

 private:
  std::vector<std::pair<int, std::string>> answers_;
  std::vector<std::string> posts_;
  std::unique_ptr<http::Server> server_;
};

// spec/fate-flow.md 16, 18
TEST(MetricSink, PostsARecord) {
  FlowServer flow;
  MetricSink sink(flow.uri());
  auto status = sink.Send("upload", "", {{"count", 3}});
  EXPECT_TRUE(status.ok()) << status;
  auto posts = flow.Posts();
  ASSERT_EQ(posts.size(), 1u);
  EXPECT_THAT(posts[0], HasSubstr("/v2/worker/metric/save/e1 "));
  EXPECT_EQ(json::parse(posts[0].substr(posts[0].find(' '))),
            json::parse(R"({"data": [{"name": "upload", "type": null, "step_axis": null,
                            "groups": [{"name": "default", "index": null}],
                            "data": {"count": 3}}]})"));
}

TEST(MetricSink, TriesAgainWhileTheServerIsTroubled) {
  FlowServer flow({{503, ""}, {500, "oops"}});
  MetricSink sink(flow.uri());
  EXPECT_TRUE(sink.Send("a", "b", 1).ok());
  EXPECT_EQ(flow.Posts().size(), 3u);
}

TEST(MetricSink, TellsWhatTheServerRefused) {
  FlowServer flow({{200, R"({"code": 2000, "message": "No found task"})"}});
  MetricSink sink(flow.uri());
  auto status = sink.Send("a", "b", 1);
  EXPECT_THAT(Message(status), HasSubstr("No found task"));
  EXPECT_EQ(flow.Posts().size(), 1u);
}

TEST(MetricSink, GivesUpWhenNobodyAnswers) {
  MetricSink sink("http://127.0.0.1:1/x", absl::Milliseconds(200));
  auto status = sink.Send("a", "b", 1);
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("cannot post a metric to the flow server"));
}

TEST(MetricSink, CollectsInAFile) {
  std::string path = fmt::format("/tmp/fate_metric_{}/metric", getpid());
  MetricSink sink("file://" + path);
  EXPECT_FALSE(sink.wrote_file());
  EXPECT_TRUE(sink.Send("a", "t", 1).ok());
  EXPECT_TRUE(sink.Send("b", "t", 2).ok());
  EXPECT_TRUE(sink.wrote_file());
  json records = json::parse(ReadFile(path).value());
  ASSERT_EQ(records.size(), 2u);
  EXPECT_EQ(records[1]["name"], "b");
  std::filesystem::remove_all(std::filesystem::path(path).parent_path());
}

TEST(MetricSink, SaysWhenThereIsNoPlaceForMetrics) {
  EXPECT_EQ(MetricSink("").Send("a", "b", 1).code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace fate::component
