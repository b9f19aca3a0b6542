#include "routing/route_editor.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/status.h"
#include "routing/route_table.h"
#include "routing/route_watcher.h"

namespace fate::routing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr char kTable[] = R"({"route_table": {
   "default": {"default": [{"ip": "10.0.0.2", "port": 9370}]},
   "9999":    {"fateflow": [{"ip": "127.0.0.1", "port": 9360}]}}, "self_party": ["9999"]})";

class RouteEditorTest : public ::testing::Test {
 protected:
  RouteEditorTest()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("route_editor_{}", getpid())),
        editor_((folder_ / "route_table.json").string(), "") {
    std::filesystem::create_directories(folder_);
    EXPECT_TRUE(editor_.Replace(kTable).ok());
  }
  ~RouteEditorTest() override { std::filesystem::remove_all(folder_); }
  RouteTable Loaded() const { return *LoadRouteTable((folder_ / "route_table.json").string(), ""); }
  std::filesystem::path folder_;
  RouteEditor editor_;
};

TEST_F(RouteEditorTest, AWrongTableIsRefusedAndTheOldOneStays) {
  EXPECT_THAT(Message(editor_.Replace(R"({"route_table": []})")), HasSubstr("must be an object"));
  EXPECT_EQ(*editor_.Read(), kTable);
}

TEST_F(RouteEditorTest, AnEndpointIsSetBesideOtherRoles) {
  ASSERT_TRUE(editor_.SetEndpoint("9999", R"({"ip": "10.0.0.3", "port": 9371})").ok());
  EXPECT_EQ(Loaded().Find("9999", "host", 0)->endpoint.ToString(), "10.0.0.3:9371");
  EXPECT_EQ(Loaded().Find("9999", "fateflow", 0)->endpoint.ToString(), "127.0.0.1:9360");
  EXPECT_THAT(Message(editor_.SetEndpoint("9999", R"({"ip": "10.0.0.3"})")),
              HasSubstr("has no \"port\""));
}

TEST_F(RouteEditorTest, OwnPartiesAreSet) {
  ASSERT_TRUE(editor_.SetSelf({"1", "2"}).ok());
  EXPECT_THAT(Loaded().self_parties(), ElementsAre("1", "2"));
  EXPECT_FALSE(editor_.SetSelf({"not a party"}).ok());
}

TEST_F(RouteEditorTest, AFolderThatCannotBeWrittenIsNamed) {
  const RouteEditor lost((folder_ / "missing/route_table.json").string(), "");
  EXPECT_THAT(Message(lost.Replace(kTable)), HasSubstr("cannot write the route table"));
  EXPECT_FALSE(lost.Read().ok());
}

}  // namespace
}  // namespace fate::routing
