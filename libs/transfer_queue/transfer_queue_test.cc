// Replays testdata/*.txt. A script is a list of input lines; the lines after one that start with
// "->" are the answers this step must give, in any order but complete, and those that start with
// "=>" the commands for the store, in order:
//
//   limits memory=100 queue_memory=50 disk=1000 party=500 party_floor=100 queues=3 waiting=1
//   idle_ms=1000
//          lifetime_ms=1000 lease_ms=100 late_ms=1000 default_wait_ms=50 durable=1
//                               "4+20" bytes: four messages' overhead and 20 bytes
//   at 250                      the clock moves to 250 ms, and a tick follows
//   push 1 s t hello            call 1: session s, topic t, payload hello ("-" is empty);
//                               further words: producer=p seq=3 party=9999 durable
//   pop 2 s t 300               call 2 waits 300 ms at most; further words: consumer=c ack=1.3 only
//   peek 3 s t | release 4 s t | release 4 s | cancel 2
//   query 5 s t p 3             was push 3 of producer p stored? further word: close
//   hold                        from here on, what became of a delivery is told by
//   written 2 | unwritten 2     (before "hold" every delivery is written at once)
//   stored 1 | failed 1 no space | loaded 2 1:hello 2:x       outcomes, by ticket
//   restore 7 s t next=4 1:5 3:5 p:0_1-3    queue 7; messages offset:bytes; producers; released
//   next 300 | next never       NextDeadline in ms
//   stats queues=1 messages=1 waiting=0
//   -> 2 E0000000000 success [hello] 1.1    call, code, message ("-" is empty), payload, message id
//   -> 5 refused the queues are full
//   => write 1 1.1 hello durable p:0_1-1 name    ticket, message id, ...
//   => erase 1.1 durable | load 2 1.3 4194304 | drop 3 1 | drop 4 1 keeps
#include "transfer_queue/transfer_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <sstream>

#include "base/status.h"
#include "base/text.h"

namespace fate::transfer_queue {
namespace {

std::string OrDash(std::string_view text) { return text.empty() ? "-" : std::string(text); }
std::string FromDash(const std::string& text) { return text == "-" ? "" : text; }

std::string Underscored(std::string text) {
  std::replace(text.begin(), text.end(), ' ', '_');
  return text;
}

std::string Show(MessageId id) { return fmt::format("{}.{}", id.queue, id.offset); }

std::string Show(const Answer& answer) {
  if (!answer.failure.ok()) {
    std::string text = fate::Message(answer.failure);
    return fmt::format("-> {} refused {}", answer.call, text.substr(0, text.find_first_of(":;")));
  }
  std::string line = fmt::format("-> {} {} {}", answer.call, answer.code, OrDash(answer.message));
  if (answer.delivers.queue == 0) return line;
  return fmt::format("{} [{}] {}", line, answer.payload.ToString(), Show(answer.delivers));
}

std::string Show(const ProducerRecord& record) {
  return fmt::format("{}:{}", record.id, Underscored(record.taken.ToText()));
}

struct ShowCommand {
  std::string operator()(const WriteMessage& write) const {
    std::string line = fmt::format("=> write {} {} {}", write.ticket, Show(write.id),
                                   OrDash(write.payload.ToString()));
    if (write.durable) line += " durable";
    if (!write.producer.id.empty()) line += " " + Show(write.producer);
    if (!write.name.session.empty()) line += " name";
    return line;
  }
  std::string operator()(const EraseMessage& erase) const {
    return fmt::format("=> erase {}{}", Show(erase.id), erase.durable ? " durable" : "");
  }
  std::string operator()(const LoadMessages& load) const {
    return fmt::format("=> load {} {} {}", load.ticket, Show(load.from), load.bytes);
  }
  std::string operator()(const DropQueue& drop) const {
    return fmt::format("=> drop {} {}{}", drop.ticket, drop.queue,
                       drop.keeps_numbers ? " keeps" : "");
  }
};

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
      if (line.starts_with("=>")) {
        expected_commands_.push_back(std::string(Trim(line)));
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
    EXPECT_EQ(actual_commands_, expected_commands_) << "after line " << line_number_;
    for (auto* list : {&expected_, &actual_, &expected_commands_, &actual_commands_}) list->clear();
  }

