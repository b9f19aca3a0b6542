// Two sites in one process: the scheduler's site 9999 and the other party 10000, joined by the
// real gRPC client and server. Their party sides are fakes that keep the promises of
// spec/fate-flow.md 7: they answer, run no worker and report what the test wants.

#include "fateflow/scheduler_driver.h"

#include <gmock/gmock.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fateflow/executor.h"
#include "fateflow/partner_server.h"

namespace fate::flow {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr absl::Duration kDeadline = absl::Seconds(20);

http::Request Post(const std::string& path, const json& body) {
  return {.method = "POST", .path = path, .body = body.dump()};
}

class FakeParty {
 public:
  explicit FakeParty(std::string party) : party_(std::move(party)) {}

  http::Response Dispatch(const http::Request& request) {
    json body = json::parse(request.body);
    std::string path = request.path.substr(std::string("/v2/partner/").size());
    json answer = {{"code", 0}, {"message", "success"}};
    {
      std::lock_guard lock(mutex_);
      std::string status = body.value("status", "");
      seen_.push_back(path + (status.empty() ? "" : " " + status));
      bodies_.push_back(body);
      if (refusals_.contains(path)) answer = refusals_[path];
      if (path == "task/collect" && answer["code"] == 0) {
        answer["data"] = {{"party_status", party_status_}};
      }
      changed_.notify_all();
    }
    if (path == "task/start" && answer["code"] == 0) Work(body);
    return {.body = answer.dump()};
  }

  // How a started task ends; "" never.
  void EndsWith(std::string status, std::string message = "") {
    std::lock_guard lock(mutex_);
    end_ = std::move(status);
    message_ = std::move(message);
  }
  void Refuse(const std::string& path, int code, const std::string& message) {
    std::lock_guard lock(mutex_);
    refusals_[path] = {{"code", code}, {"message", message}};
  }
  void Allow(const std::string& path) {
    std::lock_guard lock(mutex_);
    refusals_.erase(path);
  }
  // Sends a report; returns the scheduler's answer.
  json Report(json task, const std::string& status, const std::string& message) {
    {
      std::lock_guard lock(mutex_);
      party_status_ = status;
    }
    task["status"] = status;
    if (!message.empty()) task["message"] = message;
    auto answer = scheduler->Call("9999", "", "/v2/scheduler/task/report", task.dump());
    EXPECT_TRUE(answer.ok()) << answer.status();
    return answer.ok() ? *answer : json();
  }

  bool WaitFor(const std::string& what, int64_t times = 1) {
    std::unique_lock lock(mutex_);
    auto enough = [&] { return std::count(seen_.begin(), seen_.end(), what) >= times; };
    return changed_.wait_for(lock, absl::ToChronoSeconds(kDeadline), enough);
  }
  std::vector<std::string> seen() {
    std::lock_guard lock(mutex_);
    return seen_;
  }
  // The last body of a request to `what`.
  json Body(const std::string& what) {
    std::lock_guard lock(mutex_);
    json body;
    for (size_t i = 0; i < seen_.size(); ++i) {
      if (seen_[i] == what) body = bodies_[i];
    }
    return body;
  }

  // Waits until every worker has said what it had to say; none starts any more.
  void Retire() {
    std::unique_ptr<Executor> last;
    std::unique_lock lock(mutex_);
    last.swap(worker_);
    lock.unlock();
    last.reset();
  }

  PartnerClient* scheduler = nullptr;  // how it reaches site 9999

 private:
  void Work(const json& task) {
    std::lock_guard lock(mutex_);
    if (worker_ == nullptr) return;
    worker_->Post([this, task] {
      Report(task, "running", "");
      std::string end, message;
      {
        std::lock_guard lock(mutex_);
        end = end_;
        message = message_;
      }
      if (!end.empty()) Report(task, end, message);
    });
  }

  const std::string party_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> seen_;
  std::vector<json> bodies_;
  std::map<std::string, json> refusals_;
  std::string end_ = "success", message_, party_status_ = "waiting";
  std::unique_ptr<Executor> worker_ = std::make_unique<Executor>(1);
};

class TwoSites : public testing::Test {
 protected:
  TwoSites() {
    std::filesystem::create_directories(folder_);
    database_ = *sql::Database::OpenSqlite(folder_ + "/flow.db");
    auto host_routes = [this](const http::Request& request) { return host_->Dispatch(request); };
    auto guest_routes = [this](const http::Request& request) {
      if (!request.path.starts_with("/v2/scheduler/")) return guest_->Dispatch(request);
      std::shared_ptr<SchedulerDriver> driver = Driver();
      if (!driver) return http::Response{.body = R"({"code":6000,"message":"no scheduler"})"};
      return driver->Handle(request);
    };
    host_server_ = *PartnerServer::Start({.host = "127.0.0.1", .port = 0}, host_routes);
    guest_server_ = *PartnerServer::Start({.host = "127.0.0.1", .port = 0}, guest_routes);
    guest_client_ = Client("9999", host_server_->port(), guest_routes);
    host_client_ = Client("10000", guest_server_->port(), host_routes);
    guest_->scheduler = guest_client_.get();
    host_->scheduler = host_client_.get();
    StartDriver();
  }
  ~TwoSites() override {
    StopDriver();
    guest_->Retire();
    host_->Retire();
    guest_client_.reset();
    host_client_.reset();
    guest_server_.reset();
    host_server_.reset();
    std::filesystem::remove_all(folder_);
  }

