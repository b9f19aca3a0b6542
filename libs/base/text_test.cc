#include "base/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace fate {
namespace {

TEST(Text, TrimAndSplit) {
  EXPECT_EQ(Trim(" \ta b\r\n"), "a b");
  EXPECT_EQ(Trim("  "), "");
  EXPECT_THAT(Split("a,,b", ','), ::testing::ElementsAre("a", "", "b"));
  EXPECT_THAT(Split("", ','), ::testing::ElementsAre(""));
}

TEST(Text, NumbersMustFillTheWholeText) {
  EXPECT_EQ(ParseInt<int>("42"), 42);
  EXPECT_EQ(ParseInt<int>("42x"), std::nullopt);
  EXPECT_EQ(ParseInt<int>(""), std::nullopt);
  EXPECT_EQ(ParseInt<int8_t>("300"), std::nullopt);
  EXPECT_EQ(ParseDouble("-1.5e2"), -150.0);
  EXPECT_EQ(ParseDouble("1.5 "), std::nullopt);
}

TEST(Text, HexRoundTripAndRefusal) {
  EXPECT_EQ(HexEncode(std::string("\x00\xff", 2)), "00ff");
  EXPECT_EQ(HexDecode("46 70 93 94"), "\x46\x70\x93\x94");
  EXPECT_EQ(HexDecode("4"), std::nullopt);
  EXPECT_EQ(HexDecode("zz"), std::nullopt);
}

TEST(Text, EscapeMakesHostileBytesVisible) { EXPECT_EQ(Escape("a\n'b"), "a\\x0a\\x27b"); }

}  // namespace
}  // namespace fate
