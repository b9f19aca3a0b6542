#include "fate_component/execute.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>

#include "base/status.h"
#include "fate_component/files.h"
#include "fate_component/task_config.h"
#include "http/server.h"
#include "support/fake_cluster.h"
#include "wire/pickle_text.h"
#include "yaml/yaml.h"

namespace fate::component {
namespace {

using nlohmann::json;
using ::testing::Contains;
using ::testing::HasSubstr;

// A task folder, a cluster and a flow server that takes metrics.
class ExecuteTest : public ::testing::Test {
 protected:
  ExecuteTest() : cluster_(1, 2) {
    std::string folder = "/tmp/fate_execute_XXXXXX";
    folder_ = mkdtemp(folder.data());
    flow_ = *http::Server::Start({}, [this](const http::Request& request, http::Respond respond) {
      metrics_.push_back(json::parse(request.body));
      respond({.body = R"({"code": 0})"});
    });
  }
  ~ExecuteTest() override { std::filesystem::remove_all(folder_); }

  json Config(const std::string& component, const json& parameters, const json& outputs) {
    size_t colon = cluster_.cluster_manager().find(':');
    json computing = {{"computing_id", "t1_0_local_0"},
                      {"host", cluster_.cluster_manager().substr(0, colon)},
                      {"port", cluster_.cluster_manager().substr(colon + 1)},
                      {"options", json::object()}};
    json logger = {{"handlers",
                    {{"info", {{"level", "INFO"}, {"filename", folder_ + "/logs/INFO"}}},
                     {"error", {{"level", "ERROR"}, {"filename", folder_ + "/logs/ERROR"}}}}}};
    json config = {{"job_id", "j1"},
                   {"task_id", "t1"},
                   {"party_task_id", "t1_0_local_0"},
                   {"task_name", component + "_0"},
                   {"component", component},
                   {"role", "local"},
                   {"party_id", "0"},
                   {"stage", "default"},
                   {"parameters", parameters},
                   {"output_artifacts", outputs},
                   {"conf",
                    {{"computing", {{"type", "eggroll"}, {"metadata", computing}}},
                     {"logger", {{"config", logger}}}}}};
    config["output_artifacts"]["metric"] = {
        {"uri", fmt::format("http://127.0.0.1:{}/v2/worker/metric/save/e", flow_->port())},
        {"type_name", "json_metric"}};
    return config;
  }

  // The exit code; the result file is in result_.
  int Run(const json& config) {
    EXPECT_TRUE(WriteFile(folder_ + "/config.yaml", yaml::Write(config)).ok());
    int code = Execute(folder_ + "/config.yaml", folder_ + "/output/task_result.yaml");
    auto text = ReadFile(folder_ + "/output/task_result.yaml");
    EXPECT_TRUE(text.ok()) << text.status();
    result_ = json::parse(text.ok() ? *text : "{}");
    return code;
  }

  json UploadConfig(const std::string& csv, json parameters = json::object()) {
    EXPECT_TRUE(WriteFile(folder_ + "/a.csv", csv).ok());
    json all = {{"file", folder_ + "/a.csv"},
                {"namespace", "experiment"},
                {"name", "breast"},
                {"partitions", 2}};
    all.update(parameters);
    return Config("upload", all, {{"table", {{"uri", "eggroll:///t1/x"}, {"type_name", "table"}}}});
  }

  std::map<std::string, std::string> Stored() {
    std::map<std::string, std::string> stored;
    for (const char* partition : {"0", "1"}) {
      stored.merge(cluster_.Pairs("experiment/breast/" + std::string(partition)));
    }
    return stored;
  }
  std::string Log(const char* level) {
    auto text = ReadFile(folder_ + "/logs/" + level);
    return text.ok() ? *text : "";
  }

