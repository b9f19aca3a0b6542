#include "nodemanager/node_resources.h"

#include <gtest/gtest.h>

namespace fate::nodemanager {
namespace {

// spec/eggroll-control-plane.md 6.2
TEST(NodeResourcesTest, CoresAreCountedOnceAndMemoryLeavesHugePagesOut) {
  auto resources = ParseResources(
      "physical id\t: 0\ncore id\t: 0\n\nphysical id\t: 0\ncore id\t: 1\n\n"
      "physical id\t: 0\ncore id\t: 1\n\nphysical id\t: 1\ncore id\t: 0\n",
      "2.71 1.0 0.5 1/100 4711",
      "MemTotal: 1000 kB\nMemFree: 100 kB\nInactive(file): 50 kB\nHardwareCorrupted: 0 kB\n"
      "HugePages_Total: 2\nHugepagesize: 10 kB\n");
  ASSERT_EQ(resources.size(), 2u);
  EXPECT_EQ(resources[0].type, "VCPU_CORE");
  EXPECT_EQ(resources[0].total, 3);
  EXPECT_EQ(resources[0].used, 2);
  EXPECT_EQ(resources[1].type, "PHYSICAL_MEMORY");
  EXPECT_EQ(resources[1].total, 980 * 1024);
  EXPECT_EQ(resources[1].used, 830 * 1024);
}

TEST(NodeResourcesTest, ThisMachineHasACoreAndMemory) {
  auto resources = ReadResources();
  EXPECT_GE(resources[0].total, 1);
  EXPECT_GT(resources[1].total, 1 << 20);
  EXPECT_EQ(ParseResources("", "", "")[0].total, 1);
}

}  // namespace
}  // namespace fate::nodemanager
