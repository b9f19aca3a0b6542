#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "audit/test_log.h"
#include "base/status.h"
#include "fate/command.h"
#include "fate/demo_report.h"
#include "fate/job.h"
#include "fate/yaml_json.h"
#include "http/server.h"

namespace fate::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

int RunFate(std::vector<std::string> arguments) {
  arguments.insert(arguments.begin(), "fate");
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  return Main(static_cast<int>(argv.size()), argv.data());
}

// A flow server that answers job queries from a list of states, then repeats the last one.
class FakeFlow {
 public:
  explicit FakeFlow(std::vector<std::string> states) : states_(std::move(states)) {
    auto server =
        http::Server::Start({}, [this](const http::Request& request, http::Respond respond) {
          respond({.body = Answer(request).dump()});
        });
    server_ = *std::move(server);
  }
  std::string url() const { return "http://127.0.0.1:" + std::to_string(server_->port()); }

 private:
  Json Answer(const http::Request& request) {
    if (request.path == "/v2/job/submit") {
      return {{"code", 0}, {"message", "success"}, {"job_id", "j1"}};
    }
    if (request.path == "/v2/job/task/query") {
      return {{"code", 0},
              {"data", Json::array({{{"task_name", "psi_0"},
                                     {"role", "host"},
                                     {"party_id", "7"},
                                     {"error_report", "duplicate match_id detect"}}})}};
    }
    std::string status = states_[std::min(next_.load(), states_.size() - 1)];
    ++next_;
    return {{"code", 0},
            {"data", Json::array({{{"job_id", "j1"}, {"status", status}, {"progress", 50}}})}};
  }
  std::vector<std::string> states_;
  std::atomic<size_t> next_{0};
  std::unique_ptr<http::Server> server_;
};

TEST(Cli, ExitCodesTellUsageUnreachableFailureAndTime) {
  EXPECT_EQ(RunFate({"toy", "--guest", "1"}), 2);
  EXPECT_EQ(RunFate({"nonsense"}), 2);
  EXPECT_EQ(RunFate({"--help"}), 0);
  EXPECT_EQ(RunFate({"--flow", "http://127.0.0.1:1", "status", "j1"}), 3);
  FakeFlow failing({"running", "failed"}), slow({"running"}),
      good({"waiting", "running", "success"});
  EXPECT_EQ(RunFate({"--flow", failing.url(), "toy", "--guest", "1", "--host", "2"}), 1);
  EXPECT_EQ(
      RunFate({"--flow", slow.url(), "toy", "--guest", "1", "--host", "2", "--timeout", "0.3"}), 4);
  EXPECT_EQ(RunFate({"--flow", good.url(), "toy", "--guest", "1", "--host", "2"}), 0);
}

TEST(Cli, AFailedJobTellsItsReasons) {
  FakeFlow failing({"running", "failed"});
  auto job = WaitForJob(FlowClient(failing.url()), "j1", absl::Seconds(5), [](const JobView&) {});
  EXPECT_THAT(Message(job.status()),
              HasSubstr("job j1 failed: psi_0 at host 7: duplicate match_id detect"));
}

TEST(Cli, YamlScalarsKeepTheirTypes) {
  auto document = YamlToJson("a: 1\nb: '1'\nc: [true, null, 0.5, x]\n", "f");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document->dump(), R"({"a":1,"b":"1","c":[true,null,0.5,"x"]})");
  auto broken = YamlToJson("a: [1\n", "dag.yaml");
  EXPECT_EQ(broken.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(Message(broken.status()), HasSubstr("dag.yaml:"));
}

TEST(Cli, TablesAreAligned) {
  EXPECT_EQ(FormatTable({{"task", "status"}, {"reader_0", "success"}}),
            "task      status\nreader_0  success\n");
}

TEST(Cli, FeaturesOfBothPartiesAreRankedByInformationValue) {
  Json models = {{"output_model",
                  {{"data",
                    {{"metrics_summary",
                      {{"iv", {{"x0", 2.5}, {"x1", 0.1}}}, {"is_monotonic", {{"x0", true}}}}},
                     {"host_metrics_summary", {{"10000", {{"iv", {{"host_10000_x3", 1.5}}}}}}}}}}}};
  auto features = ReadFeatures(models);
  ASSERT_TRUE(features.ok()) << features.status();
  auto rows = FeatureTable(*features);
  ASSERT_EQ(rows.size(), 4u);
  EXPECT_THAT(rows[1], ::testing::ElementsAre("guest", "x0", "2.500000", "yes"));
  EXPECT_THAT(rows[2], ::testing::ElementsAre("10000", "host_10000_x3", "1.500000", "no"));
  EXPECT_FALSE(ReadFeatures(Json::object()).ok());
}

TEST(Cli, RouteTestExplainsAndProbes) {
  FakeFlow peer({"running"});
  std::string port = peer.url().substr(peer.url().rfind(':') + 1);
  std::string path = ::testing::TempDir() + "/cli_route.json";
  std::ofstream(path)
      << R"({"route_table": {"7": {"default": [{"ip": "127.0.0.1", "port": )" << port
      << R"(}]}, "8": {"default": [{"ip": "127.0.0.1", "port": 1}]}}, "self_party": ["9"]})";
  EXPECT_EQ(RunFate({"route", "test", "7", "--table", path}), 0);
  EXPECT_EQ(RunFate({"route", "test", "8", "--table", path}), 3);
  EXPECT_EQ(RunFate({"route", "test", "9", "--table", path}), 0);
  EXPECT_EQ(RunFate({"route", "test", "6", "--table", path}), 1);
  EXPECT_EQ(RunFate({"route", "test", "7", "--table", "/nonexistent"}), 2);
}

