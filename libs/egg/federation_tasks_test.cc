#include <gmock/gmock.h>

#include "absl/time/clock.h"
#include "base/text.h"
#include "egg/test_egg.h"
#include "wire/federation_key.h"

namespace fate::egg::testing {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;
using Status = StatusBoard::PartitionStatus;

const char kKey[] = "__rsk#fs1#nm#tg#guest#9999#host#10000";

class FederationTasksTest : public EggTest {
 protected:
  FederationTasksTest()
      : egg_(AddEgg()),
        store_(NewStore(kKey, 1, "IN_MEMORY", "fs1")),
        tag_(wire::BrokerTag(kKey, 0)) {}

  // Section 10.6.
  static wire::RollSiteHeader Header(int64_t batch, int64_t stream, int64_t batches = -1,
                                     int64_t streams = -1) {
    wire::RollSiteHeader header;
    header.set_rollsitesessionid("fs1");
    header.set_name("nm");
    header.set_tag("tg");
    header.set_datatype("object");
    header.set_totalpartitions(1);
    header.set_batchseq(batch);
    header.set_streamseq(stream);
    header.set_totalbatches(batches);
    header.set_totalstreams(streams);
    if (batches >= 0) header.set_stage(wire::kFinishPartition);
    return header;
  }
  using Part = std::pair<wire::RollSiteHeader, Pairs>;

  std::future<Result> PutBatch() {
    meta::Task task = NewTask(NewJob("job", {store_}, {store_}), "putBatch", 0);
    task.set_id(tag_);
    return RunAsync(egg_.command(), task);
  }
  // One stream as rollsite sends it: the task and `send` at the same time.
  void Push(const std::vector<Part>& parts) {
    auto task = PutBatch();
    std::vector<transfer::TransferBatch> messages;
    for (const auto& [header, pairs] : parts) {
      messages.push_back(Message(tag_, BatchOf(pairs), 1, header.SerializeAsString()));
    }
    grpc::Status sent = Send(egg_, messages);
    EXPECT_TRUE(sent.ok()) << sent.error_message();
    EXPECT_EQ(task.get().status(), absl::OkStatus());
  }
  Result Pull(const std::string& task, const google::protobuf::Message& request) {
    return Run(egg_.command(), NewTask(NewJob("pull", {store_}, {},
                                              {NewFunctor(task, request.SerializeAsString())}),
                                       task, 0));
  }
  absl::StatusOr<wire::RollSiteHeader> PullHeader(double timeout_s) {
    transfer::RollSitePullGetHeaderRequest request;
    request.set_tag(tag_);
    request.set_timeout(timeout_s);
    ASSIGN_OR_RETURN(std::string bytes, Pull("pullGetHeader", request));
    transfer::RollSitePullGetHeaderResponse response;
    EXPECT_TRUE(response.ParseFromString(bytes));
    return response.header();
  }
  Status PullStatus(double timeout_s) {
    transfer::RollSitePullGetPartitionStatusRequest request;
    request.set_tag(std::string("putBatch-") + kKey + "-");
    request.set_timeout(timeout_s);
    Result bytes = Pull("pullGetPartitionStatus", request);
    EXPECT_EQ(bytes.status(), absl::OkStatus());
    transfer::RollSitePullGetPartitionStatusResponse response;
    EXPECT_TRUE(bytes.ok() && response.ParseFromString(*bytes));
    return response.status();
  }

