// The process as a node manager sees it (spec/eggroll-compute-and-storage.md 2).
#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <mutex>

#include "absl/time/clock.h"
#include "base/status.h"
#include "egg_pair/command_line.h"
#include "eggroll/meta.pb.h"
#include "rpc/command.h"
#include "rpc/server.h"

namespace fate::egg_pair {
namespace {

using com::webank::eggroll::core::meta::Processor;
using com::webank::eggroll::core::meta::Task;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr absl::Duration kPatience = absl::Seconds(20);

class EggPairTest : public ::testing::Test {
 protected:
  EggPairTest() : service_(rpc::ErrorStyle::kManager) {
    char name[] = "/tmp/egg_pair_test.XXXXXX";
    root_ = mkdtemp(name);
    service_.Register("v1/node-manager/processor/heartbeat",
                      [this](const rpc::CommandCall& call, rpc::Respond respond) {
                        Processor beat;
                        beat.ParseFromString(call.argument);
                        std::lock_guard lock(mutex_);
                        beats_.push_back(beat);
                        changed_.notify_all();
                        if (!answer_.empty()) beat.set_status(answer_);
                        respond(beat.SerializeAsString());
                      });
    server_ = *rpc::Server::Start("127.0.0.1", 0, {service_.service()});
    std::ofstream(root_ + "/eggroll.properties")
        << "[eggroll]\neggroll.data.dir=" << root_ << "/data\neggroll.logs.dir=" << root_
        << "/logs\neggroll.resourcemanager.nodemanager.host=127.0.0.1\n"
        << "eggroll.rollpair.eggpair.server.heartbeat.interval=1\n";
  }
  ~EggPairTest() override {
    if (egg_ > 0) {
      kill(egg_, SIGKILL);
      waitpid(egg_, nullptr, 0);
    }
    server_->Shutdown(absl::ZeroDuration());
    std::filesystem::remove_all(root_);
  }

  std::vector<std::string> Arguments(const std::string& session = "s1") {
    return {EGG_PAIR_PROGRAM,
            "--config",
            root_ + "/eggroll.properties",
            "--session-id",
            session,
            "--server-node-id",
            "2",
            "--processor-id",
            "7",
            "--cluster-manager",
            "127.0.0.1:4670",
            "--node-manager",
            std::to_string(server_->port())};
  }
  static pid_t Spawn(std::vector<std::string> arguments) {
    pid_t pid = fork();
    if (pid == 0) {
      std::vector<char*> pointers;
      for (auto& argument : arguments) pointers.push_back(argument.data());
      pointers.push_back(nullptr);
      int null = open("/dev/null", O_WRONLY);
      dup2(null, 2);
      execv(pointers[0], pointers.data());
      _exit(127);
    }
    return pid;
  }
  Processor AwaitBeat(const std::string& status, size_t count = 1) {
    std::unique_lock lock(mutex_);
    std::vector<Processor> matching;
    changed_.wait_for(lock, absl::ToChronoMilliseconds(kPatience), [&] {
      matching.clear();
      for (const auto& beat : beats_) {
        if (beat.status() == status) matching.push_back(beat);
      }
      return matching.size() >= count;
    });
    EXPECT_GE(matching.size(), count) << "no heartbeat " << status;
    return matching.empty() ? Processor() : matching.back();
  }
  // The exit code of the egg; -1 when it was still running after the patience.
  int AwaitExit() {
    absl::Time deadline = absl::Now() + kPatience;
    int status = 0;
    while (waitpid(egg_, &status, WNOHANG) == 0) {
      if (absl::Now() > deadline) return -1;
      absl::SleepFor(absl::Milliseconds(5));
    }
    egg_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::string root_;
  rpc::CommandService service_;
  std::unique_ptr<rpc::Server> server_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Processor> beats_;
  std::string answer_;
  pid_t egg_ = 0;
};

// Acceptance case 1 and section 2.3.
TEST_F(EggPairTest, TheFirstHeartbeatComesAtOnceAndNamesRealPorts) {
  absl::Time start = absl::Now();
  egg_ = Spawn(Arguments());
  Processor beat = AwaitBeat("RUNNING");
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_EQ(beat.id(), 7);
  EXPECT_EQ(beat.servernodeid(), 2);
  EXPECT_EQ(beat.processortype(), "egg_pair");
  EXPECT_EQ(beat.pid(), egg_);
  EXPECT_EQ(beat.options().at("eggroll.session.id"), "s1");
  EXPECT_EQ(beat.commandendpoint().host(), "localhost");
  EXPECT_GT(beat.commandendpoint().port(), 0);
  EXPECT_NE(beat.commandendpoint().port(), beat.transferendpoint().port());
  AwaitBeat("RUNNING", 2);

  Task task;
  task.set_name("nope");
  auto answer =
      rpc::CommandClient().Call("127.0.0.1:" + std::to_string(beat.commandendpoint().port()),
                                "v1/eggs-pair/runTask", task.SerializeAsString(), kPatience);
  EXPECT_THAT(Message(answer.status()), HasSubstr("no handler for task:nope"));
  EXPECT_TRUE(std::filesystem::exists(root_ + "/logs/s1/eggs/LOG-7"));
}

// Acceptance case 2.
TEST_F(EggPairTest, SigtermEndsItAfterAFarewell) {
  egg_ = Spawn(Arguments());
  AwaitBeat("RUNNING");
  absl::Time start = absl::Now();
  kill(egg_, SIGTERM);
  EXPECT_EQ(AwaitExit(), 0);
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  AwaitBeat("STOPPED");
}

TEST_F(EggPairTest, ItEndsWhenTheNodeManagerSaysThatTheSessionIsOver) {
  answer_ = "KILLED";
  egg_ = Spawn(Arguments());
  EXPECT_EQ(AwaitExit(), 0);
}

TEST_F(EggPairTest, ItEndsWithItsParentWhenANodeManagerHasStartedIt) {
  auto arguments = Arguments();
  arguments.insert(arguments.end(), {"--host", "127.0.0.1"});
  pid_t parent = fork();
  if (parent == 0) {
    Spawn(arguments);
    pause();
  }
  AwaitBeat("RUNNING");
  kill(parent, SIGKILL);
  waitpid(parent, nullptr, 0);
  AwaitBeat("STOPPED");
}

TEST_F(EggPairTest, AMissingOrHostileSessionIdIsAStartError) {
  for (const char* session : {"", "../x", "a/b"}) {
    egg_ = Spawn(Arguments(session));
    int code = AwaitExit();
    EXPECT_TRUE(code == 1 || code == 2) << session << ": " << code;
  }
}

TEST_F(EggPairTest, UpstreamsShortNamesAreUnderstood) {
  auto arguments = Normalize({"egg_pair", "-cm", "h:4670", "-nm", "4671", "-sn", "2", "-prid", "7",
                              "-s", "s1", "-c", "/nowhere"});
  ASSERT_TRUE(arguments.ok()) << arguments.status();
  EXPECT_THAT(*arguments, ElementsAre("egg_pair", "--cluster-manager", "h:4670", "--node-manager",
                                      "4671", "--server-node-id", "2", "--processor-id", "7",
                                      "--session-id", "s1", "--config", "/nowhere"));
}

}  // namespace
}  // namespace fate::egg_pair
