#include "queue_store/queue_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <condition_variable>
#include <filesystem>
#include <fstream>
#include <random>

#include "base/status.h"
#include "queue_store/queue_database.h"

namespace fate::queue_store {
namespace {

using ::testing::HasSubstr;
using transfer_queue::DropQueue;
using transfer_queue::EraseMessage;
using transfer_queue::Loaded;
using transfer_queue::LoadMessages;
using transfer_queue::MessageId;
using transfer_queue::RecoveredQueue;
using transfer_queue::SequenceSet;
using transfer_queue::StoreCommand;
using transfer_queue::Stored;
using transfer_queue::StoredMessage;
using transfer_queue::WriteMessage;
using namespace std::chrono_literals;

uint64_t FolderBytes(const std::string& folder) {
  uint64_t bytes = 0;
  std::error_code gone;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder, gone)) {
    if (entry.is_regular_file(gone)) bytes += entry.file_size(gone);
  }
  return bytes;
}

// RocksDB removes files in the background.
void WaitUntilSmaller(const std::string& folder, uint64_t bytes) {
  auto deadline = std::chrono::steady_clock::now() + 20s;
  while (FolderBytes(folder) >= bytes && std::chrono::steady_clock::now() < deadline) {
    std::this_thread::sleep_for(10ms);
  }
  EXPECT_LT(FolderBytes(folder), bytes);
}

std::string Text(uint64_t queue, uint64_t offset, size_t bytes) {
  std::string text = fmt::format("{}.{}.", queue, offset);
  while (text.size() < bytes) text += static_cast<char>('a' + (offset + text.size()) % 26);
  return text;
}

StoreCommand Write(uint64_t queue, uint64_t offset, bool durable, size_t bytes = 100,
                   const std::string& producer = "") {
  WriteMessage write{.ticket = queue * 1'000'000 + offset,
                     .id = {queue, offset},
                     .party = "9999",
                     .payload = Rope(Text(queue, offset, bytes)),
                     .durable = durable};
  if (durable && offset == 1) write.name = {"session", fmt::format("topic {}", queue)};
  if (!producer.empty()) {
    write.producer.id = producer;
    for (uint64_t n = 1; n <= offset; ++n) write.producer.taken.Add(n);
  }
  return write;
}

class DatabaseTest : public ::testing::Test {
 protected:
  DatabaseTest()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("queue_store_{}", getpid())) {
    std::filesystem::remove_all(folder_);
    Open();
  }
  ~DatabaseTest() override {
    database_.reset();
    std::filesystem::remove_all(folder_);
  }

  void Open() {
    database_.reset();
    auto database = QueueDatabase::Open(folder_);
    ASSERT_TRUE(database.ok()) << database.status();
    database_ = *std::move(database);
  }
  std::vector<transfer_queue::Event> Run(std::vector<StoreCommand> commands) {
    std::vector<transfer_queue::Event> outcomes;
    database_->Run(std::move(commands), &outcomes);
    return outcomes;
  }
  static void ExpectStored(const std::vector<transfer_queue::Event>& outcomes, size_t count) {
    ASSERT_EQ(outcomes.size(), count);
    for (const auto& outcome : outcomes) {
      EXPECT_TRUE(std::get<Stored>(outcome).status.ok()) << std::get<Stored>(outcome).status;
    }
  }
  std::vector<uint64_t> Load(uint64_t queue, uint64_t from, size_t bytes) {
    auto outcomes = Run({LoadMessages{7, {queue, from}, bytes}});
    auto& loaded = std::get<Loaded>(outcomes.at(0));
    EXPECT_EQ(loaded.ticket, 7u);
    EXPECT_TRUE(loaded.status.ok()) << loaded.status;
    std::vector<uint64_t> offsets;
    for (const StoredMessage& message : loaded.messages) {
      std::string text = message.payload.ToString();
      EXPECT_EQ(text, Text(queue, message.offset, text.size()));
      EXPECT_EQ(message.party, "9999");
      offsets.push_back(message.offset);
    }
    return offsets;
  }
  std::vector<RecoveredQueue> Recover() {
    auto queues = database_->Recover();
    EXPECT_TRUE(queues.ok()) << queues.status();
    return *std::move(queues);
  }

  const std::string folder_;
  std::unique_ptr<QueueDatabase> database_;
};

using Offsets = std::vector<uint64_t>;

