#include "routing/route_watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>

#include "base/status.h"

namespace fate::routing {
namespace {

using ::testing::HasSubstr;

class RouteWatcherTest : public ::testing::Test {
 protected:
  RouteWatcherTest() {
    dir_ = std::filesystem::temp_directory_path() / ("route_watcher_" + std::to_string(getpid()));
    std::filesystem::create_directories(dir_);
    path_ = dir_ / "route_table.json";
  }
  ~RouteWatcherTest() override { std::filesystem::remove_all(dir_); }

  // As an editor does: a new file under the old name.
  void Write(const std::string& text) {
    std::ofstream(path_.string() + ".new") << text;
    std::filesystem::rename(path_.string() + ".new", path_);
  }
  void WriteParty(const std::string& party) {
    Write(R"({"route_table": {")" + party + R"(": {"default": [{"ip": "a", "port": 1}]}}})");
  }
  static bool Routes(const RouteWatcher& watcher, const std::string& party) {
    return watcher.Current()->Find(party, "", 0).ok();
  }
  // The bound of spec/rollsite.md 7.4, 3 s, with room for a loaded machine.
  template <class Condition>
  static bool Within5s(Condition condition) {
    auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(5);
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
    return true;
  }

  std::filesystem::path dir_, path_;
};

// spec/rollsite.md 15 cases 41, 42
TEST_F(RouteWatcherTest, AChangeTakesEffectAndAWrongFileLeavesTheOldTable) {
  WriteParty("1");
  RouteWatcher watcher(path_, "9999");
  EXPECT_TRUE(watcher.status().ok());
  EXPECT_TRUE(Routes(watcher, "1"));
  auto held = watcher.Current();

  WriteParty("2");
  EXPECT_TRUE(Within5s([&] { return Routes(watcher, "2"); }));
  EXPECT_FALSE(Routes(watcher, "1"));
  EXPECT_TRUE(held->Find("1", "", 0).ok()) << "a table in use is never changed";

  Write("{\"route_table\": ");
  EXPECT_TRUE(Within5s([&] { return !watcher.status().ok(); }));
  EXPECT_TRUE(Routes(watcher, "2"));

  WriteParty("3");
  EXPECT_TRUE(Within5s([&] { return Routes(watcher, "3") && watcher.status().ok(); }));
}

// spec/rollsite.md 15 case 43
TEST_F(RouteWatcherTest, StartsWithoutAFileAndTakesItWhenItAppears) {
  RouteWatcher watcher(path_, "9999");
  EXPECT_THAT(Message(watcher.status()), HasSubstr("eggroll.rollsite.route.table.path"));
  EXPECT_TRUE(watcher.Current()->IsSelf("9999"));
  WriteParty("1");
  EXPECT_TRUE(Within5s([&] { return Routes(watcher, "1"); }));
}

}  // namespace
}  // namespace fate::routing
