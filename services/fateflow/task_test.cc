// Component processes under a real flow server: spec/fate-flow.md 15, 24 cases 6, 7, 8, 14, 15, 33.

#include <fcntl.h>
#include <signal.h>

#include "fateflow/archive.h"
#include "fateflow/flow_fixture.h"
#include "fateflow/process.h"
#include "fateflow/reactor.h"

namespace fate::flow {
namespace {

using testing::HasSubstr;

class TaskTest : public FlowFixture {
 protected:
  std::string StartTask(const Json& parameters) {
    std::string job_id = Submit(parameters);
    EXPECT_EQ(Post("/v2/partner/task/start", TaskBody(job_id))["code"], 0);
    return job_id;
  }
  std::vector<std::string> Reported() {
    std::vector<std::string> statuses;
    for (const Json& report : scheduler_->reports()) statuses.push_back(report["status"]);
    return statuses;
  }
  pid_t WaitForProcess(const std::string& job_id) {
    pid_t pid = 0;
    WaitUntil([&] {
      Json task = Task(job_id);
      pid = task["run_pid"].is_number() ? task["run_pid"].get<pid_t>() : 0;
      return pid > 0;
    });
    EXPECT_GT(pid, 0);
    return pid;
  }
  std::string TaskDir(const std::string& job_id) {
    return home_ + "/jobs/" + job_id + "/guest/9999/toy_0/0";
  }
};

TEST_F(TaskTest, SuccessPublishesDataAndModelAndReportsInOrder) {
  std::string job_id = StartTask({});
  Json task = WaitForTask(job_id, "success");
  EXPECT_EQ(task["error_report"], "");
  EXPECT_TRUE(WaitUntil([&] { return Reported().size() == 2; }));
  EXPECT_THAT(Reported(), testing::ElementsAre("running", "success"));
  Json table = Get("/v2/table/query?namespace=ns_x&name=frame_1")["data"];
  EXPECT_EQ(table["count"], 3);
  EXPECT_EQ(table["path"], "eggroll:///ns_x/frame_1");
  EXPECT_EQ(table["data_type"], "dataframe");
  std::string query = "?job_id=" + job_id + "&role=guest&party_id=9999&task_name=toy_0";
  EXPECT_EQ(GetText("/v2/output/data/table" + query),
            "{\"output_data\":[{\"name\":\"frame_1\",\"namespace\":\"ns_x\"}]}\n");
  EXPECT_EQ(Get("/v2/output/data/display" + query)["output_data"][0]["data"],
            Json::parse(R"([["1","1",0.5]])"));
  EXPECT_EQ(Get("/v2/output/model/query" + query)["data"],
            Json::parse(R"({"json_model_output":{"test_role":"guest"}})"));
}

TEST_F(TaskTest, TheComponentFindsWhatTheContractPromises) {  // 15.1, 15.4
  std::string job_id = StartTask({{"data_num", 7}});
  WaitForTask(job_id, "success");
  std::ifstream file(TaskDir(job_id) + "/input/task_parameters.yaml");
  Json config = Json::parse(std::string(std::istreambuf_iterator<char>(file), {}));
  EXPECT_EQ(config["parameters"]["data_num"], 7);
  EXPECT_EQ(
      config["conf"]["computing"]["metadata"]["options"]["eggroll.session.processors.per.node"], 4);
  EXPECT_THAT(config["output_artifacts"]["output_data"]["uri"].get<std::string>(),
              testing::StartsWith("eggroll:///" + job_id + "_toy_0/"));
  EXPECT_EQ(config["output_artifacts"]["json_model_output"]["uri"],
            "file://" + TaskDir(job_id) + "/output/json_model_output/json_model");
  EXPECT_THAT(config["output_artifacts"]["metric"]["uri"].get<std::string>(),
              testing::EndsWith("/v2/worker/metric/save/" + job_id + "_toy_0_0_guest_9999"));
  EXPECT_TRUE(std::filesystem::exists(TaskDir(job_id) + "/input/preprocess_parameters.yaml"));
}

TEST_F(TaskTest, FailureTellsTheComponentsReason) {
  std::string job_id = StartTask({{"mode", "fail"}});
  Json task = WaitForTask(job_id, "failed");
  EXPECT_THAT(task["error_report"].get<std::string>(), HasSubstr("column y is missing"));
  EXPECT_TRUE(WaitUntil([&] { return Reported().size() == 2; }));
  EXPECT_THAT(scheduler_->reports()[1]["message"].get<std::string>(),
              HasSubstr("column y is missing"));
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(TaskDir(job_id) + "/cleaned.txt"); }));
}

TEST_F(TaskTest, CrashIsNoticedAtOnceAndCleanedUp) {  // 24 case 14
  std::string job_id = StartTask({{"mode", "crash"}});
  Json task = WaitForTask(job_id, "failed");
  EXPECT_THAT(task["error_report"].get<std::string>(), HasSubstr("killed by signal 9"));
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(TaskDir(job_id) + "/cleaned.txt"); }));
}

