// A federation in a bottle: producers that repeat what they lost the answer of, consumers that
// acknowledge, a store that is slow, fails and keeps only what it has answered, a process that is
// killed. Every message must arrive once and in order, and nothing may be left in the accounts.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "base/status.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::transfer_queue {
namespace {

constexpr uint64_t kMessages = 60;  // of one topic
constexpr int kTopics = 3;
constexpr int kSteps = 200'000;

std::string Text(uint64_t number) {
  return fmt::format("{}{}", number, std::string(number % 7 * 100, '.'));
}

// Holds what was written; carries out one command at a time.
class FakeStore {
 public:
  void Submit(std::vector<StoreCommand> commands) {
    for (auto& command : commands) waiting_.push_back(std::move(command));
  }
  bool idle() const { return waiting_.empty(); }

  // The outcome of the oldest command; a Tick when it has none.
  Event CarryOut(bool fails) {
    StoreCommand command = std::move(waiting_.front());
    waiting_.pop_front();
    if (auto* write = std::get_if<WriteMessage>(&command)) return Write(*write, fails);
    if (auto* load = std::get_if<LoadMessages>(&command)) return Read(*load, fails);
    if (auto* erase = std::get_if<EraseMessage>(&command)) {
      messages_[erase->id.queue].erase(erase->id.offset);
      return Tick{};
    }
    auto& drop = std::get<DropQueue>(command);
    messages_.erase(drop.queue);
    queues_.erase(drop.queue);
    if (drop.ticket == 0) return Tick{};
    return Stored{drop.ticket, absl::OkStatus()};
  }

  // The process was killed: what waited is lost, and what was not durable.
  std::vector<RecoveredQueue> Restart() {
    waiting_.clear();
    std::vector<RecoveredQueue> result;
    for (auto& [id, queue] : queues_) {
      RecoveredQueue recovered{id, queue.name, queue.next_offset, {}, {}};
      for (auto& [producer, taken] : queue.producers)
        recovered.producers.push_back({producer, taken});
      auto& messages = messages_[id];
      std::erase_if(messages, [](const auto& entry) { return !entry.second.durable; });
      for (auto& [offset, message] : messages) {
        recovered.messages.push_back({offset, message.payload.size(), message.party});
      }
      result.push_back(std::move(recovered));
    }
    std::erase_if(messages_, [&](const auto& entry) { return !queues_.count(entry.first); });
    return result;
  }

 private:
  struct StoredQueue {
    QueueName name;
    uint64_t next_offset = 1;
    std::map<std::string, SequenceSet> producers;
  };

  Event Write(const WriteMessage& write, bool fails) {
    if (fails) return Stored{write.ticket, ResourceExhaustedError("no space")};
    messages_[write.id.queue][write.id.offset] = {write.id.offset, write.party,
                                                  Rope(write.payload.ToString()), write.durable};
    if (write.durable) {
      StoredQueue& queue = queues_[write.id.queue];
      if (!write.name.session.empty()) queue.name = write.name;
      EXPECT_FALSE(queue.name.session.empty()) << "a queue that nobody could find again";
      queue.next_offset = write.id.offset + 1;
      if (!write.producer.id.empty()) queue.producers[write.producer.id] = write.producer.taken;
    }
    return Stored{write.ticket, absl::OkStatus()};
  }

  Event Read(const LoadMessages& load, bool fails) {
    if (fails) return Loaded{load.ticket, UnavailableError("the disk is slow"), {}};
    std::vector<StoredMessage> result;
    size_t bytes = 0;
    auto& messages = messages_[load.from.queue];
    for (auto it = messages.lower_bound(load.from.offset); it != messages.end(); ++it) {
      bytes += it->second.payload.size();
      if (!result.empty() && bytes > load.bytes) break;
      result.push_back(it->second);
    }
    return Loaded{load.ticket, absl::OkStatus(), std::move(result)};
  }

  std::deque<StoreCommand> waiting_;
  std::map<uint64_t, std::map<uint64_t, StoredMessage>> messages_;
  std::map<uint64_t, StoredQueue> queues_;
};

class Simulation {
 public:
  Simulation(uint32_t seed, bool kills) : random_(seed), kills_(kills) {
    limits_.memory_bytes = 2000;
    limits_.queue_memory_bytes = 900;
    limits_.disk_bytes = 1 << 20;
    limits_.durable = kills;
    limits_.lease = absl::Milliseconds(50);
    Start({});
  }

  void Run() {
    for (int step = 0; step < kSteps && !Done(); ++step) {
      now_ += absl::Milliseconds(random_() % 3);
      switch (random_() % 8) {
        case 0:
        case 1:
          Push(static_cast<int>(random_() % kTopics));
          break;
        case 2:
        case 3:
          Pop(static_cast<int>(random_() % kTopics));
          break;
        case 4:
        case 5:
        case 6:
          if (!store_.idle()) Step(store_.CarryOut(random_() % 20 == 0));
          break;
        default:
          Trouble();
      }
    }
    ASSERT_TRUE(Done());
    for (int topic = 0; topic < kTopics; ++topic) FinishTopic(topic);
    while (!store_.idle()) Step(store_.CarryOut(false));
    Stats stats = queues_->stats();
    EXPECT_EQ(stats.messages, 0u);
    EXPECT_EQ(stats.memory_bytes, 0u);
    EXPECT_EQ(stats.disk_bytes, 0u);
    EXPECT_EQ(stats.lost_messages, 0u);
    Step(Release{++last_call_, "s", ""});
    EXPECT_EQ(queues_->stats().queues, 0u);
  }

