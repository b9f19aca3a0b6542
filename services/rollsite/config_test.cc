#include "rollsite/config.h"

#include <filesystem>

#include "rollsite/test_support.h"

namespace fate::rollsite {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigTest : public ::testing::Test {
 protected:
  ConfigTest()
      : folder_(std::filesystem::temp_directory_path() /
                fmt::format("rollsite_config_{}", getpid())) {
    std::filesystem::create_directories(folder_ / "broker");
    std::filesystem::create_directories(folder_ / "components");
  }
  ~ConfigTest() override { std::filesystem::remove_all(folder_); }
  void Write(const std::string& name, const std::string& text) {
    std::ofstream(folder_ / name) << text;
  }
  std::filesystem::path folder_;
};

// spec/rollsite.md 5.3, with keys as OSX ships them.
TEST_F(ConfigTest, TheFolderOfAnOsxIsReadUnchanged) {
  Write("broker/broker.properties",
        "grpc.port= 9377\nbind.host=127.0.0.9\nself.party=9999\n"
        "eggroll.cluster.manager.ip = 127.0.0.8\neggroll.cluster.manager.port = 4671\n"
        "open.grpc.tls.server=false\nmapped.file.dir=mapped/.fate\nopen.http.server=true\n"
        "http.port=8808\nrouter.change.need.token=true\nzk.url=nowhere\n");
  Write("components/token_validator.properties", "default.token=4321\n");
  const auto config = Config::Load(folder_.string());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen, (relay::Address{"127.0.0.9", 9377}));
  EXPECT_EQ(config->cluster_manager, (relay::Address{"127.0.0.8", 4671}));
  EXPECT_EQ(config->route_table, (folder_ / "broker/route_table.json").string());
  EXPECT_EQ(config->admin_port, 19377);
  EXPECT_EQ(config->http_port, 8808);
  EXPECT_TRUE(config->route_changes_need_token);
  EXPECT_EQ(config->route_token, "4321");
  EXPECT_FALSE(config->strict_codes);
  EXPECT_THAT(config->warnings, IsEmpty());
}

TEST_F(ConfigTest, OsxKeepsTheDefaultOfAWrongValueAndSaysSo) {
  Write("broker/broker.properties", "grpc.port=many\nopen.http.server=perhaps\n");
  const auto config = Config::Load((folder_ / "broker/broker.properties").string());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen, (relay::Address{"0.0.0.0", 9370}));
  EXPECT_EQ(config->http_port, 8807);
  EXPECT_THAT(config->warnings,
              ElementsAre(HasSubstr("broker.properties:1"), HasSubstr("open.http.server")));
}

TEST_F(ConfigTest, AMissingFileIsNamed) {
  const auto config = Config::Load((folder_ / "components").string());
  ASSERT_FALSE(config.ok());
  EXPECT_THAT(Message(config.status()), HasSubstr("components/broker/broker.properties"));
}

TEST_F(ConfigTest, EggrollPropertiesWithNativeKeys) {
  Write("eggroll.properties",
        "[eggroll]\neggroll.rollsite.host=127.0.0.7\neggroll.rollsite.port=9371\n"
        "eggroll.rollsite.party.id=7\nptp.strict_codes=true\n"
        "eggroll.rollsite.route.table.key=secret\n"
        "eggroll.rollsite.route.table.whitelist=127.0.0.1, 10.0.0.7,\n");
  const auto config = Config::Load((folder_ / "eggroll.properties").string());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->listen, (relay::Address{"127.0.0.7", 9371}));
  EXPECT_TRUE(config->strict_codes);
  EXPECT_EQ(config->operator_key, "secret");
  EXPECT_THAT(config->operator_hosts, ElementsAre("127.0.0.1", "10.0.0.7"));
  EXPECT_EQ(config->http_port, 0);
  EXPECT_EQ(config->eggs.session_wait, absl::Seconds(60));
  EXPECT_EQ(config->eggs.unknown_wait, absl::ZeroDuration());
  EXPECT_EQ(config->eggs.version, EggrollVersion::k3);
}

TEST_F(ConfigTest, WrongWaitsAreRefusedByName) {
  for (const char* key : {"session.wait.ms", "session.unknown.wait.ms"}) {
    Write("eggroll.properties",
          fmt::format("eggroll.rollsite.port=1\neggroll.rollsite.{}=-1\n", key));
    const auto config = Config::Load((folder_ / "eggroll.properties").string());
    EXPECT_THAT(Message(config.status()),
                AllOf(HasSubstr("eggroll.properties:2"), HasSubstr(key), HasSubstr("180000")));
  }
}

TEST_F(ConfigTest, TheVersionOfEggrollIsTwoOrThree) {
  auto load = [&](const std::string& version) {
    Write("eggroll.properties", "eggroll.rollsite.port=1\neggroll.version=" + version + "\n");
    return Config::Load((folder_ / "eggroll.properties").string());
  };
  EXPECT_EQ(load("2.5.3")->eggs.version, EggrollVersion::k2);
  EXPECT_EQ(load("3.2.0")->eggs.version, EggrollVersion::k3);
  EXPECT_THAT(Message(load("1.4").status()),
              AllOf(HasSubstr("eggroll.properties:2"), HasSubstr("eggroll.version"),
                    HasSubstr("2... or 3...")));
}

TEST_F(ConfigTest, PeersThatSayNothingAreAskedAsConfigured) {
  auto load = [&](const std::string& lines) {
    Write("eggroll.properties", "[eggroll]\n" + lines);
    return Config::Load((folder_ / "eggroll.properties").string());
  };
  EXPECT_EQ(load("")->keep_alive.idle, absl::Seconds(30));
  EXPECT_EQ(load("")->keep_alive.timeout, absl::Seconds(20));
  const auto set =
      load("eggroll.rollsite.keepalive.idle.ms=5000\neggroll.rollsite.keepalive.timeout.ms=700\n");
  EXPECT_EQ(set->keep_alive.idle, absl::Seconds(5));
  EXPECT_EQ(set->keep_alive.timeout, absl::Milliseconds(700));
  EXPECT_EQ(load("eggroll.rollsite.keepalive.idle.ms=0\n")->keep_alive.idle,
            absl::InfiniteDuration());
  EXPECT_THAT(
      Message(load("eggroll.rollsite.keepalive.timeout.ms=1\n").status()),
      AllOf(HasSubstr("eggroll.properties:2"), HasSubstr("eggroll.rollsite.keepalive.timeout.ms")));
}

TEST(OwnAddresses, AListenerOnAllAddressesIsReachedUnderEachOfThem) {
  OwnAddresses own;
  own.Add({"127.0.0.3", 9370});
  EXPECT_TRUE(own.Contains({"127.0.0.3", 9370}));
  EXPECT_FALSE(own.Contains({"127.0.0.4", 9370}));
  EXPECT_FALSE(own.Contains({"127.0.0.3", 9371}));
  own.Add({"0.0.0.0", 9371});
  EXPECT_TRUE(own.Contains({"127.0.0.4", 9371}));
  EXPECT_TRUE(own.Contains({"localhost", 9371}));
  EXPECT_FALSE(own.Contains({"203.0.113.9", 9371}));
}

}  // namespace
}  // namespace fate::rollsite
