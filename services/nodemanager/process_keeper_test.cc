#include "nodemanager/process_keeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <fstream>
#include <mutex>

#include "base/status.h"
#include "clustermanager/test_support.h"
#include "nodemanager/process_table.h"

namespace fate::nodemanager {
namespace {

using fate::testing::WaitFor;
using ::testing::AllOf;
using ::testing::HasSubstr;

class ProcessKeeperTest : public ::testing::Test {
 protected:
  void SetUp() override { Create(absl::Milliseconds(200)); }
  void Create(absl::Duration grace) {
    auto keeper = ProcessKeeper::Create(grace, [this](const ProcessEnd& end) {
      std::lock_guard lock(mutex_);
      ends_[end.name.processor] = end;
    });
    ASSERT_TRUE(keeper.ok()) << keeper.status();
    keeper_ = *std::move(keeper);
  }
  // A shell that writes its pid to a file and goes on with `script`.
  void Start(int64_t id, const std::string& script, bool is_script = false) {
    ProcessCommand command{
        .arguments = {"/bin/bash", "-c", "echo $$ > " + File(id) + "; " + script},
        .is_script = is_script,
        .out_file = File(id) + ".out",
        .err_file = File(id) + ".err",
        .label = "egg_pair-" + std::to_string(id)};
    keeper_->Start({"s1", id}, std::move(command));
  }
  std::string File(int64_t id) { return dir_.path() + "/" + std::to_string(id); }
  pid_t ReadPid(const std::string& path) {
    pid_t pid = 0;
    EXPECT_TRUE(WaitFor([&] { return static_cast<bool>(std::ifstream(path) >> pid); })) << path;
    return pid;
  }
  ProcessEnd End(int64_t id) {
    ProcessEnd end;
    EXPECT_TRUE(WaitFor([&] {
      std::lock_guard lock(mutex_);
      if (!ends_.contains(id)) return false;
      end = ends_[id];
      return true;
    })) << id;
    return end;
  }
  bool Ended(int64_t id) {
    std::lock_guard lock(mutex_);
    return ends_.contains(id);
  }

  fate::testing::TempDir dir_;
  std::mutex mutex_;
  std::map<int64_t, ProcessEnd> ends_;
  std::unique_ptr<ProcessKeeper> keeper_;
};

TEST_F(ProcessKeeperTest, TheEndOfAProcessIsReportedWithItsLastWords) {
  Start(1, "exit 0");
  EXPECT_EQ(End(1).how, ProcessEnd::How::kExited);
  Start(2, "echo first >&2; echo 'disk is full' >&2; exit 7");
  EXPECT_EQ(End(2).how, ProcessEnd::How::kFailed);
  EXPECT_THAT(End(2).detail, AllOf(HasSubstr("egg_pair-2"), HasSubstr("exited with code 7"),
                                   HasSubstr(": disk is full; read " + File(2) + ".err")));
  Start(3, "exec sleep 60");
  kill(ReadPid(File(3)), SIGKILL);
  EXPECT_THAT(End(3).detail, HasSubstr("was killed by signal 9"));
}

TEST_F(ProcessKeeperTest, AProgramThatCannotBeStartedIsReported) {
  keeper_->Start({"s1", 1}, {.arguments = {"/nowhere/egg_pair"},
                             .out_file = File(1),
                             .err_file = File(1),
                             .label = "egg_pair-1"});
  EXPECT_THAT(End(1).detail, AllOf(HasSubstr("/nowhere/egg_pair"), HasSubstr("No such file")));
}

TEST_F(ProcessKeeperTest, StopEndsTheWholeGroupAndKillsWhoDoesNotListen) {
  Start(1, "sleep 60 & echo $! > " + File(100) + "; trap '' TERM; while :; do wait; done");
  pid_t child = ReadPid(File(100));
  keeper_->Stop({"s1", 1});
  EXPECT_EQ(End(1).how, ProcessEnd::How::kKilled);
  EXPECT_TRUE(WaitFor([&] { return !IsAlive(child); }));
  EXPECT_TRUE(WaitFor([&] { return keeper_->Count() == 0; }));
}

TEST_F(ProcessKeeperTest, AStoppedJobGetsItsSignalToo) {
  Start(1, "exec sleep 60");
  pid_t pid = ReadPid(File(1));
  kill(pid, SIGSTOP);
  Create(absl::Seconds(60));  // the old keeper ends its processes, within its grace
  EXPECT_FALSE(IsAlive(pid));
  EXPECT_THAT(End(1).detail, HasSubstr("because its nodemanager stops"));
}

TEST_F(ProcessKeeperTest, ANameThatRunsIsNotStartedAgain) {
  Start(1, "exec sleep 60");
  pid_t pid = ReadPid(File(1));
  Start(1, "exit 5");
  keeper_->Kill({"s1", 1});
  EXPECT_EQ(End(1).pid, pid);
  EXPECT_EQ(End(1).how, ProcessEnd::How::kKilled);
}

// spec 9.1: upstream's scripts leave the egg in the background and end.
TEST_F(ProcessKeeperTest, AnEggThatAScriptLeftBehindIsKnownByItsHeartbeat) {
  Create(absl::Seconds(60));
  Start(1, "sleep 60 & echo $! > " + File(100), true);
  pid_t egg = ReadPid(File(100));
  keeper_->HeardOf({"s1", 1}, getpid());  // not of the script's group: not believed
  keeper_->HeardOf({"s1", 1}, egg);
  EXPECT_TRUE(WaitFor([&] { return !IsAlive(ReadPid(File(1))); }));
  EXPECT_FALSE(Ended(1));
  kill(egg, SIGKILL);
  EXPECT_EQ(End(1).pid, egg);
  EXPECT_THAT(End(1).detail, HasSubstr("was killed by signal 9"));

  Start(2, "sleep 60 & echo $! > " + File(200), true);
  egg = ReadPid(File(200));
  keeper_->HeardOf({"s1", 2}, egg);
  keeper_->Stop({"s1", 2});
  EXPECT_EQ(End(2).how, ProcessEnd::How::kKilled);
  EXPECT_FALSE(IsAlive(egg));
}

TEST_F(ProcessKeeperTest, AScriptThatFailsIsAnEggThatFailed) {
  Start(1, "echo 'no python' >&2; exit 1", true);
  EXPECT_EQ(End(1).how, ProcessEnd::How::kFailed);
  EXPECT_THAT(End(1).detail, HasSubstr("no python"));
}

}  // namespace
}  // namespace fate::nodemanager
