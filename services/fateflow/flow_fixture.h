#pragma once

// A flow server in this process with a scheduler that only creates jobs, a component program
// that obeys commands of the test, and a folder of its own.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <functional>
#include <mutex>
#include <thread>

#include "absl/time/clock.h"
#include "base/status.h"
#include "dag/dag.h"
#include "fateflow/service.h"
#include "http/client.h"
#include "sql/database.h"

namespace fate::flow {

class FakeScheduler : public SchedulerSide {
 public:
  explicit FakeScheduler(Dispatch dispatch) : dispatch_(std::move(dispatch)) {}

  http::Response Handle(const http::Request&) override { return ToResponse({}); }
  void ResourcesReturned() override {}
  absl::Status Start() override { return absl::OkStatus(); }
  void Stop() override {}

  absl::StatusOr<Json> Call(const std::string&, const std::string&, const std::string& path,
                            const std::string& body) override {
    {
      std::lock_guard lock(mutex_);
      if (path.ends_with("/task/report")) reports_.push_back(Json::parse(body));
    }
    if (path == "/v2/scheduler/job/create") return Create(body);
    return Json{{"code", 0}, {"message", "success"}};
  }

  std::vector<Json> reports() {
    std::lock_guard lock(mutex_);
    return reports_;
  }

 private:
  absl::StatusOr<Json> Create(const std::string& body) {
    static int next = 0;
    std::string job_id = fmt::format("2026112100030947104{}", next++);
    ASSIGN_OR_RETURN(dag::Dag dag, dag::Dag::ParseText(body));
    for (const dag::Site& site : dag.Sites()) {
      dag::Json request = dag::ParseJson(body).value();
      request["job_id"] = job_id;
      request["role"] = site.role;
      request["party_id"] = site.party_id;
      http::Response response =
          dispatch_({.method = "POST", .path = "/v2/partner/job/create", .body = request.dump()});
      Json answer = Json::parse(response.body);
      answer["job_id"] = job_id;
      answer["data"] = {{"model_id", job_id}, {"model_version", "0"}};
      if (answer["code"] != 0) return answer;
    }
    return Json{{"code", 0},
                {"message", "success"},
                {"job_id", job_id},
                {"data", {{"model_id", job_id}, {"model_version", "0"}}}};
  }

  Dispatch dispatch_;
  std::mutex mutex_;
  std::vector<Json> reports_;
};

class FlowFixture : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/fateflow_XXXXXX";
    home_ = mkdtemp(pattern.data());
    config_.home = home_;
    config_.http_port = 0;
    config_.grpc_port = 0;
    config_.admin_port = 0;
    config_.database_path = home_ + "/flow.db";
    config_.model_dir = home_ + "/model";
    config_.component_path = std::filesystem::absolute("testdata/fake_component.sh").string();
    config_.cluster_manager = {"127.0.0.1", 1};  // nobody listens there
    config_.proxy = {"127.0.0.1", 1};
    StartService();
  }

  void TearDown() override {
    service_.reset();
    std::filesystem::remove_all(home_);
  }

  void StartService() {
    auto started =
        Service::Start(config_,
                       [this](const Config&, sql::Database&,
                              Dispatch dispatch) -> absl::StatusOr<std::unique_ptr<SchedulerSide>> {
                         auto scheduler = std::make_unique<FakeScheduler>(dispatch);
                         scheduler_ = scheduler.get();
                         return scheduler;
                       });
    ASSERT_TRUE(started.ok()) << ToText(started.status());
    service_ = *std::move(started);
  }

  http::ClientResponse Send(http::ClientRequest request) {
    request.url = fmt::format("http://127.0.0.1:{}{}", service_->http_port(), request.url);
    auto response = http::Fetch(request);
    EXPECT_TRUE(response.ok()) << ToText(response.status());
    return response.ok() ? *response : http::ClientResponse{};
  }
  std::string GetText(const std::string& path) { return Send({.url = path}).body; }
  Json Get(const std::string& path) { return Json::parse(GetText(path), nullptr, false); }
  std::string PostText(const std::string& path, const std::string& body) {
    return Send({.method = "POST", .url = path, .body = body}).body;
  }
  Json Post(const std::string& path, const Json& body) {
    return Json::parse(PostText(path, body.dump()), nullptr, false);
  }

  // Submits a job with one task "toy_0" at guest 9999; returns its id.
  std::string Submit(const Json& parameters = Json::object()) {
    Json dag = {
        {"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
        {"stage", "default"},
        {"tasks", {{"toy_0", {{"component_ref", "toy_example"}, {"parameters", parameters}}}}}};
    Json answer =
        Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2.0.0.alpha"}}}});
    EXPECT_EQ(answer["code"], 0) << answer.dump();
    return answer.value("job_id", "");
  }

  Json JobBody(const std::string& job_id) {
    return {{"job_id", job_id}, {"role", "guest"}, {"party_id", "9999"}};
  }
  Json TaskBody(const std::string& job_id, int version = 0) {
    Json body = JobBody(job_id);
    body["task_id"] = job_id + "_toy_0";
    body["task_version"] = version;
    return body;
  }
  Json Task(const std::string& job_id) {
    return Get("/v2/job/task/query?job_id=" + job_id + "&role=guest&party_id=9999")["data"][0];
  }

  // The task once its party_status is `status`; fails after 20 s.
  Json WaitForTask(const std::string& job_id, const std::string& status) {
    Json task;
    bool reached = WaitUntil([&] {
      task = Task(job_id);
      return task["party_status"] == status;
    });
    EXPECT_TRUE(reached) << task.dump(2);
    return task;
  }

  static bool WaitUntil(const std::function<bool()>& condition) {
    absl::Time deadline = absl::Now() + absl::Seconds(20);
    while (absl::Now() < deadline) {
      if (condition()) return true;
      std::this_thread::yield();
      absl::SleepFor(absl::Milliseconds(5));
    }
    return false;
  }

  Config config_;
  std::string home_;
  FakeScheduler* scheduler_ = nullptr;
  std::unique_ptr<Service> service_;
};

}  // namespace fate::flow