  static std::unique_ptr<PartnerClient> Client(std::string own, int proxy, LocalDispatcher local) {
    return std::make_unique<PartnerClient>(PartnerClient::Options{.own_party = std::move(own),
                                                                  .proxy = {"127.0.0.1", proxy},
                                                                  .callback = {"127.0.0.1", 9380},
                                                                  .local = std::move(local)});
  }

  void StartDriver() {
    auto call = [this](PartnerRequest request, PartnerClient::Done done) {
      guest_client_->CallAsync(std::move(request), std::move(done));
    };
    auto driver = SchedulerDriver::Create({.log_folder = folder_ + "/logs"}, *database_, call);
    ASSERT_TRUE(driver.ok()) << driver.status();
    std::lock_guard lock(mutex_);
    driver_ = *std::move(driver);
  }
  std::shared_ptr<SchedulerDriver> Driver() {
    std::lock_guard lock(mutex_);
    return driver_;
  }
  void StopDriver() {
    std::shared_ptr<SchedulerDriver> gone;
    std::lock_guard lock(mutex_);
    gone.swap(driver_);
  }

  json Ask(const std::string& path, const json& body) {
    return json::parse(Driver()->Handle(Post("/v2/scheduler/" + path, body)).body);
  }
  static json Toy() {
    return json::parse(R"({"dag": {
      "parties": [{"role": "guest", "party_id": ["9999"]}, {"role": "host", "party_id": ["10000"]}],
      "conf": {"initiator_party_id": "9999", "scheduler_party_id": "9999"},
      "stage": "default",
      "tasks": {"toy_example_0": {"component_ref": "toy_example",
                                  "parameters": {"data_num": 1024, "partition": 4}}}},
      "schema_version": "2.0.0.alpha"})");
  }
  std::string CreateToy() {
    json answer = Ask("job/create", Toy());
    EXPECT_EQ(answer["code"], 0) << answer;
    return answer["job_id"];
  }
  std::string File(const std::string& job_id, const std::string& name) {
    std::ifstream file(folder_ + "/logs/" + job_id + "/" + name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  std::string folder_ = fmt::format("{}/scheduler_driver_test.{}.{}", testing::TempDir(), getpid(),
                                    absl::ToUnixNanos(absl::Now()));
  std::unique_ptr<sql::Database> database_;
  std::unique_ptr<FakeParty> guest_ = std::make_unique<FakeParty>("9999");
  std::unique_ptr<FakeParty> host_ = std::make_unique<FakeParty>("10000");
  std::unique_ptr<PartnerServer> host_server_, guest_server_;
  std::unique_ptr<PartnerClient> guest_client_, host_client_;
  std::mutex mutex_;
  std::shared_ptr<SchedulerDriver> driver_;
};

// spec/fate-flow.md 12.7
TEST_F(TwoSites, RunTheToyJobInTheOrderOfTheGoldenTrace) {
  absl::Time start = absl::Now();
  json answer = Ask("job/create", Toy());
  EXPECT_EQ(answer["code"], 0);
  std::string job_id = answer["job_id"];
  EXPECT_EQ(answer["data"], (json{{"model_id", job_id}, {"model_version", "0"}}));
  ASSERT_TRUE(host_->WaitFor("job/stop"));
  ASSERT_TRUE(guest_->WaitFor("job/stop"));
  double ms = absl::ToDoubleMilliseconds(absl::Now() - start);
  RecordProperty("milliseconds", fmt::format("{:.1f}", ms));
  EXPECT_LT(ms, 2000);
  auto trace = ElementsAre("job/create", "job/status/update waiting", "job/resource/apply",
                           "job/start", "task/resource/apply", "task/status/update running",
                           "task/start", "task/status/update success", "task/stop success",
                           "job/update", "job/status/update success", "job/stop");
  EXPECT_THAT(guest_->seen(), trace);
  EXPECT_THAT(host_->seen(), trace);
  EXPECT_EQ(host_->Body("job/update")["progress"], 100.0);
  EXPECT_EQ(host_->Body("task/start")["task_id"], job_id + "_toy_example_0");
}

// spec/fate-flow.md 12.1, 8.2
TEST_F(TwoSites, SendTheWholeDagWithTheJob) {
  std::string job_id = CreateToy();
  ASSERT_TRUE(host_->WaitFor("job/stop"));
  json body = host_->Body("job/create");
  EXPECT_EQ(body["job_id"], job_id);
  EXPECT_EQ(body["role"], "host");
  EXPECT_EQ(body["party_id"], "10000");
  EXPECT_EQ(body["schema_version"], "2.0.0.alpha");
  EXPECT_EQ(body["kind"], "fate");
  EXPECT_EQ(body["dag"]["conf"]["model_id"], job_id);
  EXPECT_EQ(body["dag"]["conf"]["sync_type"], "callback");
  EXPECT_EQ(body["dag"]["conf"]["auto_retries"], 0);
  EXPECT_TRUE(body["dag"]["conf"]["cores"].is_null());
  EXPECT_EQ(body["dag"]["tasks"]["toy_example_0"]["parameters"]["data_num"], 1024);
}

TEST_F(TwoSites, TellEverybodyWhyAJobFailed) {
  host_->EndsWith("failed", "data_num must be positive");
  guest_->EndsWith("");
  std::string job_id = CreateToy();
  ASSERT_TRUE(guest_->WaitFor("job/stop"));
  ASSERT_TRUE(host_->WaitFor("job/stop"));
  std::string reason = "task toy_example_0 v0 failed at host 10000: data_num must be positive";
  EXPECT_EQ(guest_->Body("job/status/update failed")["message"], reason);
  EXPECT_EQ(guest_->Body("task/stop failed")["task_version"], 0);
  EXPECT_THAT(File(job_id, "fate_flow_schedule_error.log"), HasSubstr(reason));
  EXPECT_THAT(File(job_id, "fate_flow_schedule.log"), HasSubstr("job created"));
}

// spec/fate-flow.md 22
TEST_F(TwoSites, FailTheSubmissionThatAPartyRefuses) {
  host_->Refuse("job/create", 1002, "Create job failed: detail[Not found provider[nope:1@local]]");
  json answer = Ask("job/create", Toy());
  EXPECT_EQ(answer["code"], 1002);
  EXPECT_THAT(answer["message"].get<std::string>(),
              HasSubstr("Create job failed: detail[Not found provider[nope:1@local]]"));
  EXPECT_FALSE(answer["job_id"].get<std::string>().empty());
  EXPECT_FALSE(answer["data"]["model_id"].get<std::string>().empty());
  EXPECT_TRUE(guest_->WaitFor("job/status/update failed"));
}

TEST_F(TwoSites, StopARunningJobEverywhere) {
  guest_->EndsWith("");
  host_->EndsWith("");
  std::string job_id = CreateToy();
  ASSERT_TRUE(host_->WaitFor("task/start"));
  json answer = Ask("job/stop", {{"job_id", job_id}, {"stop_status", "canceled"}});
  EXPECT_EQ(answer["code"], 0) << answer;
  EXPECT_TRUE(host_->WaitFor("task/stop canceled"));
  EXPECT_TRUE(host_->WaitFor("job/status/update canceled"));
  EXPECT_TRUE(guest_->WaitFor("job/status/update canceled"));
}

// spec/fate-flow.md 12.5
TEST_F(TwoSites, PassOnThatAPartyCouldNotStop) {
  guest_->EndsWith("");
  host_->EndsWith("");
  host_->Refuse("job/stop", 1004, "Kill job failed");
  std::string job_id = CreateToy();
  ASSERT_TRUE(guest_->WaitFor("task/start"));
  json answer = Ask("job/stop", {{"job_id", job_id}});
  EXPECT_EQ(answer["code"], 1004);
  json parties = json::parse(answer["message"].get<std::string>());
  EXPECT_EQ(parties["guest"]["9999"]["code"], 0);
  EXPECT_EQ(parties["host"]["10000"]["message"], "Kill job failed");
}

// spec/fate-flow.md 12.4, 24 case 9
TEST_F(TwoSites, RerunAJobThatTheSchedulerHasForgotten) {
  host_->EndsWith("failed");
  std::string job_id = CreateToy();
  ASSERT_TRUE(host_->WaitFor("job/stop"));
  ASSERT_TRUE(guest_->WaitFor("job/stop"));
  StopDriver();
  StartDriver();
  host_->EndsWith("success");
  json answer = Ask("job/rerun", {{"job_id", job_id}});
  EXPECT_EQ(answer["code"], 0) << answer;
  ASSERT_TRUE(host_->WaitFor("job/status/update success"));
  EXPECT_EQ(host_->Body("task/rerun")["new_version"], 1);
  EXPECT_EQ(host_->Body("task/start")["task_version"], 1);
}

// spec/fate-flow.md 24 case 33
TEST_F(TwoSites, GoOnAfterARestartOfTheScheduler) {
  guest_->EndsWith("");
  host_->EndsWith("");
  std::string job_id = CreateToy();
  ASSERT_TRUE(guest_->WaitFor("task/start"));
  ASSERT_TRUE(host_->WaitFor("task/start"));
  StopDriver();
  StartDriver();
  ASSERT_TRUE(Driver()->Resume().ok());
  // Asked after its report a party would tell of the end itself, and the report come too late.
  ASSERT_TRUE(guest_->WaitFor("task/collect"));
  ASSERT_TRUE(host_->WaitFor("task/collect"));
  json task = {{"job_id", job_id},
               {"task_id", job_id + "_toy_example_0"},
               {"task_version", 0},
               {"role", "guest"},
               {"party_id", "9999"}};
  EXPECT_EQ(guest_->Report(task, "success", "")["code"], 0);
  task["role"] = "host";
  task["party_id"] = "10000";
  EXPECT_EQ(host_->Report(task, "success", "")["code"], 0);
  EXPECT_TRUE(host_->WaitFor("job/status/update success"));
}

// spec/fate-flow.md 7
TEST_F(TwoSites, AnswerRepeatedAndUnknownReports) {
  std::string job_id = CreateToy();
  ASSERT_TRUE(host_->WaitFor("job/stop"));
  json task = host_->Body("task/start");
  EXPECT_EQ(host_->Report(task, "success", "")["message"],
            fmt::format("Update task status does not take effect: job_id[{0}],role[host],"
                        "party_id[10000],task_id[{0}_toy_example_0],task_version[0],status[False]",
                        job_id));
  task["task_version"] = 9;
  json answer = host_->Report(task, "success", "");
  EXPECT_EQ(answer["code"], 6000);
  EXPECT_EQ(answer["message"], "Exception('can not found the ScheduleTask record to update')");
}

TEST_F(TwoSites, TryAgainWhenResourcesAreReturned) {
  host_->Refuse("job/resource/apply", 1005, "Job resource exception: cores[4]");
  CreateToy();
  ASSERT_TRUE(guest_->WaitFor("job/resource/return"));
  host_->Allow("job/resource/apply");
  Driver()->ResourcesReturned();
  EXPECT_TRUE(host_->WaitFor("job/status/update success"));
}

TEST_F(TwoSites, AnswerWhoeverWaitsWhenTheSchedulerStops) {
  Driver()->Stop();
  json answer = Ask("job/create", Toy());
  EXPECT_EQ(answer["code"], 6000);
  EXPECT_EQ(answer["message"], "the flow server is being stopped");
}

// spec/fate-flow.md 3, 22
TEST_F(TwoSites, CheckTheFieldsOfRequests) {
  EXPECT_EQ(Driver()->Handle(Post("/v2/scheduler/job/stop", json::object())).body,
            R"({"code":5001,"data":{"json":{"job_id":["Missing data for required field."]}},)"
            R"("message":"Invalid request."})"
            "\n");
  EXPECT_EQ(Ask("job/stop", {{"job_id", 7}})["data"]["json"]["job_id"][0], "Not a valid string.");
  EXPECT_EQ(Ask("job/create", {{"dag", "x"}})["data"]["json"]["dag"][0],
            "Not a valid mapping type.");
  EXPECT_EQ(Ask("job/stop", {{"job_id", "nope"}}),
            (json{{"code", 1001}, {"message", "No found job: job_id[nope]"}}));
  EXPECT_EQ(Ask("job/rerun", {{"job_id", "nope"}}),
            (json{{"code", 6000}, {"message", "RuntimeError('can not found job `nope`')"}}));
  EXPECT_EQ(Ask("job/nope", {})["message"], "<NotFound '404: Not Found'>");
  http::Request broken{.method = "POST", .path = "/v2/scheduler/job/stop", .body = "{"};
  EXPECT_EQ(json::parse(Driver()->Handle(broken).body)["message"],
            "<BadRequest '400: Bad Request'>");
  json cyclic = Toy();
  cyclic["dag"]["tasks"]["toy_example_0"].erase("component_ref");
  EXPECT_EQ(Ask("job/create", cyclic),
            (json{{"code", 1000},
                  {"message", "Job params error: tasks.toy_example_0.component_ref is missing"}}));
}

TEST_F(TwoSites, GiveEachJobItsOwnIdThatBeginsWithTheDate) {
  std::set<std::string> ids;
  for (int i = 0; i < 5; ++i) ids.insert(CreateToy());
  EXPECT_EQ(ids.size(), 5);
  EXPECT_EQ(ids.begin()->substr(0, 8),
            absl::FormatTime("%Y%m%d", absl::Now(), absl::LocalTimeZone()));
  EXPECT_TRUE(host_->WaitFor("job/status/update success", 5));
}

}  // namespace
}  // namespace fate::flow
