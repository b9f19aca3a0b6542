#include "rollsite_load/modes.h"

#include <algorithm>
#include <chrono>
#include <deque>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status.h"
#include "rollsite_load/client.h"

namespace fate::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr size_t kStallBytes = size_t{64} << 20;
constexpr absl::Duration kSettled = absl::Milliseconds(200);

double Since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

// Counts what has been done; prints it.
class Tally {
 public:
  // Ends the program if the call failed, or was answered with a code that is no success.
  void Add(const Answer& answer, size_t bytes) {
    Check(answer);
    Add(answer.microseconds, bytes);
  }
  void Add(double microseconds, size_t bytes) {
    latencies_.push_back(static_cast<float>(microseconds));
    bytes_ += bytes;
  }
  static void Check(const Answer& answer) {
    if (answer.status.ok()) return;
    std::cerr << "rollsite_load: " << ToText(answer.status) << std::endl;
    std::exit(1);
  }
  void Print() {
    const double seconds = Since(start_);
    std::sort(latencies_.begin(), latencies_.end());
    auto at = [&](double share) {
      if (latencies_.empty()) return 0.0f;
      return latencies_[static_cast<size_t>(share * static_cast<double>(latencies_.size() - 1))];
    };
    std::cout << nlohmann::json{{"requests", latencies_.size()},
                                {"bytes", bytes_},
                                {"seconds", seconds},
                                {"p50_us", at(0.5)},
                                {"p90_us", at(0.9)},
                                {"p99_us", at(0.99)}}
                     .dump()
              << std::endl;
  }
  void Restart() { start_ = Clock::now(); }
  Clock::time_point start() const { return start_; }

 private:
  Clock::time_point start_ = Clock::now();
  std::vector<float> latencies_;
  size_t bytes_ = 0;
};

// An answer of a queue whose code tells that it went well.
void CheckCode(const Answer& answer) {
  Tally::Check(answer);
  if (answer.start.find("E0000000000") != std::string::npos) return;
  std::cerr << "rollsite_load: the answer has no success code: " << answer.start << std::endl;
  std::exit(1);
}

class Unary {
 public:
  explicit Unary(const Options& options)
      : options_(options),
        request_(options.queue_push ? PushOf(options.party, "t", options.bytes)
                                    : PacketOf("unaryCall", options.party, options.bytes)),
        client_(&loop_, options.to, options.connections, options.tls),
        others_(&loop_, options.to, 1, options.tls) {}

  int Run() {
    if (options_.stalled > 0) {
      Stall();
    } else {
      Begin();
    }
    loop_.Run();
    tally_.Print();
    return 0;
  }

 private:
  // Downloads by another client that takes nothing of them.
  void Stall() {
    Request request = PacketOf("unaryCall", options_.party, 16);
    request.head.push_back({"x-bench-answer-bytes", std::to_string(kStallBytes)});
    request.takes_answer = false;
    for (int i = 0; i < options_.stalled; ++i) others_.Call(request, &Tally::Check);
    WaitUntilStalled(0);
  }
  void WaitUntilStalled(size_t before) {
    loop_.After(kSettled, [this, before] {
      size_t now = others_.stalled_bytes();
      now > 0 && now == before ? Begin() : WaitUntilStalled(now);
    });
  }
  void Begin() {
    tally_.Restart();
    for (int i = 0; i < options_.concurrency; ++i) Next();
  }
  void Next() {
    if (Since(tally_.start()) >= options_.seconds) {
      if (running_ == 0) loop_.Stop();
      return;
    }
    ++running_;
    client_.Call(request_, [this](const Answer& answer) {
      tally_.Add(answer, options_.bytes);
      --running_;
      Next();
    });
  }

  const Options& options_;
  relay::EventLoop loop_;
  const Request request_;
  Client client_, others_;
  Tally tally_;
  int running_ = 0;
};

class Queue {
 public:
  explicit Queue(const Options& options)
      : options_(options),
        pusher_(&loop_, options.to, options.connections, options.tls),
        popper_(&loop_, options.at, options.connections, options.tls),
        topics_(static_cast<size_t>(options.topics)) {}