// What `fate route test` prints, before the exit code.
std::string RouteTest(const std::string& party, const std::string& role, const std::string& table,
                      int exit_code) {
  testing::internal::CaptureStdout();
  testing::internal::CaptureStderr();
  EXPECT_EQ(RunFate({"route", "test", party, role, "--table", table}), exit_code) << party;
  return testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
}

TEST(Cli, RouteTestNamesTheRuleAndTheHop) {
  FakeFlow peer({"running"});
  const std::string port = peer.url().substr(peer.url().rfind(':') + 1);
  const std::string path = ::testing::TempDir() + "/cli_route_rules.json";
  std::ofstream(path) << R"({"route_table": {
      "default": {"default": [{"ip": "127.0.0.1", "port": )"
                      << port << R"(}]},
      "7": {"fateflow": [{"ip": "127.0.0.1", "port": 1}]},
      "8": {"default": [{"is_polling": true}]},
      "9": {"fateflow": [{"ip": "127.0.0.1", "port": )"
                      << port << R"(}]},
      "10": {"default": [{"protocol": "http", "url": "http://127.0.0.1:)"
                      << port << R"(/v1/x"}]}},
      "self_party": ["9"]})";
  EXPECT_THAT(RouteTest("6", "host", path, 0),
              AllOf(HasSubstr("no entry for party 6: \"default\" is used"),
                    HasSubstr("no role host there: \"default\" is used"),
                    HasSubstr("route_table.default.default -> 127.0.0.1:" + port),
                    HasSubstr("127.0.0.1:" + port + " answers (")));
  EXPECT_THAT(RouteTest("7", "fateflow", path, 3),
              AllOf(HasSubstr("role fateflow is listed there"),
                    HasSubstr("route_table.7.fateflow -> 127.0.0.1:1"),
                    HasSubstr("party 7 role fateflow: 127.0.0.1:1: Connection refused"),
                    HasSubstr("is its rollsite running and reachable?")));
  EXPECT_THAT(RouteTest("7", "host", path, 1),
              AllOf(HasSubstr("its entry \"7\" has neither role \"host\" nor \"default\""),
                    HasSubstr("add it")));
  EXPECT_THAT(RouteTest("8", "host", path, 0), HasSubstr("party 8 polls this rollsite"));
  EXPECT_THAT(RouteTest("9", "fateflow", path, 0), HasSubstr("answers ("));
  EXPECT_THAT(RouteTest("9", "default", path, 0), HasSubstr("party 9 is one's own"));
  EXPECT_THAT(RouteTest("10", "host", path, 0), HasSubstr("http://127.0.0.1:" + port + "/v1/x"));
}

class AuditCommand : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_);
    Write(audit::TwoFiles());
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  void Write(const audit::Log& log) {
    std::ofstream(folder_ + "/audit-000000000001.jsonl") << log.files[0];
    std::ofstream(folder_ + "/audit-000000000013.jsonl") << log.files[1];
  }
  std::string Output(std::vector<std::string> arguments, int exit_code) {
    testing::internal::CaptureStdout();
    testing::internal::CaptureStderr();
    EXPECT_EQ(RunFate(std::move(arguments)), exit_code);
    return testing::internal::GetCapturedStdout() + testing::internal::GetCapturedStderr();
  }

  const std::string folder_ = testing::TempDir() + "audit_command_" + std::to_string(getpid());
};

TEST_F(AuditCommand, VerifiesAFolder) {
  const audit::Log log = audit::TwoFiles();
  std::string anchor = "24:";
  audit::AppendHex(log.chain.hash(), &anchor);
  const std::string output = Output({"audit", "verify", folder_}, 0);
  EXPECT_THAT(output, HasSubstr("OK: 24 records in 2 files (1 to 24), 20 calls"));
  EXPECT_THAT(output, HasSubstr(anchor));
  EXPECT_THAT(Output({"audit", "verify", folder_, "--expect", anchor}, 0), HasSubstr("OK"));
  anchor.back() = anchor.back() == '0' ? '1' : '0';
  EXPECT_THAT(Output({"audit", "verify", folder_, "--expect", anchor}, 1),
              HasSubstr("record 24 has another hash than the one noted"));
  EXPECT_THAT(Output({"audit", "verify", folder_, "--expect", "24"}, 2), HasSubstr("NUMBER:HASH"));
}

TEST_F(AuditCommand, NamesFileAndLineOfWhatWasChanged) {
  audit::Log log = audit::TwoFiles();
  log.files[1].replace(log.files[1].find("\"to\":\"10000\""), 12, "\"to\":\"10001\"");
  Write(log);
  EXPECT_THAT(Output({"audit", "verify", folder_}, 1),
              HasSubstr("audit-000000000013.jsonl:2: record 14 does not fit its hash"));
}

TEST_F(AuditCommand, ShowsWhatIsAskedFor) {
  EXPECT_THAT(Output({"audit", "show", folder_, "--party", "10000"}, 0),
              HasSubstr("out     9999 -> 10000 invoke 202601010000000000000_psi_0_0 topic 1000 "
                        "bytes, answer 0 OK"));
  EXPECT_EQ(Output({"audit", "show", folder_, "--party", "10001"}, 0), "");
  EXPECT_EQ(Output({"audit", "show", folder_, "--since", "2026-02"}, 0), "");
  EXPECT_THAT(Output({"--json", "audit", "show", folder_, "--until", "2026-02"}, 0),
              HasSubstr("\"chain\":"));
  EXPECT_THAT(Output({"audit", "show", folder_ + "/none"}, 3), HasSubstr("cannot read"));
}

}  // namespace
}  // namespace fate::cli
