#include "fateflow/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "base/status.h"

namespace fate::flow {
namespace {

using testing::HasSubstr;

class ConfigTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = testing::TempDir() + "/flow_config_XXXXXX";
    home_ = mkdtemp(pattern.data());
    std::filesystem::create_directories(home_ + "/conf");
  }
  void TearDown() override { std::filesystem::remove_all(home_); }

  void Write(const std::string& name, const std::string& text) {
    std::ofstream(home_ + "/conf/" + name) << text;
  }
  absl::StatusOr<Config> Load() { return LoadConfig(home_ + "/conf/service_conf.yaml"); }
  std::string LoadError() {
    auto config = Load();
    return config.ok() ? "loaded" : Message(config.status());
  }

  static constexpr char kEngines[] =
      "default_engines:\n  computing: eggroll\n  federation: osx\n  storage: eggroll\n";
  std::string home_;
};

TEST_F(ConfigTest, HomeIsTheParentOfTheConfigurationFolder) {
  Write("service_conf.yaml", std::string(kEngines) + R"(
party_id: "10000"
fateflow: {host: 127.0.0.2, http_port: 9381, grpc_port: 9361, proxy_name: osx}
computing: {eggroll: {cores: 16, nodes: 2, host: cm, port: 4671}}
federation: {osx: {host: rollsite, port: 9371, mode: stream}}
)");
  auto config = Load();
  ASSERT_TRUE(config.ok()) << ToText(config.status());
  EXPECT_EQ(config->home, std::filesystem::canonical(home_).string());
  EXPECT_EQ(config->party_id, "10000");
  EXPECT_EQ(config->BaseUrl(), "http://127.0.0.2:9381");
  EXPECT_EQ(config->admin_port, 19381);
  EXPECT_EQ(config->cluster_manager.ToString(), "cm:4671");
  EXPECT_EQ(config->proxy.ToString(), "rollsite:9371");
  EXPECT_EQ(config->cores, 16);
  EXPECT_EQ(config->job_defaults.task_timeout, absl::Seconds(259200));
}

TEST_F(ConfigTest, LocalFileReplacesWholeTopLevelKeys) {
  Write("service_conf.yaml",
        std::string(kEngines) + "fateflow: {host: 127.0.0.2, http_port: 9381}\n");
  Write("local.service_conf.yaml", "fateflow: {host: 127.0.0.3}\n");
  auto config = Load();
  ASSERT_TRUE(config.ok()) << ToText(config.status());
  EXPECT_EQ(config->host, "127.0.0.3");
  EXPECT_EQ(config->http_port, 9380);
}

TEST_F(ConfigTest, JobDefaultsComeFromTheirOwnFile) {
  Write("service_conf.yaml", kEngines);
  Write("job_default_config.yaml", "job_cores: 2\ntask_run: {eggroll: {cores: 3}}\n");
  auto config = Load();
  ASSERT_TRUE(config.ok()) << ToText(config.status());
  EXPECT_EQ(config->job_defaults.job_cores, 2);
  EXPECT_EQ(config->job_defaults.task_cores, 3);
}

TEST_F(ConfigTest, ErrorsNameFileLineKeyAndRemedy) {
  Write("service_conf.yaml", std::string(kEngines) + "fateflow:\n  http_port: 99999\n");
  EXPECT_THAT(LoadError(), HasSubstr("service_conf.yaml:6: fateflow.http_port = '99999' must be a "
                                     "whole number from 0 to 65535"));
  Write("service_conf.yaml", "party_id: '../x'\n");
  EXPECT_THAT(LoadError(), HasSubstr("service_conf.yaml:1: party_id"));
  Write("service_conf.yaml", "party_id: [\n");
  EXPECT_THAT(LoadError(), HasSubstr("not YAML"));
  Write("service_conf.yaml", "just text\n");
  EXPECT_THAT(LoadError(), HasSubstr("must be a map"));
}

TEST_F(ConfigTest, StandaloneEnginesAreRefusedByName) {
  Write("service_conf.yaml", "party_id: '9999'\n");
  EXPECT_THAT(LoadError(),
              HasSubstr("default_engines.computing = 'standalone' is not served; use eggroll"));
}

TEST_F(ConfigTest, MissingFileIsNamed) {
  EXPECT_THAT(LoadError(), HasSubstr("service_conf.yaml does not exist; give its path with"));
}

TEST_F(ConfigTest, ReadSettingGivesTextOrNothing) {
  Write("service_conf.yaml", "fateflow: {log_level: debug}\n");
  EXPECT_EQ(ReadSetting(home_ + "/conf/service_conf.yaml", "fateflow.log_level"), "debug");
  EXPECT_EQ(ReadSetting(home_ + "/conf/service_conf.yaml", "fateflow.other"), "");
  EXPECT_EQ(ReadSetting(home_ + "/nothing", "a"), "");
}

}  // namespace
}  // namespace fate::flow
