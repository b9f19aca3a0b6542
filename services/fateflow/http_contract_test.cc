// The HTTP contract of spec/fate-flow.md 3, 5, 7, 16 and its vectors (22) over real sockets.

#include "fateflow/flow_fixture.h"

namespace fate::flow {
namespace {

using testing::HasSubstr;

class HttpContractTest : public FlowFixture {};

TEST_F(HttpContractTest, UnknownJobAnswersItsArguments) {  // 22
  EXPECT_EQ(GetText("/v2/job/query?job_id=nope"),
            "{\"code\":1001,\"message\":\"No found job: job_id[nope]\"}\n");
}

TEST_F(HttpContractTest, EveryAnswerIsHttp200WithPlainJsonType) {  // 3
  for (const char* path : {"/v2/job/query", "/v2/nothing", "/nothing", "/v2/job/submit"}) {
    auto response = Send({.url = path});
    EXPECT_EQ(response.status, 200) << path;
    EXPECT_EQ(response.headers["content-type"], "application/json") << path;
    EXPECT_EQ(response.headers["connection"], "close") << path;
  }
}

TEST_F(HttpContractTest, UnknownPathWrongMethodAndMalformedJson) {  // 3
  EXPECT_EQ(GetText("/v2/nothing"),
            "{\"code\":6000,\"message\":\"<NotFound '404: Not Found'>\"}\n");
  EXPECT_EQ(GetText("/v2/job/submit"),
            "{\"code\":6000,\"message\":\"<MethodNotAllowed '405: Method Not Allowed'>\"}\n");
  EXPECT_EQ(PostText("/v2/job/stop", "{broken"),
            "{\"code\":6000,\"message\":\"<BadRequest '400: Bad Request'>\"}\n");
}

TEST_F(HttpContractTest, OnlyTheFirstWrongFieldIsReported) {  // 3, 22
  EXPECT_EQ(PostText("/v2/job/stop", "{}"),
            "{\"code\":5001,\"data\":{\"json\":{\"job_id\":[\"Missing data for required "
            "field.\"]}},\"message\":\"Invalid request.\"}\n");
  Json answer =
      Post("/v2/partner/task/collect", {{"job_id", "j"}, {"role", "guest"}, {"party_id", 9999}});
  EXPECT_EQ(answer["code"], 5001);
  EXPECT_EQ(answer["data"], Json::parse(R"({"json":{"party_id":["Not a valid string."]}})"));
}

TEST_F(HttpContractTest, QueryArgumentsHaveTheirOwnPlaceInErrors) {  // 22
  Json answer = Get("/v2/job/task/list/query?limit=zz");
  EXPECT_EQ(answer["code"], 5001);
  EXPECT_EQ(answer["data"], Json::parse(R"({"querystring":{"limit":["Not a valid integer."]}})"));
}

TEST_F(HttpContractTest, TrailingAndDoubleSlashesAreAccepted) {  // 3
  EXPECT_EQ(Get("/v2/job/query/?job_id=nope")["code"], 1001);
  Json answer = Post("/v2//worker/task/status", {{"execution_id", "x"}, {"status", "success"}});
  EXPECT_EQ(answer["message"], "No found task: execution_id[x]");
  EXPECT_EQ(answer["code"], 2000);
}

TEST_F(HttpContractTest, VectorsWithoutJobs) {  // 22
  EXPECT_EQ(GetText("/v2/provider/query"), "{\"code\":0,\"data\":[],\"message\":\"success\"}\n");
  EXPECT_EQ(PostText("/v2/provider/register", R"({"name":"p","device":"x","version":"1"})"),
            "{\"code\":4001,\"message\":\"Device not supported: device[x]\"}\n");
  EXPECT_EQ(
      PostText("/v2/provider/register",
               R"({"name":"p","device":"local","version":"1","metadata":{"path":"/nonexist"}})"),
      "{\"code\":8001,\"message\":\"No found file or dir: path[/nonexist]\"}\n");
  EXPECT_EQ(GetText("/v2/table/query?namespace=a&name=b"),
            "{\"code\":7001,\"message\":\"No found table: name[b],namespace[a]\"}\n");
  EXPECT_EQ(Post("/v2/partner/task/stop", {{"job_id", "j"},
                                           {"role", "guest"},
                                           {"party_id", "9999"},
                                           {"task_id", "x"},
                                           {"task_version", 0}})["message"],
            "No found task: role[guest],party_id[9999],task_id[x],task_version[0]");
  EXPECT_EQ(Get("/v2/log/query?log_type=bad&job_id=j&role=guest&party_id=1")["message"],
            "Exception('no found log type bad')");
  EXPECT_EQ(PostText("/v2/job/queue/clean", "{}"),
            "{\"code\":0,\"data\":{},\"message\":\"success\"}\n");
  EXPECT_EQ(PostText("/v2/app/client/create", R"({"app_name":"a"})"),
            "{\"code\":6001,\"message\":\"func create_app, function restricted\"}\n");
  EXPECT_EQ(Get("/v2/worker/model/download?model_id=m&model_version=0&role=guest&party_id=1"
                "&task_name=t&output_key=k")["code"],
            5008);
}

TEST_F(HttpContractTest, UnknownModelNamesTheRequest) {  // 22
  Json answer =
      Get("/v2/worker/model/download?model_id=m&model_version=0&role=guest&party_id=1"
          "&task_name=t&output_key=k");
  EXPECT_THAT(answer["message"].get<std::string>(),
              testing::MatchesRegex("Request uri http://127.0.0.1:[0-9]+/v2/worker/model/download "
                                    "failed: No found model"));
}

TEST_F(HttpContractTest, UploadWithoutFilePartAnswers5007) {  // 22
  auto response = Send({.method = "POST",
                        .url = "/v2/data/component/upload/file",
                        .form_fields = {{"head", "True"}, {"partitions", "4"}, {"meta", "{}"}}});
  EXPECT_EQ(response.body, "{\"code\":5007,\"message\":\"No Found File\"}\n");
}

TEST_F(HttpContractTest, UploadedFileIsSpooledAndGoneAfterTheJob) {  // 5.2, 17.2
  std::string csv = home_ + "/guest.csv";
  std::ofstream(csv) << "id,y\n1,0\n";
  auto response = Send({.method = "POST",
                        .url = "/v2/data/component/upload/file",
                        .form_fields = {{"head", "True"},
                                        {"partitions", "4"},
                                        {"meta", R"({"sample_id_name":"id"})"},
                                        {"namespace", "experiment"},
                                        {"name", "breast"}},
                        .form_files = {{"file", csv}}});
  Json answer = Json::parse(response.body);
  ASSERT_EQ(answer["code"], 0) << response.body;
  EXPECT_EQ(answer["data"], Json::parse(R"({"name":"breast","namespace":"experiment"})"));
  std::string job_id = answer["job_id"];
  Json tasks = Get("/v2/job/task/query?job_id=" + job_id + "&role=local&party_id=0")["data"];
  ASSERT_EQ(tasks.size(), 2u);
  EXPECT_EQ(tasks[0]["task_name"], "upload_0");
  EXPECT_EQ(tasks[1]["component"], "dataframe_transformer");
  std::string file = tasks[0]["component_parameters"]["parameters"]["file"];
  std::ifstream stored(file);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(stored), {}), "id,y\n1,0\n");
  Json body = {{"job_id", job_id}, {"role", "local"}, {"party_id", "0"}, {"status", "failed"}};
  EXPECT_EQ(Post("/v2/partner/job/status/update", body)["code"], 0);
  EXPECT_FALSE(std::filesystem::exists(file));
}

