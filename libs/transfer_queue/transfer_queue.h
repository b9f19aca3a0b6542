#pragma once

// Transfer queues of the private transfer protocol (spec/rollsite.md 5.5, 5.6, 5.8): FIFO per
// (session, topic), pops that wait, all in memory.
//
//              messages  waiting pops | push                pop                release
//   absent        0          0        | -> stored           -> waiting         success
//   stored      1..n         0        | append              answer the first   drop all
//   waiting       0        1..n       | answer the first    append             answer all 601
//
// A queue exists only while it holds a message or a waiting pop, so nothing has to be created or
// cleaned up. Delivery is at most once; a message is handed out when it is answered. A waiting pop
// is answered in the very step that brings its message, releases it, or passes its time.
//
// No I/O, no threads, no clock: one owner feeds events and carries out the answers.

#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/limits.h"

namespace fate::transfer_queue {

// Codes on the wire (spec 5.8).
inline constexpr std::string_view kSuccess = "E0000000000";
inline constexpr std::string_view kParameterError = "E0000000400";
inline constexpr std::string_view kSystemError = "E0000000500";
inline constexpr std::string_view kTimeOut = "E0000000601";
inline constexpr std::string_view kNetError = "E0000000607";
inline constexpr std::string_view kBufferFull = "E0000000700";

struct Limits {
  size_t bytes = kMaxQueueBytes;        // payloads and names of all queues together
  size_t messages = kMaxQueueMessages;  // of all queues together
  size_t waiting_pops = kMaxWaitingPops;
  absl::Duration idle = absl::Hours(12);  // a queue without push or pop for so long is dropped
  absl::Duration default_wait = absl::Hours(1);  // of a pop that names no timeout
};

struct Event {
  enum class Kind { kPush, kPop, kPeek, kRelease, kCancel, kTick };
  Kind kind = Kind::kTick;
  uint64_t call = 0;  // whom to answer; unique among unanswered calls
  std::string session;
  std::string topic;    // release: "" means every topic of the session
  std::string payload;  // of a push
  absl::Duration wait;  // of a pop; <= 0: Limits::default_wait
};

// `failure` not OK: the queues refuse the call because a bound is reached.
struct Answer {
  uint64_t call = 0;
  std::string_view code;
  std::string message;
  std::string payload;
  absl::Status failure;
};

struct Stats {
  size_t queues = 0, messages = 0, bytes = 0, waiting_pops = 0;
  uint64_t dropped_messages = 0;  // unread ones, by release or age, since the start
};

class TransferQueues {
 public:
  explicit TransferQueues(Limits limits = {});

  // Every call is answered exactly once, here or in a later step; a cancelled one never.
  // `now` never goes back.
  std::vector<Answer> Step(Event event, absl::Time now);

  // When a kTick is due at the latest; InfiniteFuture if nothing waits.
  absl::Time NextDeadline() const;

  Stats stats() const;

 private:
  using Key = std::pair<std::string, std::string>;  // session, topic
  struct Queue {
    std::deque<std::string> messages;
    std::list<uint64_t> waiting;  // calls, the oldest first
    std::list<Key>::iterator in_age_order;
    absl::Time last_used;
  };
  using QueueMap = std::map<Key, Queue>;
  struct Waiter {
    Key key;
    std::list<uint64_t>::iterator position;
    absl::Time deadline;
  };
  using Answers = std::vector<Answer>;

  void Push(Event event, absl::Time now, Answers* answers);
  void Pop(const Event& event, absl::Time now, Answers* answers);
  void Park(const Event& event, absl::Time now, Answers* answers);
  void Release(const Event& event, Answers* answers);
  void Cancel(uint64_t call);
  void Expire(absl::Time now, Answers* answers);

  QueueMap::iterator Touch(const Key& key, absl::Time now);
  void EraseIfEmpty(QueueMap::iterator queue);
  QueueMap::iterator Destroy(QueueMap::iterator queue, Answers* answers);
  void RemoveWaiter(uint64_t call);
  static size_t Cost(const Key& key, const std::string& payload);

  const Limits limits_;
  QueueMap queues_;
  std::list<Key> age_order_;  // the longest unused first
  std::map<uint64_t, Waiter> waiters_;
  std::set<std::pair<absl::Time, uint64_t>> deadlines_;
  Stats stats_;
};

}  // namespace fate::transfer_queue
