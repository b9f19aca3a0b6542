#include "federation/push.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/status.h"
#include "base/text.h"
#include "support/fake_rollsite.h"
#include "wire/pair_batch.h"

namespace fate::federation {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using RollSiteHeader = PartitionPush::RollSiteHeader;
using testing::FakeRollsite;

RollSiteHeader ObjectHeader() {
  RollSiteHeader header;
  header.set_rollsitesessionid("s1");
  header.set_name("n1");
  header.set_tag("t1");
  header.set_srcrole("guest");
  header.set_srcpartyid("9999");
  header.set_dstrole("host");
  header.set_dstpartyid("10000");
  header.set_datatype("object");
  header.set_totalpartitions(1);
  return header;
}

RollSiteHeader HeaderOf(const FakeRollsite::Packet& packet) {
  RollSiteHeader header;
  EXPECT_TRUE(header.ParseFromString(packet.header().ext()));
  return header;
}

constexpr char kRollSiteHeader[] =
    "0a02733112026e311a027431220567756573742a04393939393204686f73743a05313030303042066f626a65637478"
    "01"
    "880101900101a00101a80101f2011066696e6973685f706172746974696f6e";

// rollsite.md 14
TEST(PushObject, HelloIsTheSpecifiedPacketByteForByte) {
  FakeRollsite rollsite;
  ASSERT_EQ(PushObject({.rollsite = rollsite.address()}, ObjectHeader(), "hello"),
            absl::OkStatus());
  ASSERT_EQ(rollsite.streams().size(), 1u);
  ASSERT_EQ(rollsite.streams()[0].size(), 1u);
  const std::string expected =
      std::string("0a79120d1204393939391a0567756573741a0d120531303030301a04686f737430014a4f") +
      kRollSiteHeader + "a20605332e322e30" + "12231221" +
      "4670939400000001000000000000000000000004000000000000000568656c6c6f";
  EXPECT_EQ(HexEncode(rollsite.streams()[0][0].SerializeAsString()), expected);
}

struct Slicing {
  size_t object_bytes;
  int pairs;
  std::vector<size_t> batch_sizes;
  std::vector<size_t> packets_per_stream;
};

std::vector<size_t> LargeObjectSizes() {
  std::vector<size_t> sizes{16};
  sizes.insert(sizes.end(), 9, 100028);
  sizes.push_back(100040);
  return sizes;
}

// rollsite.md 14, "Object slicing by the 3.2.0 client"
TEST(PushObject, SlicesAsTheTableOfTheSpecification) {
  const std::vector<Slicing> table = {
      {0, 1, {28}, {1}},
      {5, 1, {33}, {1}},
      {99972, 1, {100000}, {1}},
      {99973, 1, {16, 100001}, {2}},
      {100000, 2, {16, 100040}, {2}},
      {200000, 3, {16, 100028, 100040}, {3}},
      {250000, 3, {16, 100028, 100028, 50028}, {4}},
      {1000000, 11, LargeObjectSizes(), {10, 1}},
  };
  for (const Slicing& row : table) {
    SCOPED_TRACE(row.object_bytes);
    FakeRollsite rollsite;
    std::string object(row.object_bytes, 'x');
    for (size_t i = 0; i < object.size(); ++i) object[i] = static_cast<char>(i * 31);
    ASSERT_EQ(PushObject({.rollsite = rollsite.address()}, ObjectHeader(), object),
              absl::OkStatus());
    std::vector<size_t> sizes, packets;
    std::string joined;
    int pairs = 0;
    for (const auto& stream : rollsite.streams()) {
      packets.push_back(stream.size());
      for (const auto& packet : stream) {
        sizes.push_back(packet.body().value().size());
        auto reader = wire::PairBatchReader::Open(packet.body().value());
        ASSERT_TRUE(reader.ok()) << reader.status();
        for (; reader->Next(); ++pairs) joined.append(reader->value());
      }
    }
    EXPECT_EQ(sizes, row.batch_sizes);
    EXPECT_EQ(packets, row.packets_per_stream);
    EXPECT_EQ(pairs, row.pairs);
    EXPECT_EQ(joined, object);
  }
}

TEST(PushObject, ThreeMegabytesAreFourCallsOf31Packets) {
  FakeRollsite rollsite;
  ASSERT_EQ(
      PushObject({.rollsite = rollsite.address()}, ObjectHeader(), std::string(3'000'000, 'x')),
      absl::OkStatus());
  std::vector<size_t> packets;
  for (const auto& stream : rollsite.streams()) packets.push_back(stream.size());
  EXPECT_THAT(packets, ElementsAre(10, 10, 10, 1));
}

// rollsite.md 15, case 25 and 14 "RSH of a non-final packet"
TEST(PushObject, SequencesRunOnAcrossStreamsAndOnlyTheLastPacketHasTotals) {
  FakeRollsite rollsite;
  ASSERT_EQ(
      PushObject({.rollsite = rollsite.address()}, ObjectHeader(), std::string(1'000'000, 'x')),
      absl::OkStatus());
  int64_t batch_seq = 0, stream_seq = 0;
  for (const auto& stream : rollsite.streams()) {
    ++stream_seq;
    for (const auto& packet : stream) {
      RollSiteHeader header = HeaderOf(packet);
      EXPECT_EQ(header.batchseq(), ++batch_seq);
      EXPECT_EQ(packet.header().seq(), batch_seq);
      EXPECT_EQ(header.streamseq(), stream_seq);
      const bool last = batch_seq == 11;
      EXPECT_EQ(header.totalbatches(), last ? 11 : -1);
      EXPECT_EQ(header.totalstreams(), last ? 2 : -1);
      EXPECT_EQ(header.stage(), last ? "finish_partition" : "");
    }
  }
  EXPECT_EQ(HexEncode(rollsite.streams()[0][0].header().ext()),
            "0a02733112026e311a027431220567756573742a04393939393204686f73743a0531303030304206"
            "6f626a65637478018801ffffffffffffffffff019001ffffffffffffffffff01a00101a80101");
}

TEST(PartitionPush, AnEmptyPartitionIsOnePacketWithoutPairs) {
  FakeRollsite rollsite;
  PartitionPush push({.rollsite = rollsite.address()}, ObjectHeader());
  ASSERT_EQ(push.Finish(), absl::OkStatus());
  ASSERT_EQ(rollsite.streams().size(), 1u);
  ASSERT_EQ(rollsite.streams()[0].size(), 1u);
  EXPECT_EQ(HexEncode(rollsite.streams()[0][0].body().value()), "46709394000000010000000000000000");
  EXPECT_EQ(HeaderOf(rollsite.streams()[0][0]).totalbatches(), 1);
}

TEST(PartitionPush, AStreamEndsEarlierWhenItHoldsEnough) {
  FakeRollsite rollsite;
  PartitionPush push({.rollsite = rollsite.address(), .batch_bytes = 1000, .stream_bytes = 2500},
                     ObjectHeader());
  for (int i = 0; i < 9; ++i) {
    ASSERT_EQ(push.Add(std::to_string(i), std::string(900, 'v')), absl::OkStatus());
  }
  ASSERT_EQ(push.Finish(), absl::OkStatus());
  for (const auto& stream : rollsite.streams()) EXPECT_LE(stream.size(), 3u);
  EXPECT_GT(rollsite.streams().size(), 2u);
}

TEST(PartitionPush, AnUnavailableHopIsTriedAgainWithTheSameNumbers) {
  FakeRollsite rollsite;
  rollsite.FailNext({UnavailableError("peer away"), UnavailableError("peer away")});
  ASSERT_EQ(PushObject({.rollsite = rollsite.address()}, ObjectHeader(), "hello"),
            absl::OkStatus());
  EXPECT_EQ(rollsite.calls(), 3);
  EXPECT_EQ(HexEncode(rollsite.streams().at(0).at(0).header().ext()), kRollSiteHeader);
}

// What a rollsite answers whose cluster manager does not know the session.
const absl::Status kNotStarted =
    UnavailableError("eggroll session s1_host_10000 invalid status : unknown; push again once ...");

TEST(PartitionPush, APeerThatHasNotStartedIsWaitedForLongerThanADeadHop) {
  FakeRollsite rollsite;
  rollsite.FailNext({kNotStarted, kNotStarted, kNotStarted});
  PushOptions options{.rollsite = rollsite.address(), .patience = absl::ZeroDuration()};
  ASSERT_EQ(PushObject(options, ObjectHeader(), "hello"), absl::OkStatus());
  EXPECT_EQ(rollsite.calls(), 4);

  rollsite.FailNext({kNotStarted, UnavailableError("peer away")});
  EXPECT_THAT(Message(PushObject(options, ObjectHeader(), "hello")), HasSubstr("peer away"));
}

TEST(PartitionPush, APeerThatNeverStartsIsNamedWithThePeersRemedy) {
  FakeRollsite rollsite;
  rollsite.FailNext({kNotStarted, kNotStarted, kNotStarted, kNotStarted});
  const absl::Status status =
      PushObject({.rollsite = rollsite.address(), .start_patience = absl::Milliseconds(30)},
                 ObjectHeader(), "hello");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("cannot push n1 tag t1 partition 0 to host_10000"));
  EXPECT_THAT(Message(status), HasSubstr("invalid status : unknown; push again once"));
  EXPECT_LE(rollsite.calls(), 3);
}