  testing::FakeCluster cluster_;
  std::string folder_;
  std::vector<json> metrics_;
  std::unique_ptr<http::Server> flow_;
  json result_;
};

// spec/fate-flow.md 15.5, 17.1
TEST_F(ExecuteTest, UploadLeavesATableAMetricAndAResult) {
  ASSERT_EQ(Run(UploadConfig("id,y,x0\n100,1,0.5\n101,0,-1\n", {{"meta", {{"label_name", "y"}}}})),
            0);
  EXPECT_EQ(result_["status"]["code"], 0);
  json table = result_["io_meta"]["outputs"]["data"]["table"];
  EXPECT_EQ(table["uri"], "eggroll:///experiment/breast");
  EXPECT_EQ(table["type_name"], "table");
  const json& metadata = table["metadata"];
  EXPECT_EQ(metadata["namespace"], "experiment");
  EXPECT_EQ(metadata["name"], "breast");
  EXPECT_EQ(metadata["data_overview"]["count"], 2);
  EXPECT_EQ(metadata["data_overview"]["samples"],
            json::parse(R"([["100","1,0.5"],["101","0,-1"]])"));
  EXPECT_EQ(metadata["metadata"]["schema"]["header"], "id,y,x0");
  EXPECT_EQ(metadata["metadata"]["schema"]["sample_id_name"], "id");
  EXPECT_EQ(metadata["metadata"]["schema"]["label_type"], "int32");
  EXPECT_EQ(metadata["source"]["component"], "upload");
  EXPECT_EQ(metadata["source"]["output_artifact_key"], "table");
  auto stored = Stored();
  ASSERT_EQ(stored.size(), 2u);
  EXPECT_EQ(stored[wire::PickleText("100")], wire::PickleText("1,0.5"));
  flow_->Stop();
  ASSERT_EQ(metrics_.size(), 1u);
  EXPECT_EQ(metrics_[0]["data"][0]["data"],
            json::parse(R"({"name": "breast", "namespace": "experiment", "count": 2})"));
  EXPECT_THAT(Log("INFO"), HasSubstr("uploaded 2 rows to experiment/breast"));
  EXPECT_THAT(cluster_.commands(), Contains("stopSession"));
}

TEST_F(ExecuteTest, AnUploadThatFailsLeavesNoTableAndSaysWhy) {
  EXPECT_EQ(Run(UploadConfig("id,x0\n1,2\n3\n")), 1);
  EXPECT_EQ(result_["status"]["code"], -1);
  EXPECT_THAT(std::string(result_["status"]["exceptions"]),
              HasSubstr("a.csv:3: the line has 1 fields, the header 2"));
  EXPECT_TRUE(Stored().empty());
  EXPECT_THAT(Log("ERROR"), HasSubstr("the line has 1 fields"));
  EXPECT_THAT(cluster_.commands(), Contains("deleteStore"));
  EXPECT_THAT(cluster_.commands(), Contains("stopSession"));
}

TEST_F(ExecuteTest, AnUploadWithTwoRowsOfOneIdFails) {
  EXPECT_EQ(Run(UploadConfig("id,x0\n1,2\n1,3\n")), 1);
  EXPECT_THAT(std::string(result_["status"]["exceptions"]),
              HasSubstr("2 rows but only 1 different ids in column 'id'"));
  EXPECT_TRUE(Stored().empty());
  cluster_.set_session_status("ACTIVE");
  ASSERT_EQ(Run(UploadConfig("id,x0\n1,2\n1,3\n", {{"extend_sid", true}})), 0);
  EXPECT_EQ(Stored().size(), 2u);
}

TEST_F(ExecuteTest, AMissingFileFailsBeforeTheSessionStarts) {
  EXPECT_EQ(Run(UploadConfig("", {{"file", "/nowhere.csv"}})), 1);
  EXPECT_THAT(std::string(result_["status"]["exceptions"]),
              HasSubstr("cannot read file /nowhere.csv"));
  EXPECT_TRUE(cluster_.commands().empty());
}

// spec/fate-flow.md 15.5: reader only names a table
TEST_F(ExecuteTest, ReaderNeedsNoSession) {
  json config = Config("reader", {{"namespace", "experiment"}, {"name", "breast"}},
                       {{"output_data", {{"uri", "file:///x"}, {"type_name", "data_unresolved"}}}});
  config["role"] = "guest";
  ASSERT_EQ(Run(config), 0);
  json output = result_["io_meta"]["outputs"]["data"]["output_data"];
  EXPECT_EQ(output["type_name"], "data_unresolved");
  EXPECT_EQ(output["metadata"]["namespace"], "experiment");
  EXPECT_EQ(output["metadata"]["name"], "breast");
  EXPECT_TRUE(cluster_.commands().empty());
}

TEST_F(ExecuteTest, EveryWayToFailIsInTheResult) {
  auto reason = [&](const json& config) {
    EXPECT_EQ(Run(config), 1);
    return std::string(result_["status"]["exceptions"]);
  };
  json config = UploadConfig("id,x0\n1,2\n");
  config["component"] = "nope";
  EXPECT_THAT(reason(config), HasSubstr("component 'nope' is unknown"));
  config["component"] = "toy_example";
  EXPECT_THAT(reason(config), HasSubstr("has no role 'local'"));
  EXPECT_THAT(reason(UploadConfig("id,x0\n1,2\n", {{"partitions", 0}})),
              HasSubstr("parameter 'partitions' of upload"));
  config = UploadConfig("id,x0\n1,2\n");
  config["conf"]["computing"]["type"] = "spark";
  EXPECT_THAT(reason(config), HasSubstr("computing engine 'spark' is not supported"));
  config.erase("job_id");
  EXPECT_THAT(reason(config), HasSubstr("'job_id' is missing"));
  config = Config("toy_example", {{"data_num", 10}, {"partition", 1}}, json::object());
  config["role"] = "guest";
  EXPECT_THAT(reason(config), HasSubstr("toy_example.rows"));  // the fake eggs run no operators
}

TEST_F(ExecuteTest, CleanUpKillsTheSessionOfAKilledTask) {
  json conf = Config("upload", json::object(), json::object())["conf"];
  setenv("FATE_TASK_CONFIG", conf.dump().c_str(), 1);
  EXPECT_EQ(CleanUp("FATE_TASK_CONFIG"), 1);  // the fake cluster has one session, now killed
  EXPECT_EQ(cluster_.commands(),
            std::vector<std::string>({"killSession", "getOrCreateSession", "killSession"}));
  unsetenv("FATE_TASK_CONFIG");
  EXPECT_EQ(CleanUp("FATE_TASK_CONFIG"), 1);
}

}  // namespace
}  // namespace fate::component
