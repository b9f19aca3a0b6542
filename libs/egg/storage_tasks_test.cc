#include <gmock/gmock.h>

#include <fstream>

#include "base/text.h"
#include "egg/test_egg.h"

namespace fate::egg::testing {
namespace {

using ::testing::AllOf;
using ::testing::AnyOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using ::testing::SizeIs;

template <class Message>
Message Parse(const Result& result) {
  EXPECT_EQ(result.status(), absl::OkStatus());
  Message message;
  EXPECT_TRUE(result.ok() && message.ParseFromString(*result));
  return message;
}

class StorageTasksTest : public EggTest {
 protected:
  StorageTasksTest() : egg_(AddEgg()), store_(NewStore("t", 1)) {}

  Result One(const std::string& task, const meta::Store& store,
             const google::protobuf::Message* request = nullptr) {
    meta::Job job = NewJob("j" + std::to_string(++jobs_), {store});
    if (request != nullptr) *job.add_functors() = NewFunctor(task, request->SerializeAsString());
    return Run(egg_.command(), NewTask(job, task, 0));
  }
  pb::GetResponse Get(const std::string& key) {
    pb::GetRequest request;
    request.set_key(key);
    return Parse<pb::GetResponse>(One("get", store_, &request));
  }
  pb::PutResponse Put(const std::string& key, const std::string& value) {
    pb::PutRequest request;
    request.set_key(key);
    request.set_value(value);
    return Parse<pb::PutResponse>(One("put", store_, &request));
  }
  bool Delete(const std::string& key) {
    pb::DeleteRequest request;
    request.set_key(key);
    return Parse<pb::DeleteResponse>(One("delete", store_, &request)).success();
  }
  int64_t Count() { return Parse<pb::CountResponse>(One("count", store_)).value(); }

