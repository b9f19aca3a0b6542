#include <gmock/gmock.h>

#include <fstream>

#include "absl/time/clock.h"
#include "base/text.h"
#include "egg/test_egg.h"

namespace fate::egg::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

class TransferTest : public EggTest {
 protected:
  TransferTest() : egg_(AddEgg()), store_(NewStore("t", 1)) {}

  std::future<Result> PutAllTask(const std::string& id) {
    return RunAsync(egg_.command(), NewTask(NewJob(id, {store_}, {store_}), "putAll", 0));
  }
  void AwaitTags(size_t count) {
    absl::Time deadline = absl::Now() + kPatience;
    while (egg_.executor().open_tags() < count && absl::Now() < deadline) std::this_thread::yield();
  }

  TestEgg& egg_;
  meta::Store store_;
};

// Acceptance case 16, and 18: the response of section 21.
TEST_F(TransferTest, AStreamThatComesBeforeItsTaskWaitsForIt) {
  transfer::TransferBatch response;
  auto sent = std::async(std::launch::async, [&] {
    return Send(egg_, {Message("PA/task/0", BatchOf({{"a", "1"}}), 7, "EXT")}, &response);
  });
  EXPECT_EQ(sent.wait_for(std::chrono::milliseconds(200)), std::future_status::timeout);
  EXPECT_EQ(PutAllTask("PA").get().status(), absl::OkStatus());
  EXPECT_TRUE(sent.get().ok());
  EXPECT_EQ(HexEncode(response.SerializeAsString()),
            "0a12"
            "0807"
            "1209" +
                HexEncode("PA/task/0") + "2a03455854");
  EXPECT_THAT(Stored(store_), ElementsAre(Pair("a", "1")));
}

// Acceptance case 17: the wait ends with the client, at the latest after 120 s.
TEST_F(TransferTest, AStreamForAnUnknownTagEndsWithItsClient) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(200));
  transfer::TransferBatch answer;
  auto stub = egg_.stub();
  auto stream = stub->send(&context, &answer);
  stream->Write(Message("nobody/task/0", BatchOf({{"a", "1"}})));
  stream->WritesDone();
  EXPECT_EQ(stream->Finish().error_code(), grpc::StatusCode::DEADLINE_EXCEEDED);
  EXPECT_FALSE(std::filesystem::exists(root_ + "/IN_MEMORY"));
}

// Acceptance case 19.
TEST_F(TransferTest, AnEmptyStreamIsAnError) {
  grpc::Status status = Send(egg_, {});
  EXPECT_EQ(status.error_code(), grpc::StatusCode::UNKNOWN);
  EXPECT_THAT(status.error_message(), HasSubstr("empty request_iterator"));
}

// Section 7.2: upstream stores what came and reports success.
TEST_F(TransferTest, AStreamThatBreaksInTheMiddleFailsTheTask) {
  // Together larger than any flow-control window: once all are written, the first ones are there.
  const std::string large(3'000'000, 'v');
  for (int i = 0; i < 20; ++i) {
    std::string id = "broken" + std::to_string(i);
    auto task = PutAllTask(id);
    AwaitTags(i + 1);  // those of failed tasks stay for late writers
    {
      grpc::ClientContext context;
      transfer::TransferBatch answer;
      auto stub = egg_.stub();
      auto stream = stub->send(&context, &answer);
      for (int key = 0; key < 12; ++key) {
        stream->Write(Message(id + "/task/0", BatchOf({{std::to_string(key), large}})));
      }
      context.TryCancel();
      stream->Finish();
    }
    EXPECT_THAT(fate::Message(task.get().status()), HasSubstr("left in the middle")) << i;
  }
  EXPECT_TRUE(Stored(store_).empty());
}

