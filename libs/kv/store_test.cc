#include "kv/store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <lmdb.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

#include "base/status.h"
#include "base/text.h"

namespace fate::kv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;
using Pairs = std::vector<std::pair<std::string, std::string>>;

class StoreTest : public ::testing::Test {
 protected:
  StoreTest() {
    char name[] = "/tmp/kv_test.XXXXXX";
    root_ = mkdtemp(name);
    path_ = PartitionPath(root_, "LMDB", *StoreName::Parse("ns", "table"), 0);
  }
  ~StoreTest() override { std::filesystem::remove_all(root_); }

  Store Open() {
    auto store = Store::Open(path_);
    EXPECT_TRUE(store.ok()) << store.status();
    return *store;
  }
  static void Put(Store store, const Pairs& pairs) {
    auto writer = store.Write();
    ASSERT_TRUE(writer.ok()) << writer.status();
    for (const auto& [key, value] : pairs) ASSERT_TRUE(writer->Put(key, value).ok());
    ASSERT_EQ(writer->Commit(), absl::OkStatus());
  }
  static Pairs Rest(Cursor& cursor) {
    Pairs pairs;
    while (cursor.Next()) pairs.emplace_back(cursor.key(), cursor.value());
    EXPECT_EQ(cursor.status(), absl::OkStatus());
    return pairs;
  }
  static Pairs All(const Store& store) {
    Cursor cursor = *store.Scan();
    return Rest(cursor);
  }
  static Pairs Numbered(int count, const std::string& value) {
    Pairs pairs;
    for (int i = 0; i < count; ++i) pairs.emplace_back(fmt::format("{:06}", i), value);
    return pairs;
  }
  // Adds one to the number stored under "n", in one transaction.
  static absl::Status Increment(Store store) {
    ASSIGN_OR_RETURN(Writer writer, store.Write());
    ASSIGN_OR_RETURN(auto old, writer.Get("n"));
    RETURN_IF_ERROR(writer.Put("n", std::to_string(old ? *ParseInt<int>(*old) + 1 : 1)));
    return writer.Commit();
  }
  std::vector<std::string> Files() {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(path_)) {
      names.push_back(entry.path().filename());
    }
    return names;
  }

  std::string root_, path_;
};

TEST_F(StoreTest, PairsComeBackInKeyOrder) {
  Store store = Open();
  Put(store, {{"b", "2"}, {"a", "1"}, {"c", ""}, {"b", "3"}});
  EXPECT_THAT(All(store), ElementsAre(Pair("a", "1"), Pair("b", "3"), Pair("c", "")));
  EXPECT_EQ(*store.Count(), 3u);
  EXPECT_EQ(store.Get("b")->value(), "3");
  EXPECT_EQ(store.Get("c")->value(), "");
  EXPECT_FALSE(store.Get("x")->has_value());
  Cursor cursor = *store.Scan();
  cursor.Seek("aa");
  EXPECT_THAT(Rest(cursor), ElementsAre(Pair("b", "3"), Pair("c", "")));
}

TEST_F(StoreTest, DeleteSaysWhetherTheKeyExisted) {
  Store store = Open();
  Put(store, {{"a", "1"}});
  Writer writer = *store.Write();
  EXPECT_TRUE(*writer.Delete("a"));
  EXPECT_FALSE(*writer.Delete("a"));
  ASSERT_TRUE(writer.Commit().ok());
  EXPECT_EQ(*store.Count(), 0u);
}