TEST_F(HttpContractTest, SubmittedJobHasAllMembersOfItsRecord) {  // 6.1
  std::string job_id = Submit({{"data_num", 10}});
  Json jobs = Get("/v2/job/query?job_id=" + job_id)["data"];
  ASSERT_EQ(jobs.size(), 1u);
  const Json& job = jobs[0];
  for (const char* name : {"protocol",
                           "flow_id",
                           "job_id",
                           "role",
                           "party_id",
                           "user_name",
                           "description",
                           "tag",
                           "dag",
                           "parties",
                           "initiator_party_id",
                           "scheduler_party_id",
                           "status",
                           "status_code",
                           "inheritance",
                           "progress",
                           "model_id",
                           "model_version",
                           "engine_name",
                           "cores",
                           "memory",
                           "remaining_cores",
                           "remaining_memory",
                           "resource_in_use",
                           "apply_resource_time",
                           "return_resource_time",
                           "create_time",
                           "update_time",
                           "start_time",
                           "end_time",
                           "elapsed"}) {
    EXPECT_TRUE(job.contains(name)) << name;
  }
  EXPECT_EQ(job["status"], "ready");
  EXPECT_EQ(job["inheritance"], Json::object());
  EXPECT_EQ(job["resource_in_use"], false);
  EXPECT_EQ(job["initiator_party_id"], "9999");
  EXPECT_EQ(job["dag"]["dag"]["conf"]["computing_partitions"], 8);
  EXPECT_TRUE(job["dag"]["dag"]["conf"].contains("priority"));
}