TEST_F(TransferTest, AStreamThatBreaksBeforeItsFirstMessageFailsTheTaskItAnnounced) {
  WaitingRoom room;
  BrokerRegistry registry(&room);
  registry.FailWaiting("tag", UnavailableError("gone"));  // nobody waits
  auto broker = registry.Create("tag", 2);
  ASSERT_TRUE(broker.ok());
  registry.FailWaiting("tag", UnavailableError("gone"));
  EXPECT_EQ((*broker)->Take(std::atomic<bool>(false), absl::Seconds(1)).status().code(),
            absl::StatusCode::kUnavailable);
}

TEST_F(TransferTest, AWriterOfAFailedTaskHearsWhy) {
  meta::Store wrong = NewStore("t", 1, "LEVEL_DB");
  auto task = RunAsync(egg_.command(), NewTask(NewJob("f", {wrong}, {wrong}), "putAll", 0));
  EXPECT_FALSE(task.get().ok());
  grpc::Status late = Send(egg_, {Message("f/task/0", BatchOf({{"a", "1"}}))});
  EXPECT_THAT(late.error_message(), HasSubstr("LEVEL_DB"));
}

// The receiving task is held up; the sender must stop after some megabytes, not fill memory.
TEST_F(TransferTest, ASenderIsSlowedDownToTheSpeedOfTheStore) {
  auto holder =
      std::make_unique<kv::Writer>(*kv::Store::Open(root_ + "/IN_MEMORY/ns/t/0")->Write());
  auto task = PutAllTask("slow");
  std::atomic<int> written{0};
  auto sent = std::async(std::launch::async, [&] {
    grpc::ClientContext context;
    transfer::TransferBatch answer;
    auto stub = egg_.stub();
    auto stream = stub->send(&context, &answer);
    for (int i = 0; i < 400; ++i, ++written) {
      if (!stream->Write(
              Message("slow/task/0", BatchOf({{std::to_string(i), std::string(200'000, 'v')}})))) {
        break;
      }
    }
    stream->WritesDone();
    return stream->Finish();
  });
  int before = -1;
  while (before != written) {  // until the stream stands still
    before = written;
    EXPECT_EQ(sent.wait_for(std::chrono::milliseconds(300)), std::future_status::timeout);
  }
  EXPECT_LT(before, 300) << "of 400 batches of 200 kB";
  holder.reset();
  EXPECT_TRUE(sent.get().ok());
  EXPECT_EQ(task.get().status(), absl::OkStatus());
  EXPECT_EQ(Stored(store_).size(), 400u);
}

// Acceptance case 15.
TEST_F(TransferTest, TablesThatNobodyFetchesDoNotFillTheRegistry) {
  WaitingRoom room;
  BrokerRegistry registry(&room);
  absl::Status status;
  for (size_t i = 0; i <= BrokerRegistry::kMaxTags && status.ok(); ++i) {
    status = registry.Offer("tag" + std::to_string(i), {});
  }
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(registry.size(), BrokerRegistry::kMaxTags);
}

TEST_F(TransferTest, ReceivingFromABrokenPartitionIsAnErrorNotAnEnd) {
  std::filesystem::create_directories(root_ + "/IN_MEMORY/ns/t/0");
  std::ofstream(root_ + "/IN_MEMORY/ns/t/0/data.mdb") << std::string(10'000, 'x');
  pb::GetAllRequest all;
  all.set_limit(-1);
  meta::Job job = NewJob("g", {store_}, {}, {NewFunctor("getAll", all.SerializeAsString())});
  ExpectOk(RunJob(job, "getAll"));
  EXPECT_EQ(Receive(egg_, "g/task/0").status().code(), absl::StatusCode::kUnknown);
}

TEST_F(TransferTest, OneTaskPerTagAtATime) {
  auto first = PutAllTask("same");
  AwaitTags(1);
  Result second = PutAllTask("same").get();
  EXPECT_THAT(fate::Message(second.status()), HasSubstr("running already"));
  EXPECT_TRUE(Send(egg_, {Message("same/task/0", BatchOf({}))}).ok());
  EXPECT_EQ(first.get().status(), absl::OkStatus());
}

}  // namespace
}  // namespace fate::egg::testing
