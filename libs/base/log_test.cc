#include "base/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fate::log {
namespace {

TEST(Log, TextLinesCarryTheIdsOfTheInnermostScope) {
  Options options{.service = "egg"};
  Scope outer({.job = "j1", .session = "s1"});
  EXPECT_EQ(FormatLine(options, Level::kInfo, "T", "hello"),
            "T INFO egg [job=j1 session=s1] hello");
  {
    Scope inner({.session = "s2"});
    EXPECT_EQ(FormatLine(options, Level::kError, "T", "x"), "T ERROR egg [session=s2] x");
  }
  EXPECT_EQ(FormatLine(options, Level::kInfo, "T", "a"), "T INFO egg [job=j1 session=s1] a");
}

TEST(Log, JsonLinesAreOneObjectEach) {
  Options options{.service = "egg", .json = true};
  Scope scope({.job = "j"});
  EXPECT_EQ(FormatLine(options, Level::kWarning, "T", "a \"b\"\nc"),
            R"({"time":"T","level":"warning","service":"egg","job":"j","message":"a \"b\"\nc"})");
}

TEST(Log, AMessageCannotForgeALine) {
  EXPECT_EQ(FormatLine({.service = "egg"}, Level::kInfo, "T", "a\nT ERROR egg b"),
            "T INFO egg a\\nT ERROR egg b");
}

TEST(Log, UnknownLevelIsRefused) {
  EXPECT_THAT(std::string(Init({.service = "x", .level = "loud"}).message()),
              ::testing::HasSubstr("log level 'loud' is unknown"));
}

}  // namespace
}  // namespace fate::log
