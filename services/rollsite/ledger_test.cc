// The ledger: two real rollsites, numbered messages through both, and both killed at random all
// the while. Every message must arrive exactly once and in the order of its topic.
//
// FATE_LEDGER_MESSAGES sets how many (20,000; the long form of the suite: a million),
// FATE_LEDGER_SEED repeats a run.
#include <cstdlib>
#include <future>
#include <random>

#include "base/text.h"
#include "queue_client/queue_client.h"
#include "rollsite/process_support.h"
#include "rollsite/queue_stub.h"

namespace fate::rollsite {
namespace {

constexpr size_t kTopics = 64;

uint64_t Setting(const char* name, uint64_t fallback) {
  const char* text = getenv(name);
  return text ? ParseInt<uint64_t>(text).value_or(fallback) : fallback;
}

// Number, then filler that depends on topic and number.
std::string Text(size_t topic, uint64_t number) {
  std::string text = fmt::format("{}.{}.", topic, number);
  size_t size = (number * 7919 + topic * 104729) % 3000;
  while (text.size() < size) text += static_cast<char>('a' + (number + text.size()) % 26);
  return text;
}

// One topic's producer and consumer.
class Line {
 public:
  Line(relay::Upstreams* upstreams, const relay::Address& from, const relay::Address& to,
       size_t index, uint64_t count)
      : index_(index),
        count_(count),
        producer_(upstreams, {from, "ledger", "9999", "10000"}, Topic(index), /*durable=*/false),
        consumer_(upstreams, {to, "ledger", "10000", ""}, Topic(index)) {}

  void Start() {
    Push();
    Pop();
  }
  bool done() const { return received_ == count_ && acknowledged_; }
  uint64_t received() const { return received_; }
  uint64_t pushed() const { return pushed_; }
  const std::string& wrong() const { return wrong_; }

 private:
  static std::string Topic(size_t index) { return fmt::format("topic-{}", index); }

  void Push() {
    if (pushed_ == count_) return;
    producer_.Push(Rope(Text(index_, pushed_ + 1)), [this](const absl::Status& status) {
      if (!status.ok()) return Stop(fmt::format("push {}: {}", pushed_ + 1, ToText(status)));
      ++pushed_;
      Push();
    });
  }

  void Pop() {
    consumer_.Pop(absl::Seconds(5), [this](const absl::StatusOr<std::string>& message) {
      if (absl::IsNotFound(message.status())) return Pop();
      if (!message.ok()) return Stop(fmt::format("pop: {}", ToText(message.status())));
      if (*message != Text(index_, received_ + 1)) {
        return Stop(fmt::format("expected message {}, received '{}'", received_ + 1,
                                message->substr(0, 20)));
      }
      if (++received_ < count_) return Pop();
      consumer_.Acknowledge([this](const absl::Status& status) {
        if (!status.ok()) return Stop(ToText(status));
        acknowledged_ = true;
      });
    });
  }

  void Stop(const std::string& wrong) { wrong_ = fmt::format("topic {}: {}", index_, wrong); }

  const size_t index_;
  const uint64_t count_;
  queue_client::Producer producer_;
  queue_client::Consumer consumer_;
  uint64_t pushed_ = 0, received_ = 0;
  bool acknowledged_ = false;
  std::string wrong_;
};

// All lines, on a loop in a thread of its own.
class Ledger {
 public:
  Ledger(const relay::Address& from, const relay::Address& to, uint64_t messages)
      : loop_(std::make_unique<relay::EventLoop>()),
        upstreams_(std::make_unique<relay::Upstreams>(loop_.get())) {
    for (size_t i = 0; i < kTopics; ++i) {
      lines_.push_back(std::make_unique<Line>(upstreams_.get(), from, to, i, messages / kTopics));
    }
    thread_ = std::thread([this] {
      for (auto& line : lines_) line->Start();
      loop_->Run();
    });
  }
  ~Ledger() {
    loop_->Stop();
    thread_.join();
    lines_.clear();
    upstreams_.reset();
  }