TEST(PartitionPush, AMissingRouteIsNotTriedAgain) {
  FakeRollsite rollsite;
  rollsite.FailNext({NotFoundError("no route to party 10000; add it to route_table.json")});
  absl::Status status = PushObject({.rollsite = rollsite.address()}, ObjectHeader(), "hello");
  EXPECT_EQ(status.code(), absl::StatusCode::kNotFound);
  EXPECT_EQ(rollsite.calls(), 1);
  EXPECT_THAT(Message(status), HasSubstr("cannot push n1 tag t1 partition 0 to host_10000"));
  EXPECT_THAT(Message(status), HasSubstr("add it to route_table.json"));
}

TEST(PartitionPush, AHopThatStaysAwayIsNamedWithARemedy) {
  FakeRollsite rollsite;
  rollsite.Stop();
  absl::Status status =
      PushObject({.rollsite = rollsite.address(), .patience = absl::Milliseconds(300)},
                 ObjectHeader(), "hello");
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(Message(status), HasSubstr("host_10000 through rollsite " + rollsite.address()));
  EXPECT_THAT(Message(status), HasSubstr("check that fate-rollsite runs here and at party 10000"));
}

TEST(PartitionPush, ACancelledTaskStopsTrying) {
  FakeRollsite rollsite;
  rollsite.Stop();
  std::atomic<bool> cancelled{true};
  const absl::Time start = absl::Now();
  EXPECT_FALSE(
      PushObject({.rollsite = rollsite.address(), .cancelled = &cancelled}, ObjectHeader(), "hello")
          .ok());
  EXPECT_LT(absl::Now() - start, absl::Seconds(5));
}

}  // namespace
}  // namespace fate::federation