TEST_F(DatabaseTest, GivesMessagesBackInOrderUpToTheBudget) {
  for (bool durable : {false, true}) {
    uint64_t queue = durable ? 2 : 1;
    std::vector<StoreCommand> writes;
    for (uint64_t i = 1; i <= 20; ++i) writes.push_back(Write(queue, i, durable, i * 1000));
    ExpectStored(Run(std::move(writes)), 20);
    EXPECT_EQ(Load(queue, 1, 5000), (Offsets{1, 2, 3}));
    EXPECT_EQ(Load(queue, 20, 5), (Offsets{20})) << "one at least";
    EXPECT_EQ(Load(queue, 21, 5), Offsets{});
    Run({EraseMessage{{queue, 2}, durable, 0}});
    EXPECT_EQ(Load(queue, 1, 7000), (Offsets{1, 3, 4}));
  }
}

TEST_F(DatabaseTest, WhatWasSpilledComesBeforeWhatIsDurable) {
  Run({Write(1, 1, false), Write(1, 2, false)});
  WriteMessage named = std::get<WriteMessage>(Write(1, 3, true));
  named.name = {"session", "t"};
  ExpectStored(Run({named, Write(1, 4, true)}), 2);
  EXPECT_EQ(Load(1, 1, 1 << 20), (Offsets{1, 2, 3, 4}));
  EXPECT_EQ(Load(1, 2, 150), (Offsets{2, 3}));
  Open();
  EXPECT_EQ(Load(1, 1, 1 << 20), (Offsets{3, 4}))
      << "a new process has nothing to do with the rest";
}

TEST_F(DatabaseTest, DurableQueuesAreThereAgain) {
  std::vector<StoreCommand> commands;
  for (uint64_t i = 1; i <= 5; ++i) commands.push_back(Write(3, i, true, 10 * i, "producer"));
  commands.push_back(Write(4, 1, true));
  commands.push_back(Write(5, 1, false));
  commands.push_back(EraseMessage{{3, 1}, true, 0});
  commands.push_back(EraseMessage{{4, 1}, true, 0});
  ExpectStored(Run(std::move(commands)), 7);
  Open();
  auto queues = Recover();
  ASSERT_EQ(queues.size(), 2u);
  EXPECT_EQ(queues[0].queue, 3u);
  EXPECT_EQ(queues[0].name.session, "session");
  EXPECT_EQ(queues[0].name.topic, "topic 3");
  EXPECT_EQ(queues[0].next_offset, 6u);
  ASSERT_EQ(queues[0].messages.size(), 4u);
  EXPECT_EQ(queues[0].messages[0].offset, 2u);
  EXPECT_EQ(queues[0].messages[0].bytes, 20u);
  EXPECT_EQ(queues[0].messages[0].party, "9999");
  ASSERT_EQ(queues[0].producers.size(), 1u);
  EXPECT_EQ(queues[0].producers[0].taken.ToText(), "0 1-5");
  EXPECT_EQ(queues[1].messages.size(), 0u) << "it is empty, but remembers where it was";
  EXPECT_EQ(queues[1].next_offset, 2u);
}

TEST_F(DatabaseTest, ADropLeavesNothingNotEvenWhatIsBeingWritten) {
  std::vector<StoreCommand> commands;
  for (uint64_t queue = 1; queue <= 2; ++queue) {
    for (uint64_t i = 1; i <= 500 * queue; ++i) {
      commands.push_back(Write(queue, i, true, 10, "p"));
      commands.push_back(Write(queue + 10, i, false));
    }
  }
  for (uint64_t queue : {1, 2, 11, 12}) commands.push_back(DropQueue{queue, queue, queue < 10, 1});
  commands.push_back(Write(3, 1, true));
  EXPECT_EQ(Run(std::move(commands)).size(), 3000u + 4 + 1);
  for (uint64_t queue : {1, 2, 11, 12}) EXPECT_EQ(Load(queue, 1, 100), Offsets{}) << queue;
  Open();
  auto queues = Recover();
  ASSERT_EQ(queues.size(), 1u);
  EXPECT_EQ(queues[0].queue, 3u);
}

TEST_F(DatabaseTest, ADropMayLeaveTheNumbersOfItsPushes) {
  Run({Write(1, 1, true, 10, "p"), Write(1, 2, true, 10, "p")});
  Run({DropQueue{1, 1, true, 20, /*keeps_numbers=*/true}});
  EXPECT_EQ(Load(1, 1, 100), Offsets{});
  Open();
  auto queues = Recover();
  ASSERT_EQ(queues.size(), 1u);
  EXPECT_TRUE(queues[0].released);
  EXPECT_EQ(queues[0].name.topic, "topic 1");
  EXPECT_TRUE(queues[0].messages.empty());
  ASSERT_EQ(queues[0].producers.size(), 1u);
  EXPECT_EQ(queues[0].producers[0].taken.ToText(), "0 1-2");
  Run({DropQueue{0, 1, true}});
  Open();
  EXPECT_TRUE(Recover().empty()) << "dropped once more, nothing is left";
}

