#pragma once

// What goes into the transfer queues (events), what comes out (answers to calls, commands for the
// store), and their bounds.

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "base/rope.h"
#include "transfer_queue/sequence_set.h"

namespace fate::transfer_queue {

// What is wrong with the names of a call, "" if nothing.
std::string NameError(const std::string& session, const std::string& topic, bool topic_needed);

// Codes on the wire (spec/rollsite.md 5.8).
inline constexpr std::string_view kSuccess = "E0000000000";
inline constexpr std::string_view kParameterError = "E0000000400";
inline constexpr std::string_view kSystemError = "E0000000500";
inline constexpr std::string_view kTimeOut = "E0000000601";
inline constexpr std::string_view kNetError = "E0000000607";
inline constexpr std::string_view kBufferFull = "E0000000700";

// Numbers of pushes to released queues that are remembered: about 80 bytes each.
inline constexpr size_t kMaxReleasedTopics = 200'000;

struct Limits {
  size_t memory_bytes = kQueueMemoryBytes;            // of all queues; what is beyond goes to disk
  size_t queue_memory_bytes = kQueueMemoryBytes / 4;  // of one queue
  size_t disk_bytes = 0;                              // of all queues; 0: nothing goes to disk
  // Of one party's messages, wherever they are: this at most, and no more than is still free for
  // all (Choudhury and Hahne, "Dynamic queue length thresholds", 1998), but for the floor.
  size_t party_bytes = SIZE_MAX;
  size_t party_floor_bytes = size_t{4} << 20;
  size_t queues = kMaxQueues;
  size_t waiting_pops = kMaxWaitingPops;
  bool durable = false;                       // every push is stored on disk before it is answered
  absl::Duration idle = absl::Hours(12);      // a queue without push or pop is dropped
  absl::Duration lifetime = absl::Hours(36);  // of a message nobody pops
  absl::Duration default_wait = absl::Hours(1);  // of a pop that names no timeout
  absl::Duration lease = absl::Seconds(60);      // a consumer's, to acknowledge
  absl::Duration late = absl::Minutes(10);  // how long a released queue's pushes may come again

  // Where nothing can go to disk, one queue may use all the memory.
  Limits Effective() const;
  // What all messages together may take: those on disk may be in memory as well.
  size_t all_bytes() const { return std::max(memory_bytes, disk_bytes); }
};

// Who pushes, and which of its pushes on this topic this is. Id "": not told, so that a push
// that is repeated is a second message, as upstream's.
struct Producer {
  std::string id;
  uint64_t sequence = 0;
};

// A message for good: queues that are made anew after a release are other queues.
struct MessageId {
  uint64_t queue = 0;   // 0: none
  uint64_t offset = 0;  // 1, 2, ... in the order of pushes; some may be missing
  friend auto operator<=>(const MessageId&, const MessageId&) = default;
};

// Calls. `call`: whom to answer; unique among unanswered calls.
struct Push {
  uint64_t call = 0;
  std::string session, topic;
  Rope payload;
  std::string party;  // to whose quota it counts
  Producer producer;
  bool durable = false;
};
struct Pop {
  uint64_t call = 0;
  std::string session, topic;
  absl::Duration wait;  // <= 0: Limits::default_wait
  bool waits = true;    // false: a peek
  // A consumer that acknowledges: what it was given comes back to it with its next pop of the
  // topic unless that pop acknowledges it, and goes to others after Limits::lease. "": delivered
  // is consumed.
  std::string consumer;
  MessageId acknowledged;
  bool only_acknowledges = false;
};
struct Release {
  uint64_t call = 0;
  std::string session;
  std::string topic;  // "": every topic of the session
};
// Has this push been stored? Answered "stored" or "absent".
struct Query {
  uint64_t call = 0;
  std::string session, topic;
  Producer producer;
  bool refuse_later = false;  // when absent: should it still arrive, it is not stored
};
struct Cancel {  // the client left before its answer
  uint64_t call = 0;
};
struct Delivered {  // what became of an answer that delivers
  uint64_t call = 0;
  bool written = false;
};
struct Tick {};

// Outcomes of commands, in the order of the commands.
struct Stored {
  uint64_t ticket = 0;
  absl::Status status;
};
struct StoredMessage {
  uint64_t offset = 0;
  std::string party;
  Rope payload;
  bool durable = false;
};
struct Loaded {
  uint64_t ticket = 0;
  absl::Status status;
  std::vector<StoredMessage> messages;
};

using Event = std::variant<Push, Pop, Release, Query, Cancel, Delivered, Tick, Stored, Loaded>;

// `failure` not OK: the call is refused.
struct Answer {
  uint64_t call = 0;
  std::string_view code;
  std::string message;
  absl::Status failure;
  // Set: the answer delivers `payload`, and Delivered must follow.
  MessageId delivers;
  Rope payload;
};

// Commands for the store, which carries them out in order. Those with a ticket are answered.
struct QueueName {
  std::string session, topic;
};
struct ProducerRecord {
  std::string id;
  SequenceSet taken;
};
struct WriteMessage {  // -> Stored
  uint64_t ticket = 0;
  MessageId id;
  std::string party;
  Rope payload;
  // Durable: on the disk itself when answered, together with the producer's new record and, with
  // the first one of a queue, its name. Else it need not outlive this process.
  bool durable = false;
  ProducerRecord producer;  // id "": none
  QueueName name;           // session "": none
};
struct EraseMessage {
  MessageId id;
  bool durable = false;
  size_t bytes = 0;  // that this frees
};
struct LoadMessages {  // -> Loaded, in order; until there are `bytes`, one at least if there is one
  uint64_t ticket = 0;
  MessageId from;
  size_t bytes = 0;
};
struct DropQueue {  // -> Stored, unless the ticket is 0
  uint64_t ticket = 0;
  uint64_t queue = 0;
  bool durable = false;
  size_t bytes = 0;            // that this frees
  bool keeps_numbers = false;  // name and producers stay, until it is dropped once more
};
using StoreCommand = std::variant<WriteMessage, EraseMessage, LoadMessages, DropQueue>;

struct Actions {
  std::vector<Answer> answers;
  std::vector<StoreCommand> commands;
  std::vector<std::string> warnings;  // for the log
  int over_quota = 0;                 // pushes refused because of what their party has here
};

// A durable queue as the store found it again.
struct RecoveredQueue {
  uint64_t queue = 0;
  QueueName name;
  uint64_t next_offset = 1;
  struct Message {
    uint64_t offset = 0, bytes = 0;
    std::string party;
  };
  std::vector<Message> messages;  // ascending
  std::vector<ProducerRecord> producers;
  bool released = false;  // dropped, but for name and producers
};

struct Stats {
  size_t queues = 0, messages = 0, waiting_pops = 0, delivering = 0;
  size_t released_topics = 0;               // of which numbers are remembered
  size_t memory_bytes = 0, disk_bytes = 0;  // a durable message may be in both
  uint64_t dropped_messages = 0;            // unread ones, by release or age, since the start
  uint64_t repeated_pushes = 0;             // answered without storing them again
  uint64_t returned_messages = 0;           // answers that did not arrive, or were not acknowledged
  uint64_t lost_messages = 0;               // that the store could not give back
};

}  // namespace fate::transfer_queue
