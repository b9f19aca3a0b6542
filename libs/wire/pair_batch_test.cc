#include "wire/pair_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::wire {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Pair;
using Pairs = std::vector<std::pair<std::string, std::string>>;

const char kHeaderHex[] = "46709394000000010000000000000000";

std::vector<std::string> Write(size_t buffer_bytes, const Pairs& pairs) {
  std::vector<std::string> batches;
  PairBatchWriter writer(buffer_bytes, [&](std::string batch) {
    batches.push_back(std::move(batch));
    return absl::OkStatus();
  });
  for (const auto& [key, value] : pairs) EXPECT_TRUE(writer.Add(key, value).ok());
  EXPECT_TRUE(writer.Finish().ok());
  return batches;
}

std::vector<size_t> Sizes(const std::vector<std::string>& batches) {
  std::vector<size_t> sizes;
  for (const auto& batch : batches) sizes.push_back(batch.size());
  return sizes;
}

absl::StatusOr<Pairs> Read(std::string_view batch) {
  ASSIGN_OR_RETURN(PairBatchReader reader, PairBatchReader::Open(batch));
  Pairs pairs;
  while (reader.Next()) pairs.emplace_back(reader.key(), reader.value());
  RETURN_IF_ERROR(reader.status());
  return pairs;
}

absl::StatusOr<Pairs> ReadHex(const std::string& hex) { return Read(*HexDecode(hex)); }

// Section 8.4, byte vectors.
TEST(PairBatchTest, WritesTheVectorsOfTheSpec) {
  auto hex = [](const Pairs& pairs) {
    return HexEncode(Write(kDefaultSendBufferBytes, pairs).at(0));
  };
  EXPECT_EQ(hex({}), kHeaderHex);
  EXPECT_EQ(hex({{"a", "1"}}), std::string(kHeaderHex) + "00000001610000000131");
  EXPECT_EQ(hex({{"k1", "v1"}, {"k2", ""}, {std::string("\0\1", 2), "\xff\xff\xff"}}),
            std::string(kHeaderHex) + "000000026b31000000027631" + "000000026b3200000000" +
                "00000002000100000003ffffff");
}

// Section 8.4, emitted sizes with a buffer of 64 bytes.
TEST(PairBatchTest, CutsBatchesLikeTheReferenceWriter) {
  Pairs six;
  for (int i = 0; i < 6; ++i) six.emplace_back("k" + std::to_string(i), std::string(10, 'v'));
  std::string hundred(100, 'v');
  EXPECT_THAT(Sizes(Write(64, six)), ElementsAre(56, 96));
  EXPECT_THAT(Sizes(Write(64, {{"k", hundred}})), ElementsAre(16, 125));
  EXPECT_THAT(Sizes(Write(64, {{"a", "b"}, {"k", hundred}, {"c", "d"}})), ElementsAre(26, 135));
  EXPECT_THAT(Sizes(Write(64, {{"k", std::string(39, 'v')}})), ElementsAre(64));
  EXPECT_THAT(Sizes(Write(64, {{"k", std::string(40, 'v')}})), ElementsAre(16, 65));
}

// Acceptance case 13.
TEST(PairBatchTest, AValueLargerThanTheBufferTravelsAloneAfterAHeader) {
  EXPECT_THAT(Sizes(Write(kDefaultSendBufferBytes, {{"k", std::string(3'000'000, 'v')}})),
              ElementsAre(16, 3'000'025));
}

TEST(PairBatchTest, EmptyInputGivesExactlyOneBatchWithoutPairs) {
  EXPECT_THAT(Sizes(Write(64, {})), ElementsAre(16));
}

TEST(PairBatchTest, RefusesAnEmptyKeyBecauseItWouldEndTheBatch) {
  PairBatchWriter writer(64, [](std::string) { return absl::OkStatus(); });
  EXPECT_EQ(writer.Add("", "v").code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(writer.Add("k", std::string(kMaxMessageBytes, 'v')).code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(PairBatchTest, AnErrorOfTheReceiverReachesTheWriter) {
  PairBatchWriter writer(64, [](std::string) { return UnavailableError("peer has left"); });
  EXPECT_EQ(writer.Add("k", std::string(100, 'v')).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(writer.Finish().code(), absl::StatusCode::kUnavailable);
}

// Sections 8.2 and 8.4, reader vectors.
TEST(PairBatchTest, ReadsTheVectorsOfTheSpec) {
  const std::string pair = "00000001610000000131";
  EXPECT_THAT(*ReadHex(kHeaderHex), IsEmpty());
  EXPECT_THAT(*ReadHex(kHeaderHex + pair + "00000000" + "deadbeef"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(*ReadHex(kHeaderHex + pair + "000000ff"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(*ReadHex(kHeaderHex + pair + "0000000161000000"), ElementsAre(Pair("a", "1")));
  EXPECT_THAT(*ReadHex("4670939400000001000000000000000a" + pair), ElementsAre(Pair("a", "1")));
}

TEST(PairBatchTest, RefusesWhatIsNoBatch) {
  auto error = [](const std::string& hex) { return Message(ReadHex(hex).status()); };
  EXPECT_THAT(error("467093"), HasSubstr("buffer overflow. remaining: 3, required: 16"));
  EXPECT_THAT(error("47709394000000010000000000000000"), HasSubstr("magic num does not match"));
  EXPECT_THAT(error("46709394000000020000000000000000"),
              HasSubstr("protocol version not suppoted"));
  EXPECT_THAT(error("46709394000000010000000000000005"
                    "00000001"),
              HasSubstr("body size does not match len of body"));
  EXPECT_THAT(error(std::string(kHeaderHex) + "80000001"
                                              "61"),
              HasSubstr("negative length"));
  EXPECT_THAT(error(std::string(kHeaderHex) + "00000001"
                                              "61"
                                              "ffffffff"),
              HasSubstr("negative length"));
}

TEST(PairBatchTest, WhatWasWrittenIsReadBack) {
  Pairs pairs;
  for (int i = 0; i < 1000; ++i) pairs.emplace_back("key" + std::to_string(i), std::string(i, 'v'));
  Pairs read;
  for (const auto& batch : Write(3000, pairs)) {
    Pairs part = *Read(batch);
    read.insert(read.end(), part.begin(), part.end());
  }
  EXPECT_EQ(read, pairs);
}

}  // namespace
}  // namespace fate::wire
