#include "daemon/resident.h"

#include <gtest/gtest.h>

#include <fstream>
#include <string>

namespace fate::daemon {
namespace {

// Kilobytes of files that are resident in this process.
long ResidentFiles() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);) {
    if (line.starts_with("RssFile:")) return std::stol(line.substr(8));
  }
  return -1;
}

TEST(GiveBackStartupPages, LeavesWhatIsInUseAndNothingBreaks) {
  const std::string text = "a" + std::to_string(ResidentFiles());
  const long before = ResidentFiles();
  GiveBackStartupPages();
  const long after = ResidentFiles();
  ASSERT_GT(before, 0);
  EXPECT_LT(after, before * 3 / 4);
  EXPECT_EQ(text.substr(0, 1), "a");
  EXPECT_EQ(std::stod("1.5"), 1.5);  // code that is given back comes again
}

}  // namespace
}  // namespace fate::daemon