TEST_F(HttpContractTest, TaskRecordCarriesItsConfiguration) {  // 6.2, 15.3
  std::string job_id = Submit({{"data_num", 10}});
  Json task = Task(job_id);
  for (const char* name : {"execution_id",
                           "status",
                           "party_status",
                           "status_code",
                           "component_parameters",
                           "task_run",
                           "memory",
                           "task_cores",
                           "resource_in_use",
                           "worker_id",
                           "cmd",
                           "run_ip",
                           "run_port",
                           "run_pid",
                           "provider_name",
                           "task_parameters",
                           "engine_conf",
                           "kill_status",
                           "error_report",
                           "sync_type",
                           "timeout",
                           "launcher_name"}) {
    EXPECT_TRUE(task.contains(name)) << name;
  }
  const Json& pre = task["component_parameters"];
  EXPECT_EQ(pre["task_version"], "0");
  EXPECT_EQ(pre["party_task_id"], job_id + "_toy_0_0_guest_9999");
  EXPECT_EQ(pre["provider_name"], "fate");
  EXPECT_EQ(pre["conf"]["federation"]["type"], "rollsite");
  EXPECT_EQ(pre["conf"]["federation"]["metadata"]["federation_id"], job_id + "_toy_0_0");
  EXPECT_EQ(pre["conf"]["computing"]["metadata"]["computing_id"], pre["party_task_id"]);
  EXPECT_EQ(task["cmd"], Json::object());
}

TEST_F(HttpContractTest, UserNameIsKeptAndFilters) {  // 24 case 24
  Json dag = {{"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
              {"tasks", {{"toy_0", {{"component_ref", "toy_example"}}}}}};
  Json body = {{"dag_schema", {{"dag", dag}, {"schema_version", "2.2.0"}}}};
  auto response = Send({.method = "POST",
                        .url = "/v2/job/submit",
                        .headers = {{"user-name", "alice"}},
                        .body = body.dump()});
  std::string job_id = Json::parse(response.body)["job_id"];
  EXPECT_EQ(Get("/v2/job/query?job_id=" + job_id)["data"][0]["user_name"], "alice");
  auto of = [&](const std::string& user) {
    auto found = Send({.url = "/v2/job/query?job_id=" + job_id, .headers = {{"user-name", user}}});
    return Json::parse(found.body)["code"];
  };
  EXPECT_EQ(of("alice"), 0);
  EXPECT_EQ(of("bob"), 1001);
}

TEST_F(HttpContractTest, UnknownProviderFailsTheSubmission) {  // 22
  Json dag = {{"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
              {"conf", {{"task", {{"provider", "nope:1@local"}}}}},
              {"tasks", {{"toy_0", {{"component_ref", "toy_example"}}}}}};
  Json answer = Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2"}}}});
  EXPECT_EQ(answer["code"], 1002);
  EXPECT_EQ(answer["message"], "Create job failed: detail[Not found provider[nope:1@local]]");
  EXPECT_TRUE(answer["data"].contains("model_id"));
}

TEST_F(HttpContractTest, UnknownModelAndJobAreRefusedAtSubmit) {  // 22
  auto submit = [&](const Json& conf) {
    Json dag = {{"parties", Json::array({{{"role", "guest"}, {"party_id", {"9999"}}}})},
                {"conf", conf},
                {"tasks", {{"toy_0", {{"component_ref", "toy_example"}}}}}};
    return Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2"}}}});
  };
  Json model = submit({{"model_warehouse", {{"model_id", "zz"}, {"model_version", "0"}}}});
  EXPECT_EQ(model["code"], 1000);
  EXPECT_EQ(model["message"],
            "Job params error: model_id[zz],model_version[0],position[dag_schema.dag.conf."
            "model_warehouse]");
  Json source = submit({{"inheritance", {{"job_id", "zz"}, {"task_list", {"toy_0"}}}}});
  EXPECT_EQ(source["code"], 1007);
  EXPECT_EQ(source["message"], "Inheritance job failed: job_id[zz],detail[no found job zz]");
}

TEST_F(HttpContractTest, DagWithUnknownChannelKeyIsRefused) {  // 24 case 23
  Json dag = Json::parse(R"({"parties":[{"role":"guest","party_id":["9999"]}],"tasks":{
    "a":{"component_ref":"reader"},"b":{"component_ref":"psi","inputs":{"data":{"input_data":{
    "task_output_artifact":{"producer_task":"a","output_artifact_key":"k","odd":1}}}}}}})");
  Json answer = Post("/v2/job/submit", {{"dag_schema", {{"dag", dag}, {"schema_version", "2"}}}});
  EXPECT_NE(answer["code"], 0);
  EXPECT_THAT(answer["message"].get<std::string>(), HasSubstr("odd"));
}

