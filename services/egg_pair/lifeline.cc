#include "egg_pair/lifeline.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/log.h"
#include "base/status.h"
#include "rpc/command.h"

namespace fate::egg_pair {
namespace {

constexpr char kHeartbeat[] = "v1/node-manager/processor/heartbeat";
constexpr absl::Duration kBeatTimeout = absl::Seconds(5);
constexpr absl::Duration kFarewellTimeout = absl::Seconds(1);
constexpr const char* kEndedStates[] = {"STOPPED", "KILLED", "ERROR", "FINISHED"};

// A descriptor that becomes readable when the parent ends; -1 when it is gone already.
int OpenParent() {
  pid_t parent = getppid();
  int fd = static_cast<int>(syscall(SYS_pidfd_open, parent, 0));
  if (getppid() == parent && parent != 1) return fd;
  if (fd >= 0) close(fd);
  return -1;
}

}  // namespace

Lifeline::Lifeline(Options options, Processor self, std::function<void(const std::string&)> end)
    : options_(std::move(options)), self_(std::move(self)), end_(std::move(end)) {
  if (options_.ends_with_parent) parent_fd_ = OpenParent();
  stop_fd_ = eventfd(0, EFD_CLOEXEC);
  thread_ = std::thread([this] { Run(); });
}

Lifeline::~Lifeline() {
  eventfd_write(stop_fd_, 1);
  thread_.join();
  close(stop_fd_);
  if (parent_fd_ >= 0) close(parent_fd_);
  self_.set_status("STOPPED");
  auto answer = rpc::CommandClient().Call<Processor>(options_.node_manager, kHeartbeat, self_,
                                                     kFarewellTimeout);
  if (!answer.ok()) log::Info("no farewell to the nodemanager: {}", ToText(answer.status()));
}

void Lifeline::Run() {
  if (options_.ends_with_parent && parent_fd_ < 0) return End("the parent process is gone");
  while (true) {
    Beat();
    std::array<pollfd, 2> fds = {{{stop_fd_, POLLIN, 0}, {parent_fd_, POLLIN, 0}}};
    int ready = poll(fds.data(), fds.size(),
                     static_cast<int>(absl::ToInt64Milliseconds(options_.interval)));
    if (ready > 0 && fds[0].revents != 0) return;
    if (ready > 0 && fds[1].revents != 0) return End("the parent process has ended");
  }
}

void Lifeline::Beat() {
  auto answer =
      rpc::CommandClient().Call<Processor>(options_.node_manager, kHeartbeat, self_, kBeatTimeout);
  if (!answer.ok()) return log::Warning("heartbeat failed: {}", ToText(answer.status()));
  if (std::ranges::count(kEndedStates, answer->status()) > 0) {
    End(fmt::format("the nodemanager says that this egg is {}", answer->status()));
  }
}

void Lifeline::End(const std::string& why) {
  if (auto end = std::exchange(end_, nullptr)) end(why);
}

}  // namespace fate::egg_pair