 private:
  struct Topic {
    uint64_t pushed = 0;     // acknowledged by the queue
    uint64_t push_call = 0;  // waits for its answer
    uint64_t received = 0;   // number of the last message
    uint64_t pop_call = 0;   // waits
    MessageId last;          // to acknowledge
    SequenceSet seen;        // offsets of the queue that `last` belongs to
  };

  void Start(std::vector<RecoveredQueue> recovered) {
    queues_ = std::make_unique<TransferQueues>(limits_, 1000 * ++runs_);
    queues_->Restore(std::move(recovered), now_);
  }

  bool Done() const {
    return std::all_of(std::begin(topics_), std::end(topics_),
                       [](const Topic& topic) { return topic.received == kMessages; });
  }

  // The next message; or the last one again, when its answer does not come.
  void Push(int index) {
    Topic& topic = topics_[index];
    if (topic.pushed == kMessages || (topic.push_call != 0 && random_() % 30 != 0)) return;
    topic.push_call = ++last_call_;
    Step(transfer_queue::Push{.call = topic.push_call,
                              .session = "s",
                              .topic = Name(index),
                              .payload = Rope(Text(topic.pushed + 1)),
                              .party = "9999",
                              .producer = {"p", topic.pushed + 1}});
  }

  void Pop(int index) {
    Topic& topic = topics_[index];
    if (topic.pop_call != 0 && random_() % 30 != 0) return;
    topic.pop_call = ++last_call_;
    Step(transfer_queue::Pop{.call = topic.pop_call,
                             .session = "s",
                             .topic = Name(index),
                             .wait = absl::Milliseconds(40),
                             .consumer = "c",
                             .acknowledged = topic.last});
  }

  void FinishTopic(int index) {
    Step(transfer_queue::Pop{.call = ++last_call_,
                             .session = "s",
                             .topic = Name(index),
                             .consumer = "c",
                             .acknowledged = topics_[index].last,
                             .only_acknowledges = true});
  }

  void Trouble() {
    if (kills_ && random_() % 100 == 0) {
      Start(store_.Restart());
      for (Topic& topic : topics_) topic.push_call = topic.pop_call = 0;
    } else if (random_() % 10 == 0) {
      Topic& topic = topics_[random_() % kTopics];
      if (topic.pop_call != 0) Step(Cancel{topic.pop_call});
      topic.pop_call = 0;
    } else {
      Step(Tick{});
    }
  }

  void Step(Event event) {
    Actions actions = queues_->Step(std::move(event), now_);
    store_.Submit(std::move(actions.commands));
    for (Answer& answer : actions.answers) OnAnswer(answer);
  }

  void OnAnswer(const Answer& answer) {
    bool delivers = answer.delivers.queue != 0;
    bool written = random_() % 8 != 0, seen = written && random_() % 8 != 0;
    for (Topic& topic : topics_) {
      if (answer.call == topic.push_call) {
        topic.push_call = 0;
        if (answer.failure.ok() && seen) {
          EXPECT_EQ(answer.code, kSuccess);
          ++topic.pushed;
        }
      } else if (answer.call == topic.pop_call) {
        topic.pop_call = 0;
        if (delivers && seen) Receive(&topic, answer);
      }
    }
    if (delivers) Step(Delivered{answer.call, written});
  }

  static void Receive(Topic* topic, const Answer& answer) {
    if (answer.delivers.queue != topic->last.queue) topic->seen = {};
    topic->last = answer.delivers;
    if (topic->seen.Check(topic->last.offset) != SequenceSet::Seen::kNew) return;
    topic->seen.Add(topic->last.offset);
    ASSERT_EQ(answer.payload.ToString(), Text(topic->received + 1));
    ++topic->received;
  }

  static std::string Name(int index) { return fmt::format("t{}", index); }

  std::mt19937 random_;
  const bool kills_;
  Limits limits_;
  FakeStore store_;
  std::unique_ptr<TransferQueues> queues_;
  uint64_t runs_ = 0, last_call_ = 0;
  absl::Time now_ = absl::UnixEpoch();
  Topic topics_[kTopics];
};

TEST(Simulation, EveryMessageOnceAndInOrder) {
  for (uint32_t seed = 0; seed < 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Simulation(seed, /*kills=*/false).Run();
  }
}

TEST(Simulation, AlsoWhenTheProcessIsKilled) {
  for (uint32_t seed = 0; seed < 100 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    Simulation(seed, /*kills=*/true).Run();
  }
}

}  // namespace
}  // namespace fate::transfer_queue
