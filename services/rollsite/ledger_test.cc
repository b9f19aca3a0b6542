// The ledger: numbered messages through two or three real rollsites, all of which are killed at
// random all the while. Every message must arrive exactly once and in the order of its topic.
//
// FATE_LEDGER_MESSAGES sets how many (the long forms of the suite: up to a million),
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
  bool done() const { return pushed_ == count_ && received_ == count_ && acknowledged_; }
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
  LedgerTest() : seed_(Setting("FATE_LEDGER_SEED", std::random_device()())), random_(seed_) {}

  const RollsiteProcess* Add(const std::string& host, const std::string& party,
                             const std::string& routes, const std::string& properties) {
    rollsites_.push_back(std::make_unique<RollsiteProcess>(
        host, party,
        fmt::format(R"({{"route_table": {{{}}}, "self_party": ["{}"]}})", routes, party),
        properties));
    return rollsites_.back().get();
  }
  const RollsiteProcess* AddReceiver(const std::string& routes, const std::string& properties) {
    // A small memory, so that unread messages are on disk only.
    return Add("127.0.0.32", "10000", routes,
               "eggroll.rollsite.queue.durable=true\n"
               "eggroll.rollsite.queue.memory.bytes=2000000\n" +
                   properties);
  }
  const RollsiteProcess* AddSender(const RollsiteProcess* next) {
    return Add("127.0.0.31", "9999", Route("10000", next), "");
  }
  static std::string Route(const std::string& party, const RollsiteProcess* to) {
    return fmt::format(R"("{}": {{"default": {}}})", party,
                       EndpointJson(to->address().host, to->port()));
  }

  // Lets a good part of `messages` arrive between kills, `steps` times on average at most.
  void Run(const RollsiteProcess* sender, const RollsiteProcess* receiver, uint64_t messages,
           uint64_t steps) {
    SCOPED_TRACE(fmt::format("repeat with FATE_LEDGER_SEED={}", seed_));
    messages_ = Setting("FATE_LEDGER_MESSAGES", messages) / kTopics * kTopics;
    for (auto& rollsite : rollsites_) rollsite->Start();
    for (auto& rollsite : rollsites_) ASSERT_TRUE(rollsite->WaitUntilReady()) << rollsite->Log();
    const auto start = std::chrono::steady_clock::now();
    const Ledger::State state = Count(sender, receiver, messages_ / steps);
    EXPECT_EQ(state.wrong, "");
    EXPECT_EQ(state.received, messages_) << receiver->Log();
    EXPECT_EQ(state.pushed, messages_);
    EXPECT_GE(kills_, 5);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    fmt::print("{} messages, {} kills, {:.1f} s, seed {}\n", messages_, kills_, seconds.count(),
               seed_);
    CheckThatReleaseFreesAll(receiver);
  }

 private:
  // Until all have arrived, or something is wrong, or it takes too long.
  Ledger::State Count(const RollsiteProcess* sender, const RollsiteProcess* receiver,
                      uint64_t step) {
    const auto deadline = std::chrono::steady_clock::now() +
                          std::chrono::seconds(60 + static_cast<int64_t>(messages_ / 500));
    Ledger ledger(sender->address(), receiver->address(), messages_);
    Ledger::State state;
    while (state.done < kTopics && state.wrong.empty() &&
           std::chrono::steady_clock::now() < deadline) {
      const uint64_t goal = state.received + step / 2 + random_() % step;
      Within(std::chrono::seconds(10), [&] {
        state = ledger.state();
        return state.received >= goal || state.done == kTopics || !state.wrong.empty();
      });
      if (state.received < messages_) KillSome();
    }
    return state;
  }

  void KillSome() {
    for (auto& victim : rollsites_) {
      if (random_() % 3 == 0) continue;
      victim->Kill(random_() % 5 == 0 ? SIGTERM : SIGKILL);
      ++kills_;
      victim->Start();
    }
  }

  void CheckThatReleaseFreesAll(const RollsiteProcess* receiver) {
    ASSERT_TRUE(receiver->WaitUntilReady());
    QueueStub stub(ChannelTo(receiver->address().ToString()));
    EXPECT_EQ(stub.Release("ledger"), "E0000000000|success|");
    EXPECT_TRUE(
        Within(std::chrono::seconds(10), [&] { return receiver->QueueFolderBytes() < 1 << 20; }))
        << receiver->QueueFolderBytes() << " bytes are left on disk";
  }

  const uint64_t seed_;
  uint64_t messages_ = 0;
  std::mt19937_64 random_;
  std::vector<std::unique_ptr<RollsiteProcess>> rollsites_;
  int kills_ = 0;
};

TEST_F(LedgerTest, EveryMessageOnceAndInOrderThroughKillsOfBothSides) {
  const auto* receiver = AddReceiver("", "");
  Run(AddSender(receiver), receiver, 20'000, /*steps=*/13);
}

TEST_F(LedgerTest, AlsoThroughAnExchangeThatIsKilledToo) {
  const auto* receiver = AddReceiver("", "");
  const auto* exchange = Add("127.0.0.33", "exchange", Route("10000", receiver), "");
  Run(AddSender(exchange), receiver, 10'000, /*steps=*/9);
}

// Each call takes one of its streams, which come back within 1.2 s of a kill.
TEST_F(LedgerTest, AlsoToAPartyThatPollsAGatewayThatIsKilledToo) {
  const auto* exchange =
      Add("127.0.0.33", "exchange", R"("10000": {"default": [{"is_polling": true}]})",
          "eggroll.rollsite.polling.server.enabled=true\n");
  const auto* receiver = AddReceiver(Route("default", exchange),
                                     "eggroll.rollsite.polling.client.enabled=true\n"
                                     "eggroll.rollsite.polling.concurrency=32\n");
  Run(AddSender(exchange), receiver, 5'000, /*steps=*/9);
}

}  // namespace
}  // namespace fate::rollsite