  void Execute(const std::string& line) {
    ++steps_;
    std::istringstream words(line);
    std::string command;
    words >> command;
    if (command == "limits") return SetLimits(words);
    if (command == "stats") return CheckStats(words);
    if (command == "next") return CheckNext(words);
    if (command == "restore") return Restore(words);
    if (command == "hold") {
      hold_ = true;
      return;
    }
    if (command == "at") {
      int64_t ms = 0;
      words >> ms;
      now_ = absl::FromUnixMillis(ms);
      return Step(Tick{});
    }
    Step(Parse(command, words));
  }

  void Step(Event event) {
    Actions actions = queues_->Step(std::move(event), now_);
    std::vector<uint64_t> delivered;
    for (const Answer& answer : actions.answers) {
      actual_.push_back(Show(answer));
      if (answer.delivers.queue != 0) delivered.push_back(answer.call);
    }
    for (const StoreCommand& command : actions.commands) {
      actual_commands_.push_back(std::visit(ShowCommand{}, command));
    }
    if (hold_) return;
    for (uint64_t call : delivered) Step(Delivered{call, true});
  }

  Event Parse(const std::string& command, std::istringstream& words) {
    if (command == "push") return ParsePush(words);
    if (command == "pop" || command == "peek") return ParsePop(command == "pop", words);
    if (command == "stored" || command == "failed") return ParseStored(command == "stored", words);
    if (command == "loaded") return ParseLoaded(words);
    uint64_t call = 0;
    words >> call;
    if (command == "cancel") return Cancel{call};
    if (command == "written") return Delivered{call, true};
    if (command == "unwritten") return Delivered{call, false};
    std::string session, topic, word;
    words >> session >> topic;
    if (command == "release") return Release{call, FromDash(session), FromDash(topic)};
    EXPECT_EQ(command, "query") << "line " << line_number_;
    Query query{call, FromDash(session), FromDash(topic), {}, false};
    words >> query.producer.id >> query.producer.sequence >> word;
    query.refuse_later = word == "close";
    return query;
  }

  Event ParsePush(std::istringstream& words) {
    Push push;
    std::string payload;
    words >> push.call >> push.session >> push.topic >> payload;
    push.session = FromDash(push.session);
    push.topic = FromDash(push.topic);
    push.payload = Rope(FromDash(payload));
    for (std::string word; words >> word;) {
      auto [name, value] = Pair(word);
      if (name == "producer") push.producer.id = value;
      if (name == "seq") push.producer.sequence = *ParseInt<uint64_t>(value);
      if (name == "party") push.party = value;
      if (name == "durable") push.durable = true;
    }
    return push;
  }

  Event ParsePop(bool waits, std::istringstream& words) {
    Pop pop;
    pop.waits = waits;
    words >> pop.call >> pop.session >> pop.topic;
    pop.session = FromDash(pop.session);
    pop.topic = FromDash(pop.topic);
    for (std::string word; words >> word;) {
      auto [name, value] = Pair(word);
      if (auto ms = ParseInt<int64_t>(name)) pop.wait = absl::Milliseconds(*ms);
      if (name == "consumer") pop.consumer = value;
      if (name == "ack") pop.acknowledged = ParseId(value);
      if (name == "only") pop.only_acknowledges = true;
    }
    return pop;
  }

  static Event ParseStored(bool good, std::istringstream& words) {
    Stored stored;
    std::string why;
    words >> stored.ticket;
    std::getline(words, why);
    if (!good) stored.status = ResourceExhaustedError("{}", Trim(why));
    return stored;
  }

  static Event ParseLoaded(std::istringstream& words) {
    Loaded loaded;
    words >> loaded.ticket;
    for (std::string word; words >> word;) {
      if (word == "failed") {
        loaded.status = DataLossError("the disk is broken");
        return loaded;
      }
      auto parts = Split(word, ':');
      loaded.messages.push_back({*ParseInt<uint64_t>(parts[0]), "", Rope(std::string(parts[1]))});
    }
    return loaded;
  }