  struct State {
    uint64_t pushed = 0, received = 0;
    size_t done = 0;
    std::string wrong;
  };
  State state() {
    auto promise = std::make_shared<std::promise<State>>();
    auto future = promise->get_future();
    loop_->Post([this, promise] {
      State state;
      for (auto& line : lines_) {
        state.pushed += line->pushed();
        state.received += line->received();
        state.done += line->done() ? 1 : 0;
        if (!line->wrong().empty()) state.wrong = line->wrong();
      }
      promise->set_value(state);
    });
    return future.get();
  }

 private:
  std::unique_ptr<relay::EventLoop> loop_;
  std::unique_ptr<relay::Upstreams> upstreams_;
  std::vector<std::unique_ptr<Line>> lines_;
  std::thread thread_;
};

class LedgerTest : public ::testing::Test {
 protected:
  LedgerTest()
      : messages_(Setting("FATE_LEDGER_MESSAGES", 20'000) / kTopics * kTopics),
        seed_(Setting("FATE_LEDGER_SEED", std::random_device()())),
        random_(seed_),
        // A small memory, so that unread messages are on disk only.
        receiver_("127.0.0.32", "10000", R"({"route_table": {}, "self_party": ["10000"]})",
                  "eggroll.rollsite.queue.durable=true\n"
                  "eggroll.rollsite.queue.memory.bytes=2000000\n"),
        sender_("127.0.0.31", "9999",
                fmt::format(R"({{"route_table": {{"10000": {{"default": {}}}}},
                                "self_party": ["9999"]}})",
                            EndpointJson("127.0.0.32", receiver_.port())),
                "") {}

  // Until a good part more has arrived, so that there is progress between kills.
  Ledger::State WaitForProgress(Ledger* ledger, uint64_t received) {
    uint64_t goal = received + messages_ / 20 + random_() % (messages_ / 20);
    Ledger::State state;
    Within(std::chrono::seconds(10), [&] {
      state = ledger->state();
      return state.received >= goal || state.done == kTopics || !state.wrong.empty();
    });
    return state;
  }

  void KillSome() {
    for (RollsiteProcess* victim : {&receiver_, &sender_}) {
      if (random_() % 3 == 0) continue;
      victim->Kill(random_() % 5 == 0 ? SIGTERM : SIGKILL);
      ++kills_;
      victim->Start();
    }
  }

  const uint64_t messages_, seed_;
  std::mt19937_64 random_;
  RollsiteProcess receiver_, sender_;
  int kills_ = 0;
};

TEST_F(LedgerTest, EveryMessageOnceAndInOrderThroughKillsOfBothSides) {
  SCOPED_TRACE(fmt::format("repeat with FATE_LEDGER_SEED={}", seed_));
  receiver_.Start();
  sender_.Start();
  ASSERT_TRUE(receiver_.WaitUntilReady() && sender_.WaitUntilReady()) << receiver_.Log();
  auto start = std::chrono::steady_clock::now();
  auto deadline = start + std::chrono::seconds(60 + messages_ / 500);
  Ledger::State state;
  {
    Ledger ledger(sender_.address(), receiver_.address(), messages_);
    while (state.done < kTopics && state.wrong.empty()) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline)
          << state.received << " of " << messages_ << " messages after " << kills_ << " kills\n"
          << receiver_.Log();
      state = WaitForProgress(&ledger, state.received);
      if (state.received < messages_) KillSome();
    }
  }
  EXPECT_EQ(state.wrong, "");
  EXPECT_EQ(state.received, messages_);
  EXPECT_EQ(state.pushed, messages_);
  EXPECT_GE(kills_, 5);
  std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  fmt::print("{} messages, {} kills, {:.1f} s, seed {}\n", messages_, kills_, seconds.count(),
             seed_);

  ASSERT_TRUE(receiver_.WaitUntilReady());
  QueueStub stub(ChannelTo(receiver_.address().ToString()));
  EXPECT_EQ(stub.Release("ledger"), "E0000000000|success|");
  EXPECT_TRUE(
      Within(std::chrono::seconds(10), [&] { return receiver_.QueueFolderBytes() < 1 << 20; }))
      << receiver_.QueueFolderBytes() << " bytes are left on disk";
}

}  // namespace
}  // namespace fate::rollsite
