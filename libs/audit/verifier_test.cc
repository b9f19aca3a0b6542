#include "audit/verifier.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "audit/test_log.h"

namespace fate::audit {
namespace {

using testing::HasSubstr;

std::vector<std::string> Lines(const std::string& file) {
  std::vector<std::string> lines;
  for (std::string_view line : Split(file, '\n')) lines.emplace_back(line);
  lines.pop_back();
  return lines;
}

std::string File(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  return text;
}

std::string WhatIsWrong(const Log& log, std::optional<Anchor> anchor = std::nullopt) {
  const auto report = log.Verify(anchor);
  EXPECT_EQ(report.status().code(), absl::StatusCode::kDataLoss);
  return Message(report.status());
}

TEST(Verifier, AnUntouchedLogIsFine) {
  const Log log = TwoFiles();
  const auto report = log.Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files, 2u);
  EXPECT_EQ(report->records, 24u);
  EXPECT_EQ(report->calls, 20u);
  EXPECT_EQ(report->last, 24u);
  EXPECT_EQ(report->hash, log.chain.hash());
  EXPECT_TRUE(report->closed);
}

TEST(Verifier, AFileCanBeVerifiedAlone) {
  Log log = TwoFiles();
  log.files.erase(log.files.begin());
  const auto report = log.Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->first, 13u);
}

// Every byte: only the very last, the end of the last line, may be missing after a crash.
TEST(Verifier, EveryChangedByteIsFound) {
  const Log log = TwoFiles();
  for (size_t file = 0; file < log.files.size(); ++file) {
    for (size_t at = 0; at + file < log.files[file].size(); ++at) {
      Log changed = log;
      changed.files[file][at] ^= 1;
      EXPECT_FALSE(changed.Verify().ok()) << "file " << file << " byte " << at;
    }
  }
}

TEST(Verifier, AChangedRecordIsNamed) {
  Log log = TwoFiles();
  auto lines = Lines(log.files[0]);
  lines[4].replace(lines[4].find("\"10000\""), 7, "\"10001\"");
  log.files[0] = File(lines);
  EXPECT_THAT(WhatIsWrong(log), HasSubstr("file1:5: record 5 does not fit its hash"));
}

TEST(Verifier, RemovedRecordsAreNamed) {
  Log log = TwoFiles();
  auto lines = Lines(log.files[1]);
  lines.erase(lines.begin() + 3, lines.begin() + 5);
  log.files[1] = File(lines);
  EXPECT_THAT(WhatIsWrong(log), HasSubstr("file2:4: records 16 to 17 are missing here"));
}

TEST(Verifier, MovedAndRepeatedRecordsAreNamed) {
  Log log = TwoFiles();
  auto lines = Lines(log.files[0]);
  std::swap(lines[3], lines[4]);
  log.files[0] = File(lines);
  EXPECT_THAT(WhatIsWrong(log), HasSubstr("file1:4: records 4 to 4 are missing here"));
  Log repeated = TwoFiles();
  lines = Lines(repeated.files[0]);
  lines.insert(lines.begin() + 3, lines[2]);
  repeated.files[0] = File(lines);
  EXPECT_THAT(WhatIsWrong(repeated), HasSubstr("file1:4: record 3 stands behind record 3"));
}

TEST(Verifier, AFileThatIsMissingOrCutIsNoticed) {
  Log log = TwoFiles();
  log.Open("close");
  log.files.erase(log.files.begin() + 1);
  EXPECT_THAT(WhatIsWrong(log), HasSubstr("file2:1: records 13 to 24 are missing here"));
  Log cut = TwoFiles();
  auto lines = Lines(cut.files[0]);
  lines.resize(7);
  cut.files[0] = File(lines);
  EXPECT_THAT(WhatIsWrong(cut), HasSubstr("file2:1: records 8 to 12 are missing here"));
  Log swapped = TwoFiles();
  std::swap(swapped.files[0], swapped.files[1]);
  EXPECT_THAT(WhatIsWrong(swapped), HasSubstr("file2:1: record 1 stands behind record 24"));
  Log headless = TwoFiles();
  headless.files[0].erase(0, headless.files[0].find('\n') + 1);
  EXPECT_THAT(WhatIsWrong(headless), HasSubstr("file1:1: the file does not start with"));
  Log joined = TwoFiles();
  joined.files[0] += joined.files[1];
  joined.files.pop_back();
  EXPECT_THAT(WhatIsWrong(joined), HasSubstr("file1:13: an open record within a file"));
}

// A forger who mends the hash of the record that he has changed is found at the next.
TEST(Verifier, AMendedRecordIsFoundByItsNeighbour) {
  Log log, forged;
  log.Open();
  forged.Open();
  log.Call(1);
  forged.Call(2);
  log.Call(3);
  auto lines = Lines(log.files[0]);
  lines[1] = Lines(forged.files[0])[1];
  log.files[0] = File(lines);
  EXPECT_THAT(WhatIsWrong(log), HasSubstr("file1:3: record 3 does not fit its hash"));
}

TEST(Verifier, AWholeNewChainDoesNotHaveTheHashThatWasNoted) {
  const Log log = TwoFiles();
  EXPECT_TRUE(log.Verify(Anchor{24, log.chain.hash()}).ok());
  Log forged;
  forged.Open();
  for (uint64_t i = 0; i < 30; ++i) forged.Call(i);
  EXPECT_TRUE(forged.Verify().ok());
  EXPECT_THAT(WhatIsWrong(forged, Anchor{24, log.chain.hash()}),
              HasSubstr("record 24 has another hash than the one noted"));
  Log shortened = log;
  shortened.files.pop_back();
  EXPECT_THAT(WhatIsWrong(shortened, Anchor{24, log.chain.hash()}),
              HasSubstr("record 24 is not there"));
}

TEST(Verifier, ACrashLeavesATornLineThatTheNextFileTellsOf) {
  Log log;
  log.Open();
  log.Call(1);
  const std::string torn = R"({"n":3,"kind":"ca)";
  log.files[0] += torn;
  const auto alone = log.Verify();
  ASSERT_TRUE(alone.ok()) << alone.status();
  EXPECT_EQ(alone->torn_bytes, torn.size());
  EXPECT_FALSE(alone->closed);
  log.Open("crash", torn);
  const auto report = log.Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->crashes, 1u);
  EXPECT_EQ(report->torn_bytes, 0u);
  Log mended = log;
  mended.files[0].pop_back();
  EXPECT_THAT(WhatIsWrong(mended), HasSubstr("its end was changed"));
  Log untold;
  untold.Open();
  untold.files[0] += torn;
  untold.Open("crash");
  EXPECT_THAT(WhatIsWrong(untold), HasSubstr("its end was changed"));
}

TEST(Verifier, GapsAreCounted) {
  Log log;
  log.Open();
  log.Gap(7);
  log.Gap(5);
  const auto report = log.Verify();
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->gaps, 2u);
  EXPECT_EQ(report->missing, 12u);
}

TEST(Verifier, NothingIsNoLog) { EXPECT_TRUE(absl::IsNotFound(Log().Verify().status())); }

}  // namespace
}  // namespace fate::audit