  TestEgg& egg_;
  meta::Store store_;
  const std::string tag_;
};

// Acceptance case 37.
TEST_F(FederationTasksTest, TwoStreamsMakeAFinishedPartition) {
  Push({{Header(1, 1), {{"b", "1"}}}, {Header(2, 1), {{"a", "2"}}}});
  auto header = PullHeader(5);
  ASSERT_TRUE(header.ok()) << header.status();
  EXPECT_EQ(header->batchseq(), 1);
  Status status = PullStatus(0);
  EXPECT_FALSE(status.is_finished());
  EXPECT_EQ(status.total_batches(), -1);
  EXPECT_EQ(status.total_pairs(), 2);

  Push({{Header(3, 2, 3, 2), {{"c", "3"}}}});
  status = PullStatus(5);
  EXPECT_TRUE(status.is_finished());
  EXPECT_EQ(status.total_batches(), 3);
  EXPECT_EQ(status.total_streams(), 2);
  EXPECT_EQ(status.total_pairs(), 3);
  EXPECT_EQ(status.data_type(), "object");
  EXPECT_EQ(status.stream_seq_to_pair_counter_size(), 2);
  EXPECT_THAT(Stored(store_), ElementsAre(Pair("a", "2"), Pair("b", "1"), Pair("c", "3")));
}

// Acceptance case 38.
TEST_F(FederationTasksTest, TheFinishMarkerMayComeFirst) {
  Push({{Header(2, 2, 2, 2), {{"b", "2"}}}});
  EXPECT_FALSE(PullStatus(0).is_finished());
  Push({{Header(1, 1), {{"a", "1"}}}});
  EXPECT_TRUE(PullStatus(5).is_finished());
}

// A sender that is not sure repeats a stream with the same batchSeq (spec/rollsite.md 4.2).
TEST_F(FederationTasksTest, ARepeatedStreamCountsOnce) {
  for (int i = 0; i < 2; ++i) {
    Push({{Header(1, 1), {{"a", "1"}}}, {Header(2, 1, 2, 1), {{"b", "2"}}}});
    Status status = PullStatus(5);
    EXPECT_TRUE(status.is_finished());
    EXPECT_EQ(status.total_pairs(), 2);
    ASSERT_EQ(status.stream_seq_to_pair_counter_size(), 1);
    EXPECT_EQ(status.stream_seq_to_pair_counter(0).value(), 2);
  }
}

// Acceptance case 39.
TEST_F(FederationTasksTest, AHeaderIsAwaitedUpToTheTimeout) {
  absl::Time start = absl::Now();
  EXPECT_FALSE(PullHeader(0.5).ok());
  EXPECT_GE(absl::Now() - start, absl::Seconds(0.4));
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));

  auto waiting = std::async(std::launch::async, [&] { return PullHeader(60); });
  start = absl::Now();
  Push({{Header(1, 1), {{"a", "1"}}}});
  EXPECT_TRUE(waiting.get().ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(10));
}

// The header is there with the first batch, long before the stream ends.
TEST_F(FederationTasksTest, TheFirstBatchReleasesTheHeader) {
  auto task = PutBatch();
  grpc::ClientContext context;
  transfer::TransferBatch answer;
  auto stub = egg_.stub();
  auto stream = stub->send(&context, &answer);
  stream->Write(Message(tag_, BatchOf({{"a", "1"}}), 1, Header(1, 1).SerializeAsString()));
  EXPECT_TRUE(PullHeader(20).ok());
  EXPECT_EQ(PullStatus(0).total_pairs(), 0) << "pairs count when they can be read";
  stream->WritesDone();
  EXPECT_TRUE(stream->Finish().ok());
  EXPECT_EQ(task.get().status(), absl::OkStatus());
  EXPECT_EQ(PullStatus(0).total_pairs(), 1);
}

// Acceptance case 40, and the untouched record of section 21.
TEST_F(FederationTasksTest, ClearingForgetsTheRecord) {
  Push({{Header(1, 1, 1, 1), {{"a", "1"}}}});
  EXPECT_TRUE(PullStatus(5).is_finished());
  transfer::RollSitePullClearStatusRequest request;
  request.set_tag(std::string("putBatch-") + kKey + "-");
  Result cleared = Pull("pullClearStatus", request);
  ASSERT_EQ(cleared.status(), absl::OkStatus());
  EXPECT_EQ(*cleared, "");
  Status status = PullStatus(0);
  EXPECT_EQ(status.total_batches(), -1);
  EXPECT_EQ(status.total_streams(), -1);
  EXPECT_EQ(status.total_pairs(), 0);
  status.set_tag("t");
  EXPECT_EQ(HexEncode(status.SerializeAsString()),
            "0a0174"
            "18ffffffffffffffffff01"
            "28ffffffffffffffffff01");
}

