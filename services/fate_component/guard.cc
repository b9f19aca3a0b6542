#include "fate_component/guard.h"

#include <poll.h>
#include <signal.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "absl/time/clock.h"
#include "base/status.h"
#include "http/client.h"

namespace fate::component {
namespace {

int BlockedSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGTERM);
  sigaddset(&signals, SIGINT);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
}

bool Answers(const std::string& url) {
  http::ClientRequest request;
  request.url = url;
  request.timeout = absl::Seconds(2);
  return http::Fetch(request).ok();
}

}  // namespace

Guard::Guard(Options options, std::function<void(const std::string&)> stop)
    : options_(std::move(options)),
      stop_(std::move(stop)),
      done_(eventfd(0, EFD_CLOEXEC)),
      signals_(BlockedSignals()) {
  if (options_.flow_pid > 0) flow_ = int(syscall(SYS_pidfd_open, options_.flow_pid, 0));
  thread_ = std::thread([this] { Watch(); });
}

Guard::~Guard() {
  uint64_t one = 1;
  if (write(done_, &one, sizeof one) < 0) std::abort();
  thread_.join();
  for (int descriptor : {done_, signals_, flow_}) {
    if (descriptor >= 0) close(descriptor);
  }
}

bool Guard::FlowIsGoneForGood() {
  absl::Time now = absl::Now();
  if (Answers(options_.flow_url)) last_seen_ = now;
  return now - last_seen_ > options_.patience;
}

void Guard::Watch() {
  bool orphan = options_.flow_pid > 0 && flow_ < 0;
  last_seen_ = absl::Now();
  for (;;) {
    pollfd events[] = {{done_, POLLIN, 0}, {signals_, POLLIN, 0}, {orphan ? -1 : flow_, POLLIN, 0}};
    bool polls = orphan && !options_.flow_url.empty();
    int timeout_ms = polls ? int(absl::ToInt64Milliseconds(options_.poll_interval)) : -1;
    if (poll(events, 3, timeout_ms) < 0) continue;
    if (events[0].revents) return;
    if (signalfd_siginfo signal; events[1].revents) {
      bool read_all = read(signals_, &signal, sizeof signal) == sizeof signal;
      return stop_(
          fmt::format("the task was stopped by signal {}", read_all ? signal.ssi_signo : 0));
    }
    if (events[2].revents) {
      orphan = true;
      last_seen_ = absl::Now();
    } else if (polls && FlowIsGoneForGood()) {
      return stop_(fmt::format("the flow server at {} has been gone for {}", options_.flow_url,
                               absl::FormatDuration(options_.patience)));
    }
  }
}

}  // namespace fate::component