  void Restore(std::istringstream& words) {
    RecoveredQueue queue;
    words >> queue.queue >> queue.name.session >> queue.name.topic;
    for (std::string word; words >> word;) {
      auto parts = Split(word, ':');
      if (word == "released") {
        queue.released = true;
      } else if (parts.size() == 1) {
        queue.next_offset = *ParseInt<uint64_t>(Split(word, '=')[1]);
      } else if (auto offset = ParseInt<uint64_t>(parts[0])) {
        queue.messages.push_back({*offset, *ParseInt<uint64_t>(parts[1]), ""});
      } else {
        std::string ranges(parts[1]);
        std::replace(ranges.begin(), ranges.end(), '_', ' ');
        queue.producers.push_back({std::string(parts[0]), *SequenceSet::Parse(ranges)});
      }
    }
    queues_->Restore({queue}, now_);
  }

  void SetLimits(std::istringstream& words) {
    Limits limits;
    for (const auto& [name, value] : Pairs(words)) {
      if (name == "memory") limits.memory_bytes = limits.queue_memory_bytes = value;
      if (name == "queue_memory") limits.queue_memory_bytes = value;
      if (name == "disk") limits.disk_bytes = value;
      if (name == "party") limits.party_bytes = value;
      if (name == "party_floor") limits.party_floor_bytes = value;
      if (name == "queues") limits.queues = value;
      if (name == "waiting") limits.waiting_pops = value;
      if (name == "durable") limits.durable = value != 0;
      if (name == "idle_ms") limits.idle = absl::Milliseconds(value);
      if (name == "lifetime_ms") limits.lifetime = absl::Milliseconds(value);
      if (name == "lease_ms") limits.lease = absl::Milliseconds(value);
      if (name == "late_ms") limits.late = absl::Milliseconds(value);
      if (name == "default_wait_ms") limits.default_wait = absl::Milliseconds(value);
    }
    queues_ = std::make_unique<TransferQueues>(limits);
  }

  void CheckStats(std::istringstream& words) {
    Stats stats = queues_->stats();
    std::map<std::string, size_t> actual = {{"queues", stats.queues},
                                            {"messages", stats.messages},
                                            {"memory", stats.memory_bytes},
                                            {"disk", stats.disk_bytes},
                                            {"waiting", stats.waiting_pops},
                                            {"delivering", stats.delivering},
                                            {"released", stats.released_topics},
                                            {"dropped", stats.dropped_messages},
                                            {"repeated", stats.repeated_pushes},
                                            {"returned", stats.returned_messages},
                                            {"lost", stats.lost_messages}};
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

  // "4+2" in a number of bytes: four messages' overhead and two bytes.
  static std::vector<std::pair<std::string, size_t>> Pairs(std::istringstream& words) {
    std::vector<std::pair<std::string, size_t>> pairs;
    for (std::string word; words >> word;) {
      auto [name, value] = Pair(word);
      auto parts = Split(value, '+');
      size_t number = *ParseInt<size_t>(parts.back());
      if (parts.size() == 2) number += *ParseInt<size_t>(parts[0]) * kQueueMessageOverheadBytes;
      pairs.emplace_back(name, number);
    }
    return pairs;
  }
  static std::pair<std::string, std::string> Pair(const std::string& word) {
    size_t equals = word.find('=');
    if (equals == std::string::npos) return {word, ""};
    return {word.substr(0, equals), word.substr(equals + 1)};
  }
  static MessageId ParseId(const std::string& text) {
    auto parts = Split(text, '.');
    return {*ParseInt<uint64_t>(parts[0]), *ParseInt<uint64_t>(parts[1])};
  }

  std::ifstream file_;
  int line_number_ = 0, steps_ = 0;
  bool hold_ = false;
  absl::Time now_ = absl::UnixEpoch();
  std::unique_ptr<TransferQueues> queues_ = std::make_unique<TransferQueues>();
  std::vector<std::string> expected_, actual_, expected_commands_, actual_commands_;
};

class Scripts : public ::testing::TestWithParam<std::filesystem::path> {};

TEST_P(Scripts, AnswersAsWritten) { Script(GetParam()).Run(); }

std::vector<std::filesystem::path> Files() {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator("testdata")) {
    if (entry.is_regular_file()) files.push_back(entry.path());
  }
  std::sort(files.begin(), files.end());
  return files;
}

INSTANTIATE_TEST_SUITE_P(, Scripts, ::testing::ValuesIn(Files()),
                         [](const auto& info) { return info.param.stem().string(); });

}  // namespace
}  // namespace fate::transfer_queue