TEST_F(TaskTest, MissingResultFileIsAFailure) {  // 15.5
  Json task = WaitForTask(StartTask({{"mode", "silent"}}), "failed");
  EXPECT_EQ(task["error_report"], "No found task output.");
}

TEST_F(TaskTest, StopKillsTheWholeProcessGroup) {  // 24 case 7
  std::string job_id = StartTask({{"mode", "sleep"}});
  pid_t pid = WaitForProcess(job_id);
  Json body = TaskBody(job_id);
  body["status"] = "canceled";
  EXPECT_EQ(Post("/v2/partner/task/stop", body)["code"], 0);
  Json task = Task(job_id);
  EXPECT_EQ(task["party_status"], "canceled");
  EXPECT_EQ(task["kill_status"], true);
  EXPECT_TRUE(WaitUntil([&] { return kill(-pid, 0) != 0; }));
  EXPECT_TRUE(WaitUntil([&] { return std::filesystem::exists(TaskDir(job_id) + "/cleaned.txt"); }));
}

TEST_F(TaskTest, TaskThatRunsTooLongTimesOut) {  // 24 case 15
  Json dag = {
      {"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
      {"conf", {{"task", {{"timeout", 1}}}}},
      {"tasks",
       {{"toy_0", {{"component_ref", "toy_example"}, {"parameters", {{"mode", "sleep"}}}}}}}};
  std::string job_id =
      Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2"}}}})["job_id"];
  Post("/v2/partner/task/start", TaskBody(job_id));
  Json task = WaitForTask(job_id, "timeout");
  EXPECT_THAT(task["error_report"].get<std::string>(), HasSubstr("timeout of 1 s"));
}

TEST_F(TaskTest, RunningComponentIsFoundAgainAfterARestart) {  // 24 case 33
  std::string job_id = StartTask({{"mode", "until"}});
  WaitForProcess(job_id);
  service_.reset();
  StartService();
  EXPECT_EQ(Task(job_id)["party_status"], "running");
  std::ofstream(TaskDir(job_id) + "/go");
  WaitForTask(job_id, "success");
  EXPECT_EQ(Get("/v2/table/query?namespace=ns_x&name=frame_1")["code"], 0);
}

TEST_F(TaskTest, ComponentThatEndedWhileTheServerWasDownIsSettled) {
  std::string job_id = StartTask({{"mode", "until"}});
  pid_t pid = WaitForProcess(job_id);
  service_.reset();
  std::ofstream(TaskDir(job_id) + "/go");
  ASSERT_TRUE(WaitUntil([&] { return Reap(pid).has_value(); }));
  StartService();
  WaitForTask(job_id, "success");
}

TEST_F(TaskTest, RerunMakesANewVersionWithItsOwnIds) {  // 24 case 8
  std::string job_id = StartTask({{"mode", "fail"}});
  WaitForTask(job_id, "failed");
  Json body = TaskBody(job_id);
  body["new_version"] = 1;
  EXPECT_EQ(Post("/v2/partner/task/rerun", body)["code"], 0);
  EXPECT_EQ(Post("/v2/partner/task/rerun", body)["code"], 0);  // repeated requests change nothing
  Json task = Task(job_id);
  EXPECT_EQ(task["task_version"], 1);
  EXPECT_EQ(task["party_status"], "waiting");
  EXPECT_EQ(task["component_parameters"]["party_task_id"], job_id + "_toy_0_1_guest_9999");
}

TEST_F(TaskTest, StartingTwiceRunsOnce) {
  std::string job_id = StartTask({{"mode", "sleep"}});
  pid_t pid = WaitForProcess(job_id);
  EXPECT_EQ(Post("/v2/partner/task/start", TaskBody(job_id))["code"], 0);
  EXPECT_EQ(Task(job_id)["run_pid"], pid);
  Post("/v2/partner/task/stop", TaskBody(job_id));
  EXPECT_EQ(Post("/v2/partner/task/start", TaskBody(job_id))["code"], 2001);
}

TEST_F(TaskTest, JobStopEndsTasksAndJob) {  // 12.5
  std::string job_id = StartTask({{"mode", "sleep"}});
  WaitForProcess(job_id);
  Json body = JobBody(job_id);
  body["message"] = "host 10000 failed: no table x";
  EXPECT_EQ(Post("/v2/partner/job/stop", body)["code"], 0);
  EXPECT_EQ(Task(job_id)["party_status"], "failed");
  Json job = Get("/v2/job/query?job_id=" + job_id)["data"][0];
  EXPECT_EQ(job["status"], "failed");
  EXPECT_EQ(job["tag"], "job_end");
  EXPECT_EQ(job["status_message"], "host 10000 failed: no table x");
}

TEST_F(TaskTest, ModelsTravelByExportDeleteAndImport) {  // 24 case 21
  std::string job_id = StartTask({});
  WaitForTask(job_id, "success");
  Json key = {{"model_id", job_id},
              {"model_version", "0"},
              {"role", "guest"},
              {"party_id", "9999"},
              {"path", home_}};
  EXPECT_EQ(Post("/v2/model/export", key)["code"], 0);
  EXPECT_EQ(Post("/v2/model/delete", key)["data"]["count"], 1);
  EXPECT_EQ(Post("/v2/model/delete", key)["code"], 2005);
  auto response = Send({.method = "POST",
                        .url = "/v2/model/import",
                        .form_fields = {{"model_id", "other"}, {"model_version", "1"}},
                        .form_files = {{"file", home_ + "/" + job_id + "_0_guest_9999.zip"}}});
  EXPECT_EQ(Json::parse(response.body)["code"], 0) << response.body;
  auto tar = Send({.url = "/v2/worker/model/download?model_id=other&model_version=1&role=guest"
                          "&party_id=9999&task_name=toy_0&output_key=json_model_output"});
  EXPECT_EQ(tar.headers["content-type"], "application/x-tar");
  std::ofstream(home_ + "/m.tar", std::ios::binary) << tar.body;
  EXPECT_TRUE(Unpack(home_ + "/m.tar", home_ + "/m").ok());
  EXPECT_TRUE(std::filesystem::exists(home_ + "/m/json_model"));
  EXPECT_TRUE(std::filesystem::exists(home_ + "/m/json_model.meta.yaml"));
}

TEST_F(TaskTest, InheritedTasksBringTheirOutputs) {  // 5.1, 10.3
  std::string source = StartTask({});
  WaitForTask(source, "success");
  Json body = JobBody(source);
  for (const char* status : {"waiting", "running", "success"}) {
    body["status"] = status;
    EXPECT_EQ(Post("/v2/partner/job/status/update", body)["code"], 0);
  }
  Json dag = {{"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
              {"conf", {{"inheritance", {{"job_id", source}, {"task_list", {"toy_0"}}}}}},
              {"tasks", {{"toy_0", {{"component_ref", "toy_example"}}}}}};
  Json answer = Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2"}}}});
  ASSERT_EQ(answer["code"], 0) << answer.dump();
  std::string job_id = answer["job_id"];
  EXPECT_EQ(Post("/v2/partner/job/start", JobBody(job_id))["code"], 0);
  EXPECT_EQ(Task(job_id)["party_status"], "success");
  std::string query = "?job_id=" + job_id + "&role=guest&party_id=9999&task_name=toy_0";
  EXPECT_EQ(Get("/v2/output/data/table" + query)["output_data"][0]["name"], "frame_1");
  EXPECT_EQ(Get("/v2/output/model/query" + query)["data"]["json_model_output"]["test_role"],
            "guest");
}

TEST_F(TaskTest, JobLogComesAsGzippedTar) {  // 24 case 6
  std::string job_id = StartTask({{"mode", "crash"}});
  WaitForTask(job_id, "failed");
  auto answer = Send(
      {.method = "POST", .url = "/v2/job/log/download", .body = Json{{"job_id", job_id}}.dump()});
  EXPECT_EQ(answer.headers["content-type"], "application/gzip");
  std::ofstream(home_ + "/log.tgz", std::ios::binary) << answer.body;
  ASSERT_TRUE(Unpack(home_ + "/log.tgz", home_ + "/log").ok());
  std::ifstream out(home_ + "/log/guest/9999/toy_0/stdout/task_execute");
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(out), {}), "half a line\n");
}

