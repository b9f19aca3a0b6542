#include "fate_component/guard.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <future>

namespace fate::component {
namespace {

using ::testing::HasSubstr;

// Threads that other tests left running must not take the signal instead of the guard.
const int kBlocked = [] {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  return pthread_sigmask(SIG_BLOCK, &signals, nullptr);
}();

// What the guard said within ten seconds.
std::string Reason(std::future<std::string> reason) {
  if (reason.wait_for(std::chrono::seconds(10)) != std::future_status::ready) return "(nothing)";
  return reason.get();
}

TEST(Guard, EndsTheTaskOnSigterm) {
  ASSERT_EQ(kBlocked, 0);
  std::promise<std::string> said;
  Guard guard({}, [&](const std::string& reason) { said.set_value(reason); });
  kill(getpid(), SIGTERM);
  EXPECT_EQ(Reason(said.get_future()), "the task was stopped by signal 15");
}

TEST(Guard, EndsTheTaskWhenTheFlowServerIsGoneForLong) {
  pid_t flow = fork();
  if (flow == 0) _exit(0);
  std::promise<std::string> said;
  Guard::Options options{.flow_pid = flow, .flow_url = "http://127.0.0.1:1/healthz"};
  options.patience = absl::Milliseconds(100);
  options.poll_interval = absl::Milliseconds(20);
  Guard guard(options, [&](const std::string& reason) { said.set_value(reason); });
  EXPECT_THAT(Reason(said.get_future()), HasSubstr("has been gone for 100ms"));
  waitpid(flow, nullptr, 0);
}

TEST(Guard, LetsATaskEndInPeace) {
  bool stopped = false;
  {
    Guard guard({.flow_pid = getpid()}, [&](const std::string&) { stopped = true; });
  }
  EXPECT_FALSE(stopped);
}

}  // namespace
}  // namespace fate::component
