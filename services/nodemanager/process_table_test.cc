#include "nodemanager/process_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>

#include "clustermanager/test_support.h"

namespace fate::nodemanager {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// A process that shows an egg's options. It stops itself: a child that it forked would show the
// same ones until it runs its own program.
class Sleeper {
 public:
  explicit Sleeper(const char* processor) : pid_(fork()) {
    if (pid_ == 0) {
      setpgid(0, 0);
      execl("/bin/sh", "sh", "-c", "kill -STOP $$", "egg", "--session-id", "lookup",
            "--server-node-id", "2", "--processor-id", processor, nullptr);
      _exit(127);
    }
    fate::testing::WaitFor([this] {
      std::ifstream file("/proc/" + std::to_string(pid_) + "/cmdline");
      std::string line;
      std::getline(file, line);
      return line.find("--processor-id") != std::string::npos;
    });
  }
  ~Sleeper() { End(); }
  void End() {
    if (pid_ <= 0) return;
    kill(pid_, SIGKILL);
    waitpid(pid_, nullptr, 0);
    pid_ = -1;
  }
  pid_t pid() const { return pid_; }

 private:
  pid_t pid_;
};

// Acceptance case 27: processor 1 is not 10 (section 20, defect 4).
TEST(ProcessTableTest, EggsAreFoundByTheirWholeOptions) {
  Sleeper one("1"), ten("10");
  EXPECT_THAT(FindEggs("lookup", 2, 1), ElementsAre(one.pid()));
  EXPECT_THAT(FindEggs("lookup", 2, 10), ElementsAre(ten.pid()));
  EXPECT_THAT(FindEggs("look", 2, 1), IsEmpty());
  EXPECT_THAT(FindEggs("lookup", 1, 1), IsEmpty());
}

TEST(ProcessTableTest, AZombieIsNotAlive) {
  Sleeper egg("1");
  pid_t pid = egg.pid();
  EXPECT_TRUE(IsAlive(pid));
  kill(pid, SIGKILL);
  EXPECT_TRUE(fate::testing::WaitFor([pid] { return !IsAlive(pid); }));
  EXPECT_EQ(kill(pid, 0), 0);  // not yet reaped
  egg.End();
  EXPECT_FALSE(IsAlive(pid));
  EXPECT_FALSE(IsAlive(-1));
  EXPECT_TRUE(IsAlive(getpid()));
}

}  // namespace
}  // namespace fate::nodemanager