TEST(Reactor, RunsTimersAndSeesProcessesEnd) {
  Reactor reactor(2);
  std::atomic<int> count{0};
  reactor.After(absl::Milliseconds(5), [&] { ++count; });
  auto pid = Spawn({.command = {"/bin/true"}, .directory = "/", .output = "/dev/null"});
  ASSERT_TRUE(pid.ok());
  ASSERT_TRUE(reactor.OnExit(*pid, [&, pid] { count += Reap(*pid) == 0 ? 10 : 100; }).ok());
  absl::Time deadline = absl::Now() + absl::Seconds(10);
  while (count != 11 && absl::Now() < deadline) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(count, 11);
}

TEST(Process, ChildrenInheritNoOpenFiles) {
  int open_file = open("/dev/null", O_RDONLY);  // without O_CLOEXEC
  std::string output = testing::TempDir() + "/fateflow_fds";
  ASSERT_TRUE(
      RunToEnd({.command = {"/bin/ls", "/proc/self/fd"}, .directory = "/", .output = output},
               absl::Seconds(10))
          .ok());
  close(open_file);
  std::ifstream listed(output);
  std::string text(std::istreambuf_iterator<char>(listed), {});
  std::filesystem::remove(output);
  EXPECT_EQ(text, "0\n1\n2\n3\n");  // 3 is the listed folder
}

TEST(Process, MissingProgramIsNamed) {
  auto pid = Spawn({.command = {"/no/such/program"}, .directory = "/", .output = "/dev/null"});
  EXPECT_THAT(Message(pid.status()), HasSubstr("cannot start /no/such/program"));
}

}  // namespace
}  // namespace fate::flow