TEST_F(DatabaseTest, ASecondProcessIsRefusedByName) {
  auto second = QueueDatabase::Open(folder_);
  ASSERT_FALSE(second.ok());
  EXPECT_THAT(Message(second.status()), HasSubstr(folder_));
  EXPECT_THAT(Message(second.status()), HasSubstr("does another rollsite run on this folder?"));
  auto nowhere = QueueDatabase::Open("/proc/nowhere");
  EXPECT_THAT(Message(nowhere.status()), HasSubstr("change eggroll.rollsite.queue.dir"));
}

// A process that writes until it is killed; the answers it gave come through a pipe.
struct Answered {
  uint64_t queue, offset;
};
constexpr uint64_t kQueues = 5;

[[noreturn]] void WriteUntilKilled(const std::string& folder, int pipe,
                                   std::vector<uint64_t> next_offsets) {
  auto database = QueueDatabase::Open(folder);
  if (!database.ok()) _exit(1);
  std::mt19937 random(static_cast<uint32_t>(getpid()));
  while (true) {
    std::vector<StoreCommand> commands;
    std::vector<Answered> answers;
    for (size_t i = random() % 20 + 1; i > 0; --i) {
      uint64_t queue = random() % kQueues;
      uint64_t offset = next_offsets[queue]++;
      commands.push_back(Write(queue + 1, offset, true, random() % 20'000, "p"));
      answers.push_back({queue, offset});
    }
    std::vector<transfer_queue::Event> outcomes;
    (*database)->Run(std::move(commands), &outcomes);
    for (auto& outcome : outcomes) {
      if (!std::get<Stored>(outcome).status.ok()) _exit(2);
    }
    size_t size = answers.size() * sizeof(Answered);
    if (write(pipe, answers.data(), size) != static_cast<ssize_t>(size)) _exit(3);
  }
}

// What was answered by offset; each offset of a queue is one more than the last.
std::vector<uint64_t> RunAndKill(const std::string& folder, std::vector<uint64_t> next_offsets,
                                 std::chrono::microseconds life) {
  int pipes[2];
  EXPECT_EQ(pipe(pipes), 0);
  pid_t child = fork();
  if (child == 0) WriteUntilKilled(folder, pipes[1], next_offsets);
  close(pipes[1]);
  std::vector<uint64_t> last(kQueues);
  for (uint64_t i = 0; i < kQueues; ++i) last[i] = next_offsets[i] - 1;
  Answered answered{};
  auto end = std::chrono::steady_clock::time_point::max();
  bool killed = false;
  while (read(pipes[0], &answered, sizeof answered) == sizeof answered) {
    last[answered.queue] = answered.offset;
    auto now = std::chrono::steady_clock::now();
    if (end == std::chrono::steady_clock::time_point::max()) end = now + life;
    if (!killed && now >= end) killed = kill(child, SIGKILL) == 0;
  }
  close(pipes[0]);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the writer ended by itself: " << WEXITSTATUS(status);
  return last;
}

TEST_F(DatabaseTest, WhatWasAnsweredSurvivesKills) {
  std::mt19937 random(3);
  std::vector<uint64_t> next(kQueues, 1);
  for (int round = 0; round < 12; ++round) {
    database_.reset();
    auto answered = RunAndKill(folder_, next, std::chrono::microseconds(random() % 60'000));
    Open();
    for (const RecoveredQueue& queue : Recover()) {
      uint64_t index = queue.queue - 1, count = queue.messages.size();
      ASSERT_GE(queue.next_offset, answered[index] + 1) << "queue " << queue.queue;
      ASSERT_EQ(count, queue.next_offset - 1) << "no gap, nothing beyond";
      for (uint64_t i = 0; i < count; ++i) ASSERT_EQ(queue.messages[i].offset, i + 1);
      ASSERT_EQ(queue.producers.at(0).taken.ToText(), fmt::format("0 1-{}", count));
      if (count > 0) {
        uint64_t from = count - std::min<uint64_t>(count - 1, 3);
        ASSERT_EQ(Load(queue.queue, from, 1 << 20).size(), count - from + 1);
      }
      next[index] = queue.next_offset;
    }
  }
  EXPECT_GT(next[0] + next[1], 50u);
}

std::string NewestLog(const std::string& folder) {
  std::string newest;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() == ".log" && entry.path().string() > newest) {
      newest = entry.path().string();
    }
  }
  return newest;
}

// A log that ends in the middle of a record: the machine lost power.
TEST_F(DatabaseTest, ATornLogLosesItsLastRecordOnly) {
  for (uint64_t i = 1; i <= 10; ++i) ExpectStored(Run({Write(1, i, true, 3000, "p")}), 1);
  std::string copy = folder_ + "_copy";
  for (int cut : {1, 100, 2500}) {
    std::filesystem::remove_all(copy);
    std::filesystem::copy(folder_, copy);
    std::string log = NewestLog(copy);
    std::filesystem::resize_file(log, std::filesystem::file_size(log) - static_cast<size_t>(cut));
    auto torn = QueueDatabase::Open(copy);
    ASSERT_TRUE(torn.ok()) << torn.status();
    auto queues = *(*torn)->Recover();
    ASSERT_EQ(queues.size(), 1u);
    EXPECT_EQ(queues[0].messages.size(), 9u) << "cut by " << cut;
    EXPECT_EQ(queues[0].next_offset, 10u);
    EXPECT_EQ(queues[0].producers.at(0).taken.ToText(), "0 1-9");
  }
  std::filesystem::remove_all(copy);
  std::filesystem::copy(folder_, copy);
  std::ofstream(NewestLog(copy), std::ios::app) << std::string(5000, 'g');
  auto garbage = QueueDatabase::Open(copy);
  ASSERT_TRUE(garbage.ok()) << garbage.status();
  EXPECT_EQ((*(*garbage)->Recover()).at(0).messages.size(), 10u);
  garbage->reset();
  std::filesystem::remove_all(copy);
}

TEST_F(DatabaseTest, ErasedMessagesFreeTheDisk) {
  std::vector<StoreCommand> commands;
  for (uint64_t i = 1; i <= 50; ++i) {
    commands.push_back(Write(1, i, true, 1 << 20));
    commands.push_back(Write(2, i, false, 1 << 20));
  }
  ExpectStored(Run(std::move(commands)), 100);
  EXPECT_GT(FolderBytes(folder_), 70u << 20);
  for (uint64_t i = 1; i < 50; ++i) Run({EraseMessage{{1, i}, true, 1 << 20}});
  Run({DropQueue{1, 2, false, 50 << 20}});
  ASSERT_TRUE(database_->Compact().ok());
  WaitUntilSmaller(folder_, 4 << 20);  // one message of 1 MB is left
  EXPECT_EQ(Load(1, 1, 1), (Offsets{50}));
}

// A disk of 96 MB, where mounting is allowed.
class TinyDisk {
 public:
  explicit TinyDisk(std::string folder) : folder_(std::move(folder)) {
    std::filesystem::create_directories(folder_);
    mounted_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, "size=96m") == 0;
  }
  ~TinyDisk() {
    if (mounted_) umount2(folder_.c_str(), MNT_DETACH);
    std::filesystem::remove_all(folder_);
  }
  bool mounted() const { return mounted_; }

 private:
  std::string folder_;
  bool mounted_ = false;
};

TEST_F(DatabaseTest, AFullDiskRefusesWritesAndTakesThemAgainLater) {
  TinyDisk disk(folder_ + "_disk");
  if (!disk.mounted()) GTEST_SKIP() << "mounting is not allowed here";
  auto database = QueueDatabase::Open(folder_ + "_disk/queues");
  ASSERT_TRUE(database.ok()) << database.status();
  database_ = *std::move(database);
  uint64_t stored = 0;
  absl::Status full;
  for (uint64_t i = 1; i <= 200 && full.ok(); ++i) {
    auto outcomes = Run({Write(1, i, true, 1 << 20)});
    full = std::get<Stored>(outcomes.at(0)).status;
    if (full.ok()) stored = i;
  }
  EXPECT_TRUE(absl::IsResourceExhausted(full)) << full;
  EXPECT_THAT(Message(full), HasSubstr("is full"));
  EXPECT_THAT(Message(full), HasSubstr("free some space, or pop or release"));
  EXPECT_GT(stored, 10u);
  for (uint64_t i = 1; i <= stored; ++i) {
    ASSERT_EQ(Load(1, i, 1), (Offsets{i})) << "all that was answered is there";
    Run({EraseMessage{{1, i}, true, 1 << 20}});
  }
  absl::Status compacted = database_->Compact();
  ASSERT_TRUE(compacted.ok()) << compacted;
  ExpectStored(Run({Write(1, 300, true, 1 << 20)}), 1);

  // Another program fills the disk to the last byte.
  std::string filler = folder_ + "_disk/filler";
  std::ofstream(filler) << std::string(96 << 20, 'f');
  auto outcomes = Run({Write(1, 301, true, 1 << 20), EraseMessage{{1, 300}, true, 0}});
  EXPECT_TRUE(absl::IsResourceExhausted(std::get<Stored>(outcomes.at(0)).status));
  std::filesystem::remove(filler);
  ExpectStored(Run({Write(1, 302, true, 1 << 20)}), 1);
  EXPECT_EQ(Load(1, 300, 100 << 20), (Offsets{302})) << "the erasure was made up for";
  database_.reset();
}

// Collects what the store tells.
class Listener {
 public:
  void operator()(QueueStore::Outcomes outcomes) {
    std::lock_guard lock(mutex_);
    for (auto& outcome : outcomes) outcomes_.push_back(std::move(outcome));
    changed_.notify_all();
  }
  bool WaitFor(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, 20s, [&] { return outcomes_.size() >= count; });
  }
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<transfer_queue::Event> outcomes_;
};