  TestEgg& egg_;
  meta::Store store_;
};

// Acceptance case 4.
TEST_F(StorageTasksTest, UnknownTasksAreErrorsAndTheEggLivesOn) {
  rpc::CommandClient client;
  EXPECT_EQ(client.Call(egg_.command(), "v1/egg-pair/runTask", "", kPatience).status().code(),
            absl::StatusCode::kUnknown);
  Result nope = One("nope", store_);
  EXPECT_EQ(nope.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(fate::Message(nope.status()), HasSubstr("no handler for task:nope"));
  Result garbage = client.Call(egg_.command(), kRunTask, "\xff\xff", kPatience);
  EXPECT_EQ(garbage.status().code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(Count(), 0);
}

// Acceptance case 5.
TEST_F(StorageTasksTest, CountOfANewTableIsOneResultWithoutBytes) {
  Result result = One("count", store_);
  ASSERT_EQ(result.status(), absl::OkStatus());
  EXPECT_EQ(*result, "");
  EXPECT_TRUE(std::filesystem::exists(root_ + "/IN_MEMORY/ns/t/0/data.mdb"));
  EXPECT_FALSE(std::filesystem::exists(root_ + "/IN_MEMORY/ns/t/0/lock.mdb"));
}

// Section 6.1 and acceptance case 6.
TEST_F(StorageTasksTest, SinglePairsAreStoredReadAndRemoved) {
  EXPECT_FALSE(Get("k1").exists());
  EXPECT_EQ(HexEncode(Put("k1", "v1").SerializeAsString()), "0a026b31120276311801");
  EXPECT_EQ(HexEncode(Get("k1").SerializeAsString()), "0a026b31120276311801");
  EXPECT_TRUE(Put("k2", "").success());
  EXPECT_TRUE(Get("k2").exists()) << "an empty value is a hit";
  EXPECT_EQ(Count(), 2);
  EXPECT_TRUE(Delete("k1"));
  EXPECT_FALSE(Delete("k1"));
  EXPECT_FALSE(Get("k1").exists());
}

// Section 6.1 and acceptance case 7.
TEST_F(StorageTasksTest, KeysOfIllegalLengthAreRefusedAsUpstreamDoes) {
  EXPECT_TRUE(Put(std::string(511, 'k'), "v").success());
  EXPECT_FALSE(Put(std::string(512, 'k'), "v").success());
  EXPECT_FALSE(Put("", "v").success());
  EXPECT_FALSE(Get(std::string(512, 'k')).exists());
  EXPECT_FALSE(Delete(std::string(512, 'k')));
  pb::GetRequest empty;
  EXPECT_EQ(One("get", store_, &empty).status().code(), absl::StatusCode::kUnknown);
}

// Acceptance case 8.
TEST_F(StorageTasksTest, PutAllAndGetAllKeepPartitionsAndOrder) {
  meta::Store store = NewStore("ten", 4);
  Pairs pairs;
  for (int i = 0; i < 10; ++i) pairs["k" + std::to_string(i)] = "v" + std::to_string(i);
  PutAll(store, pairs);
  const std::vector<std::vector<std::string>> expected = {
      {"k2", "k5", "k8"}, {"k3", "k4", "k6", "k9"}, {"k0", "k1", "k7"}, {}};
  pb::GetAllRequest all;
  all.set_limit(-1);
  meta::Job job = NewJob("get", {store}, {}, {NewFunctor("getAll", all.SerializeAsString())});
  ExpectOk(RunJob(job, "getAll"));
  for (int i = 0; i < 4; ++i) {
    auto received = Receive(egg_, fmt::format("get/task/{}", i));
    ASSERT_TRUE(received.ok()) << received.status();
    std::vector<std::string> keys;
    for (const auto& [key, value] : *received) keys.push_back(key);
    EXPECT_EQ(keys, expected[i]) << "partition " << i;
  }
  EXPECT_EQ(egg_.executor().open_tags(), 0u);
}

// Acceptance case 11.
TEST_F(StorageTasksTest, AnEmptyPartitionIsOneBatchOfSixteenBytes) {
  PutAll(store_, {});
  EXPECT_EQ(Count(), 0);
  pb::GetAllRequest all;
  all.set_limit(-1);
  meta::Job job = NewJob("get", {store_}, {}, {NewFunctor("getAll", all.SerializeAsString())});
  ExpectOk(RunJob(job, "getAll"));
  std::vector<size_t> sizes;
  EXPECT_THAT(*Receive(egg_, "get/task/0", &sizes), IsEmpty());
  EXPECT_THAT(sizes, ElementsAre(16));
}

// Acceptance case 12: a failed putAll is rolled back.
TEST_F(StorageTasksTest, AnIllegalKeyFailsPutAllAndLeavesTheTableAsItWas) {
  PutAll(store_, {{"a", "1"}});
  meta::Job job = NewJob("bad", {store_}, {store_});
  auto task = RunAsync(egg_.command(), NewTask(job, "putAll", 0));
  grpc::Status sent = Send(egg_, {Message("bad/task/0", BatchOf({{"b", "2"}})),
                                  Message("bad/task/0", BatchOf({{std::string(512, 'k'), "x"}}))});
  Result result = task.get();
  EXPECT_EQ(result.status().code(), absl::StatusCode::kUnknown);
  EXPECT_THAT(fate::Message(result.status()), HasSubstr("512"));
  EXPECT_THAT(Stored(store_), ElementsAre(Pair("a", "1")));
}

// Acceptance case 13.
TEST_F(StorageTasksTest, AValueOfThreeMillionBytesSurvivesTheRoundTrip) {
  std::string value(3'000'000, 'v');
  PutAll(store_, {{"k", value}});
  pb::GetAllRequest all;
  all.set_limit(-1);
  meta::Job job = NewJob("get", {store_}, {}, {NewFunctor("getAll", all.SerializeAsString())});
  ExpectOk(RunJob(job, "getAll"));
  std::vector<size_t> sizes;
  EXPECT_THAT(*Receive(egg_, "get/task/0", &sizes), ElementsAre(Pair("k", value)));
  EXPECT_THAT(sizes, ElementsAre(16, 3'000'025));
}

// Acceptance case 14, and section 6.3: 0 acts like 1.
TEST_F(StorageTasksTest, GetAllStopsAtItsLimit) {
  PutAll(store_, {{"a", "1"}, {"b", "2"}, {"c", "3"}});
  for (auto [limit, expected] : {std::pair{2, 2u}, {0, 1u}, {9, 3u}}) {
    pb::GetAllRequest request;
    request.set_limit(limit);
    std::string id = "get" + std::to_string(limit);
    ExpectOk(RunJob(NewJob(id, {store_}, {}, {NewFunctor("getAll", request.SerializeAsString())}),
                    "getAll"));
    EXPECT_THAT(*Receive(egg_, id + "/task/0"), SizeIs(expected));
  }
}

// Acceptance case 31.
TEST_F(StorageTasksTest, ParallelPutAllsToOnePartitionAllSucceed) {
  std::vector<std::future<void>> running;
  for (int i = 0; i < 3; ++i) {
    running.push_back(std::async(std::launch::async, [&, i] {
      meta::Job job = NewJob("parallel" + std::to_string(i), {store_}, {store_});
      auto task = RunAsync(egg_.command(), NewTask(job, "putAll", 0));
      Pairs pairs;
      for (int j = 0; j < 1000; ++j) pairs[fmt::format("{}-{:04}", i, j)] = "v";
      grpc::Status sent = Send(egg_, {Message(job.id() + "/task/0", BatchOf(pairs))});
      EXPECT_TRUE(sent.ok()) << sent.error_message();
      EXPECT_EQ(task.get().status(), absl::OkStatus());
    }));
  }
  for (auto& one : running) one.get();
  EXPECT_EQ(Count(), 3000);
}

// Acceptance case 32.
TEST_F(StorageTasksTest, DestroyRemovesTheTableAndMayBeRepeated) {
  Put("a", "1");
  EXPECT_EQ(One("destroy", store_).status(), absl::OkStatus());
  EXPECT_FALSE(std::filesystem::exists(root_ + "/IN_MEMORY/ns/t"));
  EXPECT_EQ(One("destroy", store_).status(), absl::OkStatus());
  EXPECT_EQ(Count(), 0);
}

// Acceptance case 34, and what else may come in a locator.
TEST_F(StorageTasksTest, NamesThatLeadOutOfTheDataDirectoryAreRefused) {
  std::filesystem::create_directories(root_ + ".victim/x/0");
  for (auto [type, ns, name] : {std::tuple{"IN_MEMORY", "../" + root_.substr(5) + ".victim", "x"},
                                {"IN_MEMORY", "..", "x"},
                                {"..", "tmp", "*"},
                                {"IN_MEMORY", "ns", ".."},
                                {"IN_MEMORY", "", "x"}}) {
    for (const char* task : {"destroy", "count", "put", "getAll"}) {
      meta::Store store = NewStore(name, 1, type, ns);
      pb::PutRequest request;
      request.set_key("k");
      EXPECT_EQ(One(task, store, &request).status().code(), absl::StatusCode::kUnknown)
          << task << " " << type << " " << ns << " " << name;
    }
  }
  EXPECT_TRUE(std::filesystem::exists(root_ + ".victim/x/0"));
  std::filesystem::remove_all(root_ + ".victim");
}

TEST_F(StorageTasksTest, WrongStoresAndPartitionsAreErrors) {
  EXPECT_THAT(fate::Message(One("count", NewStore("t", 1, "LEVEL_DB")).status()),
              HasSubstr("store type 'LEVEL_DB'"));
  EXPECT_EQ(One("count", NewStore("*", 1)).status().code(), absl::StatusCode::kUnknown);
  for (int id : {-1, 4096}) {
    meta::Store store = NewStore("t", 1);
    store.mutable_partitions(0)->set_id(id);
    EXPECT_EQ(One("count", store).status().code(), absl::StatusCode::kUnknown) << id;
  }
  EXPECT_THAT(fate::Message(One("get", store_).status()), HasSubstr("functors"));
  EXPECT_THAT(fate::Message(Run(egg_.command(), NewTask(NewJob("j", {}), "count", 0)).status()),
              HasSubstr("input partitions"));
}

// Acceptance case 20: whatever comes as a batch ends as pairs or as an error.
TEST_F(StorageTasksTest, MalformedBatchesFailTheTaskWithTheTextOfTheSpec) {
  const std::string header = *HexDecode("46709394000000010000000000000000");
  const std::string pair = *HexDecode("00000001610000000131");
  struct Case {
    std::string data, error;  // empty error: the pair (a,1) is stored
  };
  int number = 0;
  for (const Case& c : {Case{header + pair + *HexDecode("00000000deadbeef"), ""},
                        Case{header + pair + *HexDecode("000000ff"), ""},
                        Case{header.substr(0, 15), "buffer overflow"},
                        Case{"X" + header.substr(1), "magic num does not match"},
                        Case{header + *HexDecode("ffffffff61"), "negative length"}}) {
    meta::Store store = NewStore("batch" + std::to_string(++number), 1);
    meta::Job job = NewJob("batch" + std::to_string(number), {store}, {store});
    auto task = RunAsync(egg_.command(), NewTask(job, "putAll", 0));
    Send(egg_, {Message(job.id() + "/task/0", c.data)});
    Result result = task.get();
    EXPECT_EQ(result.ok(), c.error.empty()) << number;
    EXPECT_THAT(fate::Message(result.status()), HasSubstr(c.error));
    EXPECT_EQ(Stored(store).size(), c.error.empty() ? 1u : 0u);
  }
}

}  // namespace
}  // namespace fate::egg::testing
