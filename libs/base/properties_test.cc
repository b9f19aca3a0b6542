#include "base/properties.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"

namespace fate {
namespace {

using ::testing::HasSubstr;

constexpr char kText[] =
    "[eggroll]\n"
    "# a comment\n"
    "eggroll.resourcemanager.clustermanager.port = 4670\n"
    "grpc.port= 9370\n"
    "a=1\n"
    "a=2\n"
    "empty=\n"
    "jdbc.url=jdbc:mysql://h:3306/db?useSSL=false\n"
    "bad.port=abc\n";

TEST(Properties, ReadsSectionsCommentsBlanksAndRepeatedKeys) {
  auto properties = Properties::Parse(kText, "eggroll.properties");
  ASSERT_TRUE(properties.ok());
  EXPECT_EQ(*properties->GetPort("eggroll.resourcemanager.clustermanager.port", 1), 4670);
  EXPECT_EQ(properties->Get("grpc.port"), "9370");
  EXPECT_EQ(properties->Get("a"), "2");
  EXPECT_EQ(properties->Get("empty", "fallback"), "fallback");
  EXPECT_EQ(properties->Get("jdbc.url"), "jdbc:mysql://h:3306/db?useSSL=false");
}

TEST(Properties, ErrorsNameFileLineKeyAndRemedy) {
  auto properties = Properties::Parse(kText, "eggroll.properties");
  ASSERT_TRUE(properties.ok());
  auto port = properties->GetPort("bad.port", 1);
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(
      Message(port.status()),
      "eggroll.properties:9: bad.port = 'abc' is not valid; give a whole number from 1 to 65535");
  auto broken = Properties::Parse("a=1\nthis is no property\n", "x.properties");
  EXPECT_THAT(Message(broken.status()), HasSubstr("x.properties:2: 'this is no property'"));
  EXPECT_EQ(Properties::Load("/nonexistent/x").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace fate