class StoreTest : public ::testing::Test {
 protected:
  StoreTest()
      : folder_(std::filesystem::temp_directory_path() / fmt::format("queue_store2_{}", getpid())) {
    std::filesystem::remove_all(folder_);
    Start();
  }
  ~StoreTest() override {
    store_.reset();
    std::filesystem::remove_all(folder_);
  }
  void Start() {
    store_.reset();
    store_ = std::make_unique<QueueStore>(
        folder_, [this](QueueStore::Outcomes outcomes) { listener_(std::move(outcomes)); });
  }
  const std::string folder_;
  Listener listener_;
  std::unique_ptr<QueueStore> store_;
};

TEST_F(StoreTest, TouchesNoDiskUntilItIsNeeded) {
  EXPECT_FALSE(store_->exists());
  EXPECT_FALSE(std::filesystem::exists(folder_));
  store_->Submit({Write(1, 1, false)});
  ASSERT_TRUE(listener_.WaitFor(1));
  EXPECT_TRUE(store_->exists());
}

TEST_F(StoreTest, TellsOutcomesInOrderAndFinishesBeforeItEnds) {
  for (uint64_t i = 1; i <= 2000; ++i) store_->Submit({Write(1, i, true, 10)});
  store_.reset();
  ASSERT_EQ(listener_.outcomes_.size(), 2000u);
  for (uint64_t i = 1; i <= 2000; ++i) {
    ASSERT_EQ(std::get<Stored>(listener_.outcomes_[i - 1]).ticket, 1'000'000 + i);
  }
  Start();
  auto queues = store_->Recover();
  ASSERT_TRUE(queues.ok()) << queues.status();
  EXPECT_EQ(queues->at(0).messages.size(), 2000u);
}

