#include "fateflow/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <boost/asio/post.hpp>
#include <boost/asio/thread_pool.hpp>
#include <cerrno>
#include <cstring>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::flow {

using Work = std::function<void()>;

struct Reactor::Impl {
  explicit Impl(int workers) : pool(static_cast<size_t>(workers)) {
    epoll_event event{.events = EPOLLIN, .data = {.fd = wake}};
    epoll_ctl(epoll, EPOLL_CTL_ADD, wake, &event);
    thread = std::thread([this] { Loop(); });
  }

  void Stop() {
    if (stopping.exchange(true)) return;
    Wake();
    thread.join();
    pool.stop();
    pool.join();
  }

  ~Impl() {
    Stop();
    for (auto& [fd, work] : exits) close(fd);
    close(wake);
    close(epoll);
  }

  void Wake() {
    uint64_t one = 1;
    [[maybe_unused]] ssize_t written = write(wake, &one, sizeof(one));
  }

  void Post(Work work) {
    boost::asio::post(pool, [work = std::move(work)] {
      try {
        work();
      } catch (const std::exception& error) {
        log::Error("unexpected failure in a background step: {}", error.what());
      }
    });
  }

  int TimeoutMs() {
    std::lock_guard lock(mutex);
    if (timers.empty()) return -1;
    auto left = absl::ToInt64Milliseconds(timers.begin()->first - absl::Now()) + 1;
    return static_cast<int>(std::clamp<int64_t>(left, 0, 60000));
  }

  void RunDueTimers() {
    std::lock_guard lock(mutex);
    while (!timers.empty() && timers.begin()->first <= absl::Now()) {
      Post(std::move(timers.begin()->second));
      timers.erase(timers.begin());
    }
  }

  void OnReadable(int fd) {
    if (fd == wake) {
      uint64_t count;
      [[maybe_unused]] ssize_t got = read(wake, &count, sizeof(count));
      return;
    }
    std::lock_guard lock(mutex);
    epoll_ctl(epoll, EPOLL_CTL_DEL, fd, nullptr);
    close(fd);
    if (auto found = exits.find(fd); found != exits.end()) {
      Post(std::move(found->second));
      exits.erase(found);
    }
  }

  void Loop() {
    epoll_event events[16];
    while (!stopping) {
      int count = epoll_wait(epoll, events, 16, TimeoutMs());
      for (int i = 0; i < count; ++i) OnReadable(events[i].data.fd);
      RunDueTimers();
    }
  }

  int epoll = epoll_create1(EPOLL_CLOEXEC);
  int wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  std::atomic<bool> stopping{false};
  std::mutex mutex;
  std::multimap<absl::Time, Work> timers;
  std::map<int, Work> exits;  // by pidfd
  boost::asio::thread_pool pool;
  std::thread thread;
};

Reactor::Reactor(int workers) : impl_(std::make_unique<Impl>(workers)) {}
Reactor::~Reactor() = default;
void Reactor::Stop() { impl_->Stop(); }

void Reactor::Post(Work work) { impl_->Post(std::move(work)); }

void Reactor::After(absl::Duration delay, Work work) {
  {
    std::lock_guard lock(impl_->mutex);
    impl_->timers.emplace(absl::Now() + delay, std::move(work));
  }
  impl_->Wake();
}

absl::Status Reactor::OnExit(pid_t pid, Work work) {
  int fd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (fd < 0) return NotFoundError("no process {}: {}", pid, std::strerror(errno));
  std::lock_guard lock(impl_->mutex);
  impl_->exits[fd] = std::move(work);
  epoll_event event{.events = EPOLLIN, .data = {.fd = fd}};
  epoll_ctl(impl_->epoll, EPOLL_CTL_ADD, fd, &event);
  return absl::OkStatus();
}

}  // namespace fate::flow