TEST_F(HttpContractTest, ListPagesFiltersAndSorts) {  // 24 case 36
  for (int i = 0; i < 3; ++i) Submit();
  Json all = Get("/v2/job/list/query?limit=2&page=2&order_by=create_time&order=asc")["data"];
  EXPECT_EQ(all["count"], 3);
  EXPECT_EQ(all["data"].size(), 1u);
  EXPECT_EQ(all["data"][0]["partners"], Json::array());
  EXPECT_EQ(Get("/v2/job/list/query?status=success&status=failed")["data"]["count"], 0);
  EXPECT_EQ(Get("/v2/job/list/query?status=ready&status=failed")["data"]["count"], 3);
}

TEST_F(HttpContractTest, MetricsKeepTheOrderOfInsertion) {  // 24 case 34
  std::string job_id = Submit();
  Json records = Json::array();
  for (int i = 0; i < 250; ++i) {
    records.push_back({{"name", "loss"},
                       {"type", "loss"},
                       {"groups", Json::array({{{"name", "default"}, {"index", nullptr}}})},
                       {"step_axis", "iterations"},
                       {"data", Json::array({{{"metric", i}, {"step", i}}})}});
  }
  std::string execution = job_id + "_toy_0_0_guest_9999";
  EXPECT_EQ(
      Post("/v2//worker/metric/save", {{"execution_id", execution}, {"data", records}})["code"], 0);
  EXPECT_EQ(Post("/v2/worker/metric/save/" + execution,
                 {{"data", Json::array({{{"name", "summary"}, {"data", {{"n", 1}}}}})}})["code"],
            0);
  std::string task = "?job_id=" + job_id + "&role=guest&party_id=9999&task_name=toy_0";
  Json metrics = Get("/v2/output/metric/query" + task)["data"];
  ASSERT_EQ(metrics.size(), 251u);
  EXPECT_EQ(metrics[249]["data"][0]["step"], 249);
  EXPECT_EQ(metrics[250]["data"], Json::parse(R"({"n":1})"));
  EXPECT_EQ(Get("/v2/output/metric/key/query" + task)["data"].size(), 2u);
  Json empty = Post("/v2/worker/metric/save/" + execution, {{"data", Json::array()}});
  EXPECT_EQ(empty["code"], 5008);
  EXPECT_THAT(empty["message"].get<std::string>(),
              testing::EndsWith("failed: Save metric data failed, data is []"));
}

TEST_F(HttpContractTest, UnknownTaskOfMetricsNamesAllKeys) {  // 22
  Json answer = Get("/v2/output/metric/query?job_id=J&role=guest&party_id=9999&task_name=nope");
  EXPECT_EQ(answer["code"], 2000);
  EXPECT_EQ(answer["message"],
            "No found task: job_id[J],role[guest],party_id[9999],task_name[nope]");
}

TEST_F(HttpContractTest, PathsBindToTablesThatCanBeRead) {  // 5.3
  EXPECT_EQ(
      Post("/v2/table/bind/path", {{"namespace", "n"}, {"name", "t"}, {"path", "/d"}})["code"], 0);
  Json table = Get("/v2/table/query?namespace=n&name=t&display=true")["data"];
  EXPECT_EQ(table["engine"], "path");
  EXPECT_EQ(table["data_type"], "data_directory");
  EXPECT_EQ(table["path"], "file:///d");
  EXPECT_TRUE(table["count"].is_null());
  EXPECT_EQ(Post("/v2/table/delete", {{"namespace", "n"}, {"name", "t"}})["code"], 0);
  EXPECT_EQ(Get("/v2/table/query?namespace=n&name=t")["code"], 7001);
}

