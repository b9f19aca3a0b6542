#include "scheduler/status.h"

#include <gtest/gtest.h>

#include <map>

namespace fate::scheduler {
namespace {

using enum Status;

TEST(Status, NamesAreThoseOfTheSpec) {
  for (const char* name :
       {"waiting", "ready", "running", "canceled", "timeout", "failed", "pass", "success"}) {
    ASSERT_TRUE(ParseStatus(name)) << name;
    EXPECT_EQ(Name(*ParseStatus(name)), name);
  }
  EXPECT_FALSE(ParseStatus("Failed"));
}

// spec/fate-flow.md 11, "Allowed transitions", in both directions.
TEST(Status, OnlyTheMovesOfTheTableAreAllowed) {
  const std::string all[] = {"waiting", "ready",  "running", "canceled",
                             "timeout", "failed", "pass",    "success"};
  std::map<std::string, std::string> job = {{"ready", "waiting canceled timeout failed"},
                                            {"waiting", "running canceled timeout failed success"},
                                            {"running", "canceled timeout failed success"},
                                            {"canceled", "waiting"},
                                            {"timeout", "failed success waiting"},
                                            {"failed", "waiting canceled"},
                                            {"success", "waiting"}};
  std::map<std::string, std::string> task = {{"waiting", "running success"},
                                             {"running", "canceled timeout failed pass success"},
                                             {"canceled", "waiting"},
                                             {"timeout", "failed success"}};
  for (const std::string& from : all) {
    for (const std::string& to : all) {
      EXPECT_EQ(CanJobMove(*ParseStatus(from), *ParseStatus(to)),
                job[from].find(to) != std::string::npos)
          << from << " -> " << to;
      EXPECT_EQ(CanTaskMove(*ParseStatus(from), *ParseStatus(to)),
                task[from].find(to) != std::string::npos)
          << from << " -> " << to;
    }
  }
}

// spec/fate-flow.md 12.3
TEST(FederatedStatus, FollowsTheRulesInOrder) {
  EXPECT_EQ(FederatedStatus({}), kFailed);
  EXPECT_EQ(FederatedStatus({kWaiting, kWaiting}), kWaiting);
  EXPECT_EQ(FederatedStatus({kPass, kSuccess}), kSuccess);
  EXPECT_EQ(FederatedStatus({kFailed, kCanceled, kTimeout}), kCanceled);
  EXPECT_EQ(FederatedStatus({kFailed, kTimeout}), kTimeout);
  EXPECT_EQ(FederatedStatus({kRunning, kFailed}), kFailed);
  EXPECT_EQ(FederatedStatus({kRunning, kSuccess}), kRunning);
  EXPECT_EQ(FederatedStatus({kSuccess, kWaiting}), kRunning);
}

// spec/fate-flow.md 12.2 B4
TEST(EndOfJob, IsSuccessOfAllOrTheHighestInterrupt) {
  EXPECT_EQ(EndOfJob({kSuccess, kPass}), kSuccess);
  EXPECT_EQ(EndOfJob({kSuccess, kCanceled, kFailed, kTimeout}), kFailed);
  EXPECT_EQ(EndOfJob({kCanceled, kWaiting}), kCanceled);
  EXPECT_EQ(EndOfJob({kSuccess, kRunning}), std::nullopt);
  EXPECT_EQ(EndOfJob({kSuccess, kWaiting}), std::nullopt);
}

TEST(Progress, CountsEndedTasks) {
  EXPECT_EQ(Progress({kSuccess, kRunning, kWaiting, kFailed}), 50.0);
  EXPECT_EQ(Progress({kWaiting}), 0.0);
}

}  // namespace
}  // namespace fate::scheduler
