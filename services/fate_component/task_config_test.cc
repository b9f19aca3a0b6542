#include "fate_component/task_config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate::component {
namespace {

using nlohmann::json;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

json Conf() {
  return json::parse(R"({
    "computing": {"type": "eggroll", "metadata": {
      "computing_id": "202611211000000000000_toy_0_0_guest_9999", "host": "127.0.0.1",
      "port": 4670, "options": {"cores": 4, "eggroll.session.processors.per.node": "2"}}},
    "federation": {"type": "rollsite", "metadata": {
      "federation_id": "202611211000000000000_toy_0_0",
      "parties": {"local": {"role": "guest", "partyid": "9999"},
                  "parties": [{"role": "guest", "partyid": 9999},
                              {"role": "host", "partyid": "10000"}]},
      "rollsite_config": {"host": "127.0.0.1", "port": "9370"}}}})");
}

constexpr char kYaml[] = R"(
job_id: '202611211000000000000'
task_id: 202611211000000000000_toy_0
party_task_id: 202611211000000000000_toy_0_0_guest_9999
task_name: toy_0
component: toy_example
role: guest
party_id: 9999
stage: default
parameters: {data_num: 1024, partition: 4}
input_artifacts:
output_artifacts:
  output_data: {uri: 'eggroll:///t/1', type_name: dataframe}
)";

TEST(TaskConfig, IsReadFromYaml) {
  auto config = TaskConfig::Parse(kYaml);
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->party_id, "9999");
  EXPECT_EQ(config->parameters["data_num"], 1024);
  EXPECT_EQ(config->input_artifacts, json::object());
  EXPECT_EQ(config->output_artifacts["output_data"]["type_name"], "dataframe");
  EXPECT_EQ(config->computing_partitions, 8);
}

TEST(TaskConfig, NamesWhatIsMissingOrUnsafe) {
  std::string text = kYaml;
  auto without = [&](const std::string& line) {
    std::string changed = text;
    changed.erase(changed.find(line), line.size());
    return Message(TaskConfig::Parse(changed).status());
  };
  EXPECT_THAT(without("role: guest\n"), HasSubstr("'role' is missing"));
  std::string unsafe = text;
  unsafe.replace(unsafe.find("party_id: 9999"), 14, "party_id: ../x");
  EXPECT_THAT(Message(TaskConfig::Parse(unsafe).status()), HasSubstr("../x"));
  std::string list = text;
  list.replace(list.find("{data_num: 1024, partition: 4}"), 30, "[1]");
  EXPECT_THAT(Message(TaskConfig::Parse(list).status()), HasSubstr("'parameters' is no object"));
  EXPECT_FALSE(TaskConfig::Parse("{").ok());
  EXPECT_FALSE(TaskConfig::Parse("3").ok());
}

TEST(SessionOptions, ComeFromComputing) {
  auto options = SessionOptions(Conf());
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->id, "202611211000000000000_toy_0_0_guest_9999");
  EXPECT_EQ(options->cluster_manager, "127.0.0.1:4670");
  EXPECT_EQ(options->options["eggroll.session.processors.per.node"], "2");
  EXPECT_EQ(options->options["cores"], "4");
}

TEST(SessionOptions, SayWhichEngineIsNotSupported) {
  json conf = Conf();
  conf["computing"]["type"] = "spark";
  EXPECT_THAT(Message(SessionOptions(conf).status()),
              HasSubstr("computing engine 'spark' is not supported"));
  conf = Conf();
  conf["computing"]["metadata"]["port"] = 0;
  EXPECT_THAT(Message(SessionOptions(conf).status()), HasSubstr("'127.0.0.1:0' is no address"));
  EXPECT_FALSE(SessionOptions(json::object()).ok());
}

TEST(FederationOptions, NameAllParties) {
  auto options = FederationOptions(Conf());
  ASSERT_TRUE(options.ok()) << options.status();
  EXPECT_EQ(options->session_id, "202611211000000000000_toy_0_0");
  EXPECT_EQ(options->rollsite, "127.0.0.1:9370");
  EXPECT_EQ(options->self.ToString(), "guest_9999");
  ASSERT_EQ(options->parties.size(), 2u);
  EXPECT_EQ(options->parties[1].ToString(), "host_10000");
}

TEST(FederationOptions, NeedAPeerAndRollsite) {
  json conf = Conf();
  conf["federation"]["metadata"]["parties"]["parties"].erase(1);
  EXPECT_EQ(FederationOptions(conf).status().code(), absl::StatusCode::kFailedPrecondition);
  conf = Conf();
  conf["federation"]["type"] = "pulsar";
  EXPECT_THAT(Message(FederationOptions(conf).status()),
              HasSubstr("federation engine 'pulsar' is not supported"));
}

// spec/fate-flow.md 16: the parts after the namespace are joined by "_"
TEST(TableUri, IsNamespaceAndName) {
  EXPECT_EQ(ParseTableUri("eggroll:///ns/a").value().ToString(), "ns/a");
  EXPECT_EQ(ParseTableUri("eggroll:///ns/a/b/c").value().ToString(), "ns/a_b_c");
  for (const char* bad : {"", "eggroll:///ns", "eggroll://host/ns/a", "file:///ns/a",
                          "eggroll:////a", "eggroll:///../a", "eggroll:///ns/"}) {
    EXPECT_FALSE(ParseTableUri(bad).ok()) << bad;
  }
}

TEST(FileUri, IsAnAbsolutePath) {
  EXPECT_EQ(ParseFileUri("file:///a/b").value(), "/a/b");
  for (const char* bad : {"", "file://", "file:///", "file://a", "/a/b", "http://a/b"}) {
    EXPECT_FALSE(ParseFileUri(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace fate::component
