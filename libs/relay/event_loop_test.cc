#include "relay/event_loop.h"

#include <gtest/gtest.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <string>

namespace fate::relay {
namespace {

class Counter final : public EventLoop::Watcher {
 public:
  void OnReady(uint32_t) override { ++count_; }
  int count() const { return count_; }

 private:
  int count_ = 0;
};

std::array<int, 2> Pair() {
  std::array<int, 2> ends{-1, -1};
  EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  return ends;
}

void Say(int fd) { ASSERT_EQ(write(fd, "x", 1), 1); }

// Turns of the loop for so long.
void RunFor(EventLoop* loop, absl::Duration duration = absl::Milliseconds(20)) {
  loop->After(duration, [loop] { loop->Stop(); });
  loop->Run();
}

// As where a process that was just forked still has the descriptor.
TEST(EventLoopTest, EventsOfAForgottenDescriptorReachNobody) {
  EventLoop loop;
  Counter first, second;
  const auto old = Pair();
  const int kept = dup(old[0]);
  loop.Watch(old[0], EPOLLIN, &first);
  loop.Forget(old[0]);
  close(old[0]);
  const auto fresh = Pair();
  ASSERT_EQ(fresh[0], old[0]) << "the lowest free one";
  loop.Watch(fresh[0], EPOLLIN, &second);
  Say(old[1]);
  loop.After(absl::Milliseconds(10), [kept] { close(kept); });
  RunFor(&loop);
  EXPECT_EQ(first.count(), 0);
  EXPECT_EQ(second.count(), 0) << "it has the other's descriptor, not its events";
  for (const int fd : {old[1], fresh[0], fresh[1]}) close(fd);
}

TEST(EventLoopTest, WatchesChangesAndUnwatches) {
  EventLoop loop;
  Counter watcher;
  const auto ends = Pair();
  Say(ends[1]);
  loop.Watch(ends[0], 0, &watcher);
  loop.After(absl::Milliseconds(10), [&] {
    EXPECT_EQ(watcher.count(), 0) << "nothing was asked for";
    loop.Change(ends[0], EPOLLIN);
  });
  loop.After(absl::Milliseconds(15), [&] {
    EXPECT_GT(watcher.count(), 0);
    loop.Unwatch(ends[0]);
  });
  int before = 0;
  loop.After(absl::Milliseconds(16), [&] { before = watcher.count(); });
  RunFor(&loop, absl::Milliseconds(30));
  EXPECT_EQ(watcher.count(), before);
  for (const int fd : ends) close(fd);
}

TEST(EventLoopTest, TimersRunInOrderUnlessCancelled) {
  EventLoop loop;
  std::string order;
  loop.After(absl::Milliseconds(5), [&] { order += 'b'; });
  loop.After(absl::Milliseconds(1), [&] { order += 'a'; });
  const auto cancelled = loop.After(absl::Milliseconds(2), [&] { order += 'x'; });
  loop.Cancel(cancelled);
  loop.Cancel(cancelled);
  loop.Cancel(0);
  RunFor(&loop);
  EXPECT_EQ(order, "ab");
}

}  // namespace
}  // namespace fate::relay