// Section 11.3: keys of 1 to 511 bytes.
TEST_F(StoreTest, KeysAreBounded) {
  Store store = Open();
  Writer writer = *store.Write();
  EXPECT_TRUE(writer.Put(std::string(511, 'k'), "v").ok());
  EXPECT_EQ(writer.Put(std::string(512, 'k'), "v").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer.Put("", "v").code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(writer.Commit().ok());
  EXPECT_TRUE(store.Get(std::string(511, 'k'))->has_value());
  EXPECT_FALSE(store.Get(std::string(512, 'k'))->has_value());
  EXPECT_EQ(store.Get("").status().code(), absl::StatusCode::kInvalidArgument);
}

// Section 11.3: first bytes, apparent size, no lock file.
TEST_F(StoreTest, TheFileHasTheLayoutOfTheSpec) {
  Put(Open(), {{"a", "1"}});
  EXPECT_THAT(Files(), ElementsAre("data.mdb"));
  std::string file = path_ + "/data.mdb";
  EXPECT_EQ(std::filesystem::file_size(file), 15'999'959'040u);
  std::string head(0x30, 0);
  std::ifstream(file, std::ios::binary).read(head.data(), head.size());
  EXPECT_EQ(HexEncode(head.substr(0x10, 8)), "dec0efbe01000000");
  EXPECT_EQ(HexEncode(head.substr(0x20, 8)), "0000acb903000000");
  EXPECT_EQ(HexEncode(head.substr(0x28, 4)), "00100000");
}

// Section 11.3 and acceptance case 9: the root database has the single key "main".
TEST_F(StoreTest, AnotherProgramReadsTheFileThroughLmdb) {
  Put(Open(), {{"a", "1"}, {"b", "2"}});
  MDB_env* env = nullptr;
  MDB_txn* txn = nullptr;
  MDB_dbi root = 0, main = 0;
  MDB_cursor* cursor = nullptr;
  MDB_val key, value;
  ASSERT_EQ(mdb_env_create(&env), 0);
  ASSERT_EQ(mdb_env_set_maxdbs(env, 128), 0);
  ASSERT_EQ(mdb_env_open(env, path_.c_str(), MDB_RDONLY | MDB_NOLOCK, 0644), 0);
  ASSERT_EQ(mdb_txn_begin(env, nullptr, MDB_RDONLY, &txn), 0);
  ASSERT_EQ(mdb_dbi_open(txn, nullptr, 0, &root), 0);
  ASSERT_EQ(mdb_dbi_open(txn, "main", 0, &main), 0);
  ASSERT_EQ(mdb_cursor_open(txn, root, &cursor), 0);
  ASSERT_EQ(mdb_cursor_get(cursor, &key, &value, MDB_FIRST), 0);
  EXPECT_EQ(std::string(static_cast<char*>(key.mv_data), key.mv_size), "main");
  EXPECT_EQ(mdb_cursor_get(cursor, &key, &value, MDB_NEXT), MDB_NOTFOUND);
  MDB_stat statistics;
  ASSERT_EQ(mdb_stat(txn, main, &statistics), 0);
  EXPECT_EQ(statistics.ms_entries, 2u);
  EXPECT_EQ(statistics.ms_depth, 1u);
  mdb_cursor_close(cursor);
  mdb_txn_abort(txn);
  mdb_env_close(env);
}

TEST_F(StoreTest, CountingANewPartitionMakesItsFile) {
  EXPECT_EQ(*Open().Count(), 0u);
  EXPECT_THAT(Files(), ElementsAre("data.mdb"));
}

TEST_F(StoreTest, AWriterThatDoesNotCommitLeavesNothing) {
  Store store = Open();
  { ASSERT_TRUE(store.Write()->Put("a", "1").ok()); }
  EXPECT_THAT(Files(), IsEmpty());
  EXPECT_THAT(All(store), IsEmpty());
  Put(store, {{"a", "1"}});
  { ASSERT_TRUE(store.Write()->Put("b", "2").ok()); }
  EXPECT_THAT(All(store), SizeIs(1));
}

TEST_F(StoreTest, ReadersOfAPartitionThatIsBeingWrittenSeeItAsItWas) {
  Store store = Open();
  Writer writer = *store.Write();
  ASSERT_TRUE(writer.Put("a", "1").ok());
  EXPECT_EQ(*store.Count(), 0u);
  EXPECT_THAT(All(store), IsEmpty());
  EXPECT_FALSE(store.Get("a")->has_value());
  ASSERT_TRUE(writer.Commit().ok());
  EXPECT_EQ(*store.Count(), 1u);
}

// Without LMDB's reader table the third commit after a snapshot may overwrite its pages.
TEST_F(StoreTest, ALongReaderKeepsItsSnapshotThroughManyWrites) {
  Store store = Open();
  const Pairs before = Numbered(2000, std::string(100, 'a'));
  Put(store, before);
  Cursor reader = *store.Scan();
  for (char value = 'b'; value < 'n'; ++value) Put(store, Numbered(2000, std::string(100, value)));
  EXPECT_EQ(Rest(reader), before);
  EXPECT_EQ(All(store), Numbered(2000, std::string(100, 'm')));
  EXPECT_THAT(Files(), ElementsAre("data.mdb"));
}

TEST_F(StoreTest, ATaskMayReadAndRewriteTheSamePartition) {
  Store store = Open();
  Put(store, Numbered(500, "a"));
  Cursor reader = *store.Scan();
  Writer writer = *store.Write();
  while (reader.Next()) ASSERT_TRUE(writer.Put(reader.key(), "b").ok());
  ASSERT_TRUE(writer.Commit().ok());
  EXPECT_EQ(All(store), Numbered(500, "b"));
}

TEST_F(StoreTest, WritersOfOnePartitionTakeTurns) {
  Store store = Open();
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 50; ++j) EXPECT_EQ(Increment(store), absl::OkStatus());
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(store.Get("n")->value(), "400");
}

TEST_F(StoreTest, WritersOfSeveralProcessesTakeTurns) {
  std::vector<pid_t> children;
  for (int i = 0; i < 3; ++i) {
    pid_t child = fork();
    if (child == 0) {
      bool ok = true;
      for (int j = 0; j < 50; ++j) ok &= Increment(Open()).ok();
      _exit(ok ? 0 : 1);
    }
    children.push_back(child);
  }
  for (pid_t child : children) {
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_EQ(status, 0);
  }
  EXPECT_EQ(Open().Get("n")->value(), "150");
}

TEST_F(StoreTest, AReaderInAnotherProcessKeepsItsSnapshot) {
  const Pairs before = Numbered(2000, std::string(100, 'a'));
  int opened[2], go[2];
  ASSERT_EQ(pipe(opened), 0);
  ASSERT_EQ(pipe(go), 0);
  pid_t child = fork();
  if (child == 0) {
    Put(Open(), before);
    Store store = Open();
    Cursor reader = *store.Scan();
    char byte = 0;
    bool ok = write(opened[1], "x", 1) == 1 && read(go[0], &byte, 1) == 1;
    _exit(ok && Rest(reader) == before ? 0 : 1);
  }
  char byte = 0;
  ASSERT_EQ(read(opened[0], &byte, 1), 1);
  Store store = Open();
  for (char value = 'b'; value < 'n'; ++value) Put(store, Numbered(2000, std::string(100, value)));
  ASSERT_EQ(write(go[1], "x", 1), 1);
  int status = 0;
  waitpid(child, &status, 0);
  EXPECT_EQ(status, 0);
  EXPECT_EQ(All(store), Numbered(2000, std::string(100, 'm')));
  for (int fd : {opened[0], opened[1], go[0], go[1]}) close(fd);
}

// A put in a killed process: what was committed stays, the rest is gone (acceptance case 47).
TEST_F(StoreTest, AKilledWriterLeavesThePartitionAsItWas) {
  for (bool exists : {false, true}) {
    if (exists) Put(Open(), {{"a", "1"}});
    int written[2];
    ASSERT_EQ(pipe(written), 0);
    pid_t child = fork();
    if (child == 0) {
      Store store = Open();
      Writer writer = *store.Write();
      for (const auto& [key, value] : Numbered(5000, "x")) (void)writer.Put(key, value);
      (void)!write(written[1], "x", 1);
      pause();
    }
    char byte = 0;
    ASSERT_EQ(read(written[0], &byte, 1), 1);
    kill(child, SIGKILL);
    waitpid(child, nullptr, 0);
    EXPECT_THAT(All(Open()), SizeIs(exists ? 1 : 0));
    Put(Open(), {{"b", "2"}});
    EXPECT_THAT(All(Open()), SizeIs(exists ? 2 : 1));
    EXPECT_THAT(Files(), ElementsAre("data.mdb"));
    std::filesystem::remove_all(path_);
    for (int fd : written) close(fd);
  }
}

TEST_F(StoreTest, AWaitingWriterGivesUpWhenCancelledOrOutOfPatience) {
  Store store = Open();
  Writer holder = *store.Write();
  std::atomic<bool> cancelled{true};
  EXPECT_EQ(store.Write(&cancelled).status().code(), absl::StatusCode::kCancelled);
  auto impatient = store.Write(nullptr, absl::Milliseconds(30)).status();
  EXPECT_EQ(impatient.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(Message(impatient), HasSubstr(path_));
}

// Acceptance case 36.
TEST_F(StoreTest, ATableThatWasRemovedAndMadeAgainIsOpenedAnew) {
  Store store = Open();
  Put(store, {{"old", "1"}});
  EXPECT_THAT(All(store), SizeIs(1));
  pid_t child = fork();
  if (child == 0) {
    bool ok = Destroy(root_, "LMDB", *StoreName::Parse("ns", "table")).ok();
    Put(Open(), {{"new", "2"}});
    _exit(ok ? 0 : 1);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_EQ(status, 0);
  EXPECT_THAT(All(store), ElementsAre(Pair("new", "2")));
}

TEST_F(StoreTest, WritingIntoARemovedTableIsAnError) {
  for (bool exists : {false, true}) {
    Store store = Open();
    if (exists) Put(store, {{"a", "1"}});
    Writer writer = *store.Write();
    ASSERT_TRUE(writer.Put("b", "2").ok());
    ASSERT_TRUE(Destroy(root_, "LMDB", *StoreName::Parse("ns", "table")).ok());
    EXPECT_FALSE(writer.Commit().ok());
  }
}

TEST_F(StoreTest, AFileThatIsNoDatabaseIsAnError) {
  std::filesystem::create_directories(path_);
  std::ofstream(path_ + "/data.mdb") << std::string(10000, 'x');
  Store store = Open();
  EXPECT_EQ(store.Count().status().code(), absl::StatusCode::kDataLoss);
  EXPECT_EQ(store.Write().status().code(), absl::StatusCode::kDataLoss);
}

// More dirty pages than LMDB keeps in its list (131,071) go through one transaction, and the
// memory of the process does not grow with them.
TEST_F(StoreTest, ALargePartitionIsOneTransactionInLittleMemory) {
  auto anonymous_kib = [] {
    std::ifstream status("/proc/self/status");
    for (std::string line; std::getline(status, line);) {
      if (line.starts_with("RssAnon:")) return std::stol(line.substr(8));
    }
    return 0L;
  };
  Store store = Open();
  long before = anonymous_kib();
  const std::string value(1500, 'v');
  const int count = 300'000;
  {
    Writer writer = *store.Write();
    for (int i = 0; i < count; ++i) ASSERT_TRUE(writer.Put(fmt::format("{:08}", i), value).ok());
    ASSERT_TRUE(writer.Commit().ok());
  }
  EXPECT_LT(anonymous_kib() - before, 32 * 1024);
  EXPECT_EQ(*store.Count(), static_cast<uint64_t>(count));
}

}  // namespace
}  // namespace fate::kv