  int Run() {
    left_ = options_.topics * options_.messages;
    for (size_t i = 0; i < topics_.size(); ++i) {
      topics_[i].name = fmt::format("topic-{}", i);
      Pop(&topics_[i]);
      Push(&topics_[i]);
    }
    loop_.Run();
    tally_.Print();
    return 0;
  }

 private:
  struct Topic {
    std::string name;
    int pushed = 0, popped = 0;
    std::deque<Clock::time_point> sent;
  };

  void Push(Topic* topic) {
    if (topic->pushed++ == options_.messages) return;
    topic->sent.push_back(Clock::now());
    pusher_.Call(PushOf(options_.party, topic->name, options_.bytes),
                 [this, topic](const Answer& answer) {
                   CheckCode(answer);
                   Push(topic);
                 });
  }
  void Pop(Topic* topic) {
    if (topic->popped++ == options_.messages) return;
    popper_.Call(PopOf(topic->name), [this, topic](const Answer& answer) {
      Tally::Check(answer);
      if (answer.bytes < options_.bytes) CheckCode({.start = "(no message) " + answer.start});
      tally_.Add(Since(topic->sent.front()) * 1e6, options_.bytes);
      topic->sent.pop_front();
      --left_ == 0 ? loop_.Stop() : Pop(topic);
    });
  }

  const Options& options_;
  relay::EventLoop loop_;
  Client pusher_, popper_;
  std::vector<Topic> topics_;
  Tally tally_;
  int left_ = 0;
};

class Park {
 public:
  explicit Park(const Options& options)
      : options_(options),
        pusher_(&loop_, options.to, 1, options.tls),
        popper_(&loop_, options.to, options.connections, options.tls) {}

  int Run() {
    for (int i = 0; i < options_.topics; ++i) {
      popper_.Call(PopOf(Topic(i)), [this](const Answer& answer) { Woken(answer); });
    }
    // Written out before the line on stdin is waited for.
    loop_.After(kSettled, [this] {
      std::cout << R"({"parked": )" << options_.topics << "}" << std::endl;
      std::string line;
      std::getline(std::cin, line);
      tally_.Restart();
      Wake();
    });
    loop_.Run();
    tally_.Print();
    return 0;
  }

 private:
  static std::string Topic(int i) { return fmt::format("topic-{}", i); }

  void Wake() {
    if (woken_ == options_.messages) return loop_.Stop();
    sent_ = Clock::now();
    pending_ = 2;
    // Far apart, so that they lie on different connections and in different places of memory.
    pusher_.Call(PushOf(options_.party, Topic(woken_ * 7919 % options_.topics), options_.bytes),
                 [this](const Answer& answer) {
                   CheckCode(answer);
                   Both();
                 });
  }
  void Woken(const Answer& answer) {
    Tally::Check(answer);
    tally_.Add(Since(sent_) * 1e6, options_.bytes);
    Both();
  }
  void Both() {
    if (--pending_ > 0) return;
    ++woken_;
    Wake();
  }

  const Options& options_;
  relay::EventLoop loop_;
  Client pusher_, popper_;
  Tally tally_;
  Clock::time_point sent_;
  int woken_ = 0, pending_ = 0;
};

}  // namespace

int RunUnary(const Options& options) { return Unary(options).Run(); }
int RunQueue(const Options& options) { return Queue(options).Run(); }
int RunPark(const Options& options) { return Park(options).Run(); }

int RunPush(const Options& options) {
  relay::EventLoop loop;
  Client client(&loop, options.to, options.connections, options.tls);
  Tally tally;
  Request request = PacketOf("push", options.party, options.bytes, options.messages);
  if (options.delay_ms > 0) {
    request.head.push_back({"x-bench-delay-ms", std::to_string(options.delay_ms)});
  }
  int left = options.streams;
  for (int i = 0; i < options.streams; ++i) {
    client.Call(request, [&](const Answer& answer) {
      tally.Add(answer, options.bytes * static_cast<size_t>(options.messages));
      if (--left == 0) loop.Stop();
    });
  }
  loop.Run();
  tally.Print();
  return 0;
}

}  // namespace fate::bench