// Acceptance case 41: after a stream without end the tag can be used again.
TEST_F(FederationTasksTest, AStreamThatBreaksLeavesNothingAndMayBeRepeated) {
  auto task = PutBatch();
  {
    grpc::ClientContext context;
    transfer::TransferBatch answer;
    auto stub = egg_.stub();
    auto stream = stub->send(&context, &answer);
    stream->Write(Message(tag_, BatchOf({{"x", "1"}}), 1, Header(1, 1).SerializeAsString()));
    EXPECT_TRUE(PullHeader(20).ok());
    context.TryCancel();
    stream->Finish();
  }
  EXPECT_EQ(task.get().status().code(), absl::StatusCode::kUnknown);
  EXPECT_EQ(PullStatus(0).total_pairs(), 0);
  Push({{Header(1, 1, 1, 1), {{"a", "1"}}}});
  EXPECT_TRUE(PullStatus(5).is_finished());
  EXPECT_THAT(Stored(store_), ElementsAre(Pair("a", "1")));
}

TEST_F(FederationTasksTest, ABatchMayBeEmptyButNotWithoutHeader) {
  auto task = PutBatch();
  EXPECT_TRUE(Send(egg_, {Message(tag_, "", 1, Header(1, 1, 1, 1).SerializeAsString())}).ok());
  EXPECT_EQ(task.get().status(), absl::OkStatus());
  EXPECT_TRUE(PullStatus(5).is_finished());
  task = PutBatch();
  Send(egg_, {Message(tag_, "", 1, "\xff")});
  EXPECT_THAT(fate::Message(task.get().status()), HasSubstr("RollSiteHeader"));
}

// Acceptance case 45: a wait holds no thread.
TEST_F(FederationTasksTest, AThousandWaitsDoNotHoldUpAPut) {
  transfer::RollSitePullGetPartitionStatusRequest request;
  request.set_tag(std::string("putBatch-") + kKey + "-");
  request.set_timeout(60);
  std::string task =
      NewTask(NewJob("pull", {store_}, {},
                     {NewFunctor("pullGetPartitionStatus", request.SerializeAsString())}),
              "pullGetPartitionStatus", 0)
          .SerializeAsString();
  std::atomic<int> answered{0};
  rpc::CommandClient client;
  for (int i = 0; i < 1000; ++i) {
    client.CallAsync(egg_.command(), kRunTask, task, kPatience,
                     [&answered](Result result) { answered += result.ok(); });
  }
  pb::PutRequest put;
  put.set_key("k");
  absl::Time start = absl::Now();
  EXPECT_EQ(Pull("put", put).status(), absl::OkStatus());
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
  EXPECT_LE(egg_.executor().running_tasks(), 1) << "the put may be about to end";
  EXPECT_EQ(answered, 0);
  Push({{Header(1, 1, 1, 1), {{"a", "1"}}}});
  absl::Time deadline = absl::Now() + kPatience;
  while (answered < 1000 && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(answered, 1000);
}

TEST_F(FederationTasksTest, AWaitEndsWhenItsClientLeaves) {
  transfer::RollSitePullGetHeaderRequest request;
  request.set_tag(tag_);
  request.set_timeout(1e9);
  meta::Task task = NewTask(
      NewJob("pull", {store_}, {}, {NewFunctor("pullGetHeader", request.SerializeAsString())}),
      "pullGetHeader", 0);
  EXPECT_EQ(Run(egg_.command(), task, absl::Milliseconds(100)).status().code(),
            absl::StatusCode::kDeadlineExceeded);
  eggs_.clear();  // would hang on a call that is still open
}

}  // namespace
}  // namespace fate::egg::testing