TEST_F(StoreTest, GivesTheDiskBackWhenAllIsErased) {
  for (uint64_t i = 1; i <= 40; ++i) store_->Submit({Write(1, i, true, 1 << 20)});
  ASSERT_TRUE(listener_.WaitFor(40));
  EXPECT_GT(FolderBytes(folder_), 40u << 20);
  store_->Submit({DropQueue{1, 1, true, 41 << 20}});
  ASSERT_TRUE(listener_.WaitFor(41));
  WaitUntilSmaller(folder_, 1 << 20);
}

TEST(StoreFailure, AFolderThatCannotBeMadeFailsEachWrite) {
  Listener listener;
  QueueStore store("/proc/nowhere", [&](QueueStore::Outcomes o) { listener(std::move(o)); });
  store.Submit({Write(1, 1, false), LoadMessages{5, {1, 1}, 10}, DropQueue{6, 1, false, 0}});
  ASSERT_TRUE(listener.WaitFor(3));
  EXPECT_THAT(Message(std::get<Stored>(listener.outcomes_[0]).status), HasSubstr("/proc/nowhere"));
  EXPECT_FALSE(std::get<Loaded>(listener.outcomes_[1]).status.ok());
  EXPECT_TRUE(std::get<Stored>(listener.outcomes_[2]).status.ok()) << "there is nothing to free";
}

}  // namespace
}  // namespace fate::queue_store
