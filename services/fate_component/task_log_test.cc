#include "fate_component/task_log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "fate_component/files.h"

namespace fate::component {
namespace {

using nlohmann::json;
using ::testing::MatchesRegex;

class TaskLogTest : public ::testing::Test {
 protected:
  TaskLogTest() {
    std::string folder = "/tmp/fate_task_log_XXXXXX";
    folder_ = mkdtemp(folder.data());
  }
  ~TaskLogTest() override { std::filesystem::remove_all(folder_); }
  json Handler(const std::string& file, const char* level) {
    return {{"class", "logging.FileHandler"}, {"level", level}, {"filename", folder_ + "/" + file}};
  }
  std::string Content(const std::string& file) {
    auto content = ReadFile(folder_ + "/" + file);
    return content.ok() ? *content : "(no file)";
  }
  std::string folder_;
};

TEST_F(TaskLogTest, EachFileTakesLinesFromItsLevelOn) {
  json handlers = {{"root_info", Handler("root/INFO", "INFO")},
                   {"root_error", Handler("root/ERROR", "ERROR")},
                   {"global_error", Handler("root/ERROR", "ERROR")},
                   {"debug", Handler("root/DEBUG", "DEBUG")}};
  handlers["profile"] = Handler("component/PROFILE", "INFO");
  handlers["profile"]["filters"] = {"profile"};
  TaskLog log({{"version", 1}, {"handlers", handlers}}, "toy.run");
  log.Write(log::Level::kInfo, "", "begin");
  EXPECT_EQ(Content("root/ERROR"), "(no file)");
  log.Write(log::Level::kError, "", "broken");
  // spec/fate-flow.md 15.3: [LEVEL][time][pid][module.func][line:N]: message
  std::string head = R"(\]\[[0-9]+-[0-9]+-[0-9]+ [0-9]+:[0-9]+:[0-9]+,[0-9]+\]\[[0-9]+\])";
  std::string info = R"(\[INFO)" + head + R"(\[toy.run\]\[line:0\]: begin
)";
  std::string error = R"(\[ERROR)" + head + R"(\[toy.run\]\[line:0\]: broken
)";
  EXPECT_THAT(Content("root/INFO"), MatchesRegex(info + error));
  EXPECT_THAT(Content("root/DEBUG"), MatchesRegex(info + error));
  EXPECT_THAT(Content("root/ERROR"), MatchesRegex(error));
  EXPECT_EQ(Content("component/PROFILE"), "(no file)");
}

// spec/federated-algorithms.md 3.1: the marker that the toy tool looks for
TEST_F(TaskLogTest, KeepsTheSourceOfALine) {
  TaskLog log({{"handlers", {{"info", Handler("INFO", "INFO")}}}}, "secure_add_example.run");
  log.Write(log::Level::kInfo, "secure_add_guest.py[line:122]", "success");
  EXPECT_THAT(
      Content("INFO"),
      MatchesRegex(R"(.*\[secure_add_example.run\] - secure_add_guest.py\[line:122\]: success
)"));
}

TEST_F(TaskLogTest, GoesOnWhenAFileCannotBeWritten) {
  json handlers = {{"a", {{"level", "INFO"}, {"filename", "/proc/none/INFO"}}},
                   {"b", Handler("INFO", "INFO")}};
  TaskLog log({{"handlers", handlers}}, "m");
  log.Write(log::Level::kInfo, "", "one");
  log.Write(log::Level::kInfo, "", "two");
  EXPECT_THAT(Content("INFO"), MatchesRegex(".*one\n.*two\n"));
  TaskLog none(json(), "m");
  none.Write(log::Level::kInfo, "", "nowhere");
}

}  // namespace
}  // namespace fate::component
