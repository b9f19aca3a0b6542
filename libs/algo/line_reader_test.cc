#include "algo/line_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "algo/temporary_file.h"
#include "base/limits.h"
#include "base/status.h"

namespace fate::algo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// The lines, then the error if there is one.
std::vector<std::string> ReadAll(const std::string& content) {
  TemporaryFile file(content);
  auto reader = LineReader::Open(file.path());
  EXPECT_TRUE(reader.ok()) << reader.status();
  std::vector<std::string> lines;
  std::string line;
  for (;;) {
    auto more = reader->Next(line);
    if (!more.ok()) lines.push_back("ERROR " + Message(more.status()));
    if (!more.ok() || !*more) return lines;
    lines.push_back(line);
  }
}

TEST(LineReader, ReadsLinesWithAndWithoutAFinalLineEnd) {
  EXPECT_THAT(ReadAll("a,b\n1,2\n"), ElementsAre("a,b", "1,2"));
  EXPECT_THAT(ReadAll("a,b\r\n\r\n1,2"), ElementsAre("a,b", "", "1,2"));
  EXPECT_THAT(ReadAll(""), ElementsAre());
}

TEST(LineReader, DropsAByteOrderMark) {
  EXPECT_THAT(ReadAll("\xEF\xBB\xBFid,x\n1,2\n"), ElementsAre("id,x", "1,2"));
}

TEST(LineReader, ReadsALineOfTenMegabytes) {
  std::string longest(10'000'000, 'x');
  EXPECT_THAT(ReadAll("a\n" + longest + "\nb\n"), ElementsAre("a", longest, "b"));
}

TEST(LineReader, RefusesALineBeyondTheLimitWithoutReadingOn) {
  auto lines = ReadAll("a\n" + std::string(kMaxCsvLineBytes + 1, 'x') + "\n");
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[1], HasSubstr(":2: the line"));
  lines = ReadAll(std::string(2 * kMaxCsvLineBytes, 'x'));
  EXPECT_THAT(lines[0], HasSubstr("is the line end missing?"));
}

TEST(LineReader, NamesTheLineOfBytesThatAreNoText) {
  EXPECT_THAT(ReadAll(std::string("a\nb\0c\n", 6))[1], HasSubstr(":2: byte 2 is NUL"));
  EXPECT_THAT(ReadAll("a\nb\n\xff\n")[2], HasSubstr(":3: the line is not UTF-8"));
}

TEST(LineReader, SaysWhichFileCannotBeRead) {
  auto missing = LineReader::Open("/nowhere/a.csv");
  EXPECT_EQ(missing.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(Message(missing.status()), HasSubstr("cannot read file /nowhere/a.csv"));
  EXPECT_THAT(Message(LineReader::Open("/tmp").status()), HasSubstr("is not an ordinary file"));
}

TEST(IsUtf8, FollowsRfc3629) {
  for (const char* good : {"", "abc", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80"}) {
    EXPECT_TRUE(IsUtf8(good)) << good;
  }
  for (const char* bad : {"\x80", "\xC3", "\xC0\xAF", "\xE0\x80\xAF", "\xED\xA0\x80",
                          "\xF4\x90\x80\x80", "\xE2\x82", "\xC3\x28"}) {
    EXPECT_FALSE(IsUtf8(bad)) << bad;
  }
}

}  // namespace
}  // namespace fate::algo