TEST_F(HttpContractTest, TransformerKeepsAnExistingTableWhenAsked) {  // 22
  Post("/v2/table/bind/path", {{"namespace", "n"}, {"name", "t"}, {"path", "/d"}});
  Json answer = Post("/v2/data/component/dataframe/transformer",
                     {{"data_warehouse", {{"namespace", "a"}, {"name", "b"}}},
                      {"namespace", "n"},
                      {"name", "t"},
                      {"drop", false}});
  EXPECT_EQ(answer["code"], 7002);
  EXPECT_EQ(answer["message"],
            "Exists table: name[t],namespace[n],warning[If you want to ignore this error and "
            "continue transformer, you can set the parameter of 'drop' to 'true' ]");
}

TEST_F(HttpContractTest, ProgressNeverFalls) {  // 7
  std::string job_id = Submit();
  Json body = JobBody(job_id);
  body["progress"] = 50.0;
  EXPECT_EQ(Post("/v2/partner/job/update", body)["code"], 0);
  body["progress"] = 20.0;
  EXPECT_EQ(Post("/v2/partner/job/update", body)["code"], 1003);
  body["progress"] = 0;
  EXPECT_EQ(Post("/v2/partner/job/update", body)["code"], 1003);
  body["job_id"] = "nope";
  EXPECT_EQ(Post("/v2/partner/job/update", body)["message"], "No found job");
}

TEST_F(HttpContractTest, UnknownJobsInThePartnerApi) {  // 7
  Json body = JobBody("nope");
  EXPECT_EQ(Post("/v2/partner/job/stop", body)["code"], 0);
  EXPECT_EQ(Post("/v2/partner/job/resource/apply", body)["code"], 6000);
  body["status"] = "running";
  Json answer = Post("/v2/partner/job/status/update", body);
  EXPECT_EQ(answer["code"], 6000);
  EXPECT_EQ(answer["message"], "Exception('can not found the Job record to update')");
}

TEST_F(HttpContractTest, PreflightNamesTheDaemonThatIsMissing) {
  Json answer = Post("/v2/partner/job/resource/apply", JobBody(Submit()));
  EXPECT_EQ(answer["code"], 1005);
  std::string message = answer["message"];
  EXPECT_THAT(message, HasSubstr("Job resource exception"));
  EXPECT_THAT(message, HasSubstr("clustermanager at 127.0.0.1:1"));
  EXPECT_THAT(message, HasSubstr("supervisorctl start fate-clustermanager"));
}

TEST_F(HttpContractTest, NamesThatWouldLeaveTheirFolderAreRefused) {
  EXPECT_NE(Post("/v2/job/log/download", {{"job_id", "../../etc"}})["code"], 0);
  EXPECT_NE(Get("/v2/log/count?log_type=task_info&job_id=..&role=a&party_id=b")["code"], 0);
}

TEST_F(HttpContractTest, ServersCanBeRegistered) {  // 5.7
  EXPECT_EQ(Get("/v2/server/query?server_name=board")["code"], 6003);
  Post("/v2/server/registry", {{"server_name", "board"}, {"host", "h"}, {"port", "8080"}});
  EXPECT_EQ(Get("/v2/server/query?server_name=board")["data"]["port"], 8080);
  EXPECT_EQ(Post("/v2/server/service/registry",
                 {{"server_name", "none"}, {"service_name", "s"}, {"uri", "/u"}})["message"],
            "Exception('no found server NONE')");
  EXPECT_EQ(Post("/v2/server/delete", {{"server_name", "board"}})["message"], "success");
  EXPECT_EQ(Post("/v2/server/delete", {{"server_name", "board"}})["message"], "failed");
  EXPECT_TRUE(Get("/v2/server/fateflow")["code"] == 0);
  EXPECT_EQ(Get("/v2/site/info/query")["data"]["party_id"], "9999");
}

TEST_F(HttpContractTest, HealthAndMetricsAreServedBesideTheApi) {
  EXPECT_EQ(GetText("/healthz"), "ok\n");
  EXPECT_THAT(GetText("/metrics"), HasSubstr("fateflow_request_seconds"));
}

}  // namespace
}  // namespace fate::flow
