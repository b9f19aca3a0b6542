#pragma once

// Transfer queues of the private transfer protocol (spec/rollsite.md 5.5, 5.6, 5.8): FIFO per
// (session, topic), pops that wait, messages in memory first and on disk beyond a bound.
//
//   push --> pending --> ready --> leased --> consumed
//              |   ^       ^         |
//      written |   |       +---------+  the answer did not arrive, or was not acknowledged
//              v   |
//             tail-+ loaded: messages that are on disk only, all behind those in memory
//
// A message goes straight to ready while there is room in memory and nothing before it is on
// disk; else it is pending until the store has written it, and its push is answered then. In a
// durable queue every message is written first; a queue is durable from its first durable push on.
// What is ready is handed to the pop that has waited longest, in the very step that made it ready.
// A pop of a client that knows no acknowledgement consumes its message when the answer has been
// written to the client; otherwise the message goes back to its place in the queue.
//
// A push that names its producer and a sequence number is stored once, however often it arrives.
// An empty queue is remembered (numbers, offsets) until its session is released or it is idle, its
// numbers for Limits::late more: what was pushed before a release does not begin the queue anew.
//
// No I/O, no threads, no clock: one owner feeds events, gives the answers and hands the commands
// to a store (libs/queue_store).

#include <list>
#include <map>
#include <memory>
#include <set>
#include <unordered_map>

#include "transfer_queue/queue.h"
#include "transfer_queue/released_topics.h"

namespace fate::transfer_queue {

class TransferQueues {
 public:
  // `first_queue`: queues are numbered from here on; a random start keeps the message ids of one
  // run apart from those of the next.
  explicit TransferQueues(Limits limits = {}, uint64_t first_queue = 1);
  ~TransferQueues();

  // Before the first Step: the durable queues of an earlier run.
  void Restore(std::vector<RecoveredQueue> queues, absl::Time now);

  // Every call is answered exactly once, here or in a later step; a cancelled one never.
  // `now` is monotonic: it never goes back, and no wall clock is ever asked.
  Actions Step(Event event, absl::Time now);

  // When a Tick is due at the latest; InfiniteFuture if nothing waits.
  absl::Time NextDeadline() const;

  Stats stats() const;
  // Those with messages here and what these take, at most `most`.
  std::vector<std::pair<std::string, size_t>> Parties(size_t most) const;

 private:
  using Topics = std::map<std::string, std::unique_ptr<Queue>, std::less<>>;
  struct Write {
    uint64_t queue = 0;
    Messages::iterator message;
    Producer producer;
    bool named = false;               // carries the queue's name
    std::vector<uint64_t> pushes;     // to answer: the push, and repetitions of it
    std::vector<uint64_t> questions;  // queries after it
  };
  struct Load {
    uint64_t queue = 0;
    size_t bytes = 0;
  };
  struct Lease {
    Queue* queue = nullptr;
    Messages::iterator message;
    std::string consumer;
    absl::Time deadline = absl::InfiniteFuture();
  };
  struct Waiter {
    Queue* queue = nullptr;
    std::list<uint64_t>::iterator position;
    absl::Time deadline;
    std::string consumer;
    bool waits = true;
  };

  void On(Push& push);
  void On(Pop& pop);
  void On(Release& release);
  void On(Query& query);
  void On(Cancel& cancel);
  void On(Delivered& delivered);
  void On(Tick&) {}
  void On(Stored& stored);
  void On(Loaded& loaded);

  // Pushes.
  bool IsRepeated(Queue* queue, const Push& push);
  bool IsOfReleased(const Push& push);
  Write* FindWrite(Queue* queue, const Producer& producer);
  absl::Status Room(const Push& push, size_t cost, bool to_disk) const;
  absl::Status RoomOfParty(const Push& push, size_t cost) const;
  void WriteOut(Queue* queue, Messages message, const Push& push);
  void OnWriteFailed(Queue* queue, const Write& write, const absl::Status& why);

  // Pops.
  void Acknowledge(Queue* queue, const Pop& pop);
  void Park(Queue* queue, const Pop& pop);
  void Serve(Queue* queue);
  void Hand(Queue* queue, uint64_t call, const std::string& consumer, std::string_view text);
  void EndLease(uint64_t call);
  void PutBack(Queue* queue, Messages::iterator leased);
  void Consume(Queue* queue, Messages* list, Messages::iterator message);
  void RemoveWaiter(uint64_t call);

  // Messages that are on disk only.
  void MaybeLoad(Queue* queue);
  void LoadHungry();
  void TakeFromTail(Queue* queue, StoredMessage stored);
  void OnLoadFailed(Queue* queue, const absl::Status& why);
  void LoseTail(Queue* queue, const absl::Status& why);
  void AnswerPeeks(Queue* queue);

  // How queues come and go.
  void OnDropped(uint64_t call, const absl::Status& status);
  Queue* Find(std::string_view session, std::string_view topic);
  Queue* Make(const std::string& session, const std::string& topic, uint64_t id = 0);
  void Touch(Queue* queue);
  void ForgetIfNothing(Queue* queue);
  void Destroy(Queue* queue, std::vector<uint64_t>* tickets);
  void Drop(Queue* queue, size_t disk_bytes, std::vector<uint64_t>* tickets);
  void Expire();
  void DropIdle(Queue* queue);
  void DropOld(Queue* queue);

  // What messages count for.
  void Count(const Message& message);
  void Uncount(const Message& message);
  void UncountTail(Queue* queue);
  Party* RaiseParty(const std::string& name, size_t bytes);
  void LowerParty(Party* party, size_t bytes);
  void HoldMemory(Queue* queue, const Message& message);
  void FreeMemory(Queue* queue, const Message& message);
  bool RoomInMemory(const Queue* queue, size_t cost) const;

  void Reply(uint64_t call, std::string_view code, std::string message = "");
  void Refuse(uint64_t call, std::string_view code, absl::Status why);
  void RefuseQueue(uint64_t call);

  const Limits limits_;
  uint64_t next_queue_;
  uint64_t last_ticket_ = 0;
  std::map<std::string, Topics, std::less<>> sessions_;
  std::unordered_map<uint64_t, Queue*> by_id_;
  std::list<Queue*> age_order_;  // the longest unused first
  ReleasedTopics released_;
  std::map<std::string, size_t, std::less<>> parties_;
  size_t party_bytes_ = 0;  // of all

  std::unordered_map<uint64_t, Write> writes_;                 // by ticket
  std::unordered_map<uint64_t, Load> loads_;                   // by ticket
  std::unordered_map<uint64_t, uint64_t> drops_;               // ticket -> call that releases
  std::unordered_map<uint64_t, size_t> releases_;              // call -> tickets to come
  std::unordered_map<uint64_t, Lease> leases_;                 // by the call that got the message
  std::unordered_map<uint64_t, Waiter> waiters_;               // by call
  std::set<std::pair<absl::Time, uint64_t>> deadlines_;        // of waiters
  std::set<std::pair<absl::Time, uint64_t>> lease_deadlines_;  // of leases
  std::list<uint64_t> hungry_;  // queues that wait for memory to load into
  size_t loading_bytes_ = 0;    // memory that loads may take
  size_t writing_bytes_ = 0;    // of pending messages

  Stats stats_;
  absl::Time now_;              // of this step
  Actions* actions_ = nullptr;  // of this step
};

}  // namespace fate::transfer_queue
