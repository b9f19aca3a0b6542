// Replays testdata/*.txt. A script is a list of input lines; the lines after one that start with
// "->" are the answers this step must give, in any order but complete:
//
//   limits bytes=100 messages=2 waiting=1 idle_ms=1000
//   at 250                      the clock moves to 250 ms, and a tick follows
//   push 1 s t hello            call 1: session s, topic t, payload hello ("-" is empty)
//   pop 2 s t 300               call 2 waits 300 ms at most
//   peek 3 s t | release 4 s t | release 4 s | cancel 2
//   next 300 | next never       NextDeadline in ms
//   stats queues=1 messages=1 waiting=0
//   -> 2 E0000000000 success [hello]        call, code, message ("-" is empty), [payload]
//   -> 5 refused the queues are full
#include "transfer_queue/transfer_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/status.h"
#include "base/text.h"

namespace fate::transfer_queue {
namespace {

using Kind = Event::Kind;

std::string OrDash(std::string_view text) { return text.empty() ? "-" : std::string(text); }
std::string FromDash(const std::string& text) { return text == "-" ? "" : text; }

std::string Show(const Answer& answer) {
  if (!answer.failure.ok()) {
    std::string text = Message(answer.failure);
    return fmt::format("-> {} refused {}", answer.call, text.substr(0, text.find_first_of(":;")));
  }
  std::string line = fmt::format("-> {} {} {}", answer.call, answer.code, OrDash(answer.message));
  return answer.payload.empty() ? line : fmt::format("{} [{}]", line, answer.payload);
}

class Script {
 public:
  explicit Script(const std::filesystem::path& path) : file_(path) {}

  void Run() {
    std::string line;
    for (int number = 1; std::getline(file_, line); ++number) {
      line = line.substr(0, line.find('#'));
      if (Trim(line).empty()) continue;
      if (line.starts_with("->")) {
        expected_.push_back(std::string(Trim(line)));
        continue;
      }
      Compare();
      line_number_ = number;
      Execute(line);
    }
    Compare();
    EXPECT_GT(steps_, 3) << "an empty script tests nothing";
  }

 private:
  void Compare() {
    std::sort(expected_.begin(), expected_.end());
    std::sort(actual_.begin(), actual_.end());
    EXPECT_EQ(actual_, expected_) << "after line " << line_number_;
    expected_.clear();
    actual_.clear();
  }

  void Execute(const std::string& line) {
    ++steps_;
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "limits") return SetLimits(words);
    if (command == "stats") return CheckStats(words);
    if (command == "next") return CheckNext(words);
    Event event;
    if (command == "at") {
      int64_t ms = 0;
      words >> ms;
      now_ = absl::FromUnixMillis(ms);
    } else {
      event = ParseCall(command, words);
    }
    for (const Answer& answer : queues_->Step(std::move(event), now_)) {
      actual_.push_back(Show(answer));
    }
  }

  Event ParseCall(const std::string& command, std::istringstream& words) {
    static const std::map<std::string, Kind> kinds = {{"push", Kind::kPush},
                                                      {"pop", Kind::kPop},
                                                      {"peek", Kind::kPeek},
                                                      {"release", Kind::kRelease},
                                                      {"cancel", Kind::kCancel}};
    Event event;
    EXPECT_TRUE(kinds.count(command)) << "line " << line_number_ << ": " << command;
    event.kind = kinds.at(command);
    words >> event.call >> event.session >> event.topic;
    event.session = FromDash(event.session);
    event.topic = FromDash(event.topic);
    if (event.kind == Kind::kPush) words >> event.payload;
    event.payload = FromDash(event.payload);
    int64_t wait_ms = 0;
    if (event.kind == Kind::kPop && words >> wait_ms) event.wait = absl::Milliseconds(wait_ms);
    return event;
  }

  void SetLimits(std::istringstream& words) {
    Limits limits;
    for (const auto& [name, value] : Pairs(words)) {
      if (name == "bytes") limits.bytes = value;
      if (name == "messages") limits.messages = value;
      if (name == "waiting") limits.waiting_pops = value;
      if (name == "idle_ms") limits.idle = absl::Milliseconds(value);
      if (name == "default_wait_ms") limits.default_wait = absl::Milliseconds(value);
    }
    queues_ = std::make_unique<TransferQueues>(limits);
  }

  void CheckStats(std::istringstream& words) {
    Stats stats = queues_->stats();
    std::map<std::string, size_t> actual = {{"queues", stats.queues},
                                            {"messages", stats.messages},
                                            {"bytes", stats.bytes},
                                            {"waiting", stats.waiting_pops},
                                            {"dropped", stats.dropped_messages}};
    for (const auto& [name, value] : Pairs(words)) {
      EXPECT_EQ(actual.at(name), value) << name << " at line " << line_number_;
    }
  }

  void CheckNext(std::istringstream& words) {
    std::string expected;
    words >> expected;
    absl::Time next = queues_->NextDeadline();
    std::string actual =
        next == absl::InfiniteFuture() ? "never" : std::to_string(absl::ToUnixMillis(next));
    EXPECT_EQ(actual, expected) << "at line " << line_number_;
  }

  static std::map<std::string, size_t> Pairs(std::istringstream& words) {
    std::map<std::string, size_t> pairs;
    for (std::string word; words >> word;) {
      auto parts = Split(word, '=');
      pairs[std::string(parts[0])] = *ParseInt<size_t>(parts[1]);
    }
    return pairs;
  }

  std::ifstream file_;
  int line_number_ = 0, steps_ = 0;
  absl::Time now_ = absl::UnixEpoch();
  std::unique_ptr<TransferQueues> queues_ = std::make_unique<TransferQueues>();
  std::vector<std::string> expected_, actual_;
};

class Scripts : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scripts, AnswersAsWritten) { Script(GetParam()).Run(); }

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(, Scripts, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace fate::transfer_queue
