#include "dataframe/block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>

#include "base/status.h"
#include "base/text.h"
#include "dataframe/row.h"

namespace fate::dataframe {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

Row MakeRow(int i) {
  return {
      fmt::format("sample{}", i), fmt::format("m{}", i), i % 2 * 1.0, 0.5, {i + 0.25, -i * 1e9}};
}

std::string EncodeRows(int rows, bool has_label = true, bool has_weight = true) {
  BlockBuilder builder(2, has_label, has_weight);
  for (int i = 0; i < rows; ++i) builder.Add(MakeRow(i));
  return builder.Finish();
}

TEST(Block, ReturnsTheRowsThatWereAdded) {
  std::string bytes = EncodeRows(128);
  auto block = Block::Decode(bytes);
  ASSERT_TRUE(block.ok()) << block.status();
  ASSERT_EQ(block->rows(), 128u);
  ASSERT_EQ(block->columns(), 2u);
  for (int i = 0; i < 128; ++i) EXPECT_EQ(EncodeRow(block->ToRow(i)), EncodeRow(MakeRow(i)));
}

TEST(Block, LeavesOutLabelAndWeightWhenTheFrameHasNone) {
  std::string bytes = EncodeRows(3, false, true);
  auto block = Block::Decode(bytes);
  ASSERT_TRUE(block.ok()) << block.status();
  Row row = block->ToRow(2);
  EXPECT_FALSE(row.label.has_value());
  EXPECT_EQ(row.weight, 0.5);
  EXPECT_THAT(row.values, ElementsAre(2.25, -2e9));
}

TEST(Block, StoresAMissingLabelAsNan) {
  BlockBuilder builder(0, true, false);
  builder.Add({"a", "a"});
  std::string bytes = builder.Finish();
  auto block = Block::Decode(bytes);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_TRUE(std::isnan(block->label(0)));
  EXPECT_EQ(builder.rows(), 0u);
}

TEST(Block, ColumnsLieOnCacheLinesWhereLmdbPutsLargeValues) {
  for (int rows : {1, 7, 128}) {
    std::string bytes = EncodeRows(rows);
    alignas(64) char page[32768] = {};
    ASSERT_LT(bytes.size() + 16, sizeof page);
    std::memcpy(page + 16, bytes.data(), bytes.size());
    auto block = Block::Decode({page + 16, bytes.size()});
    ASSERT_TRUE(block.ok()) << block.status();
    std::vector<double> scratch;
    for (size_t column : {0, 1}) {
      auto values = block->Column(column, scratch);
      EXPECT_EQ(reinterpret_cast<uintptr_t>(values.data()) % 64, 0u);
      EXPECT_EQ(values[rows - 1], block->value(rows - 1, column));
    }
    EXPECT_TRUE(scratch.empty());
  }
}

TEST(Block, CopiesAColumnThatIsNotAligned) {
  std::string bytes = EncodeRows(5);
  alignas(64) char page[4096];
  std::memcpy(page + 1, bytes.data(), bytes.size());
  auto block = Block::Decode({page + 1, bytes.size()});
  ASSERT_TRUE(block.ok()) << block.status();
  std::vector<double> scratch;
  EXPECT_THAT(block->Column(0, scratch), ElementsAre(0.25, 1.25, 2.25, 3.25, 4.25));
  EXPECT_EQ(scratch.size(), 5u);
  EXPECT_THAT(block->Labels(scratch), ElementsAre(0, 1, 0, 1, 0));
}

TEST(Block, RefusesEveryTruncation) {
  std::string bytes = EncodeRows(3);
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(Block::Decode(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
}

TEST(Block, RefusesNumbersThatDoNotFit) {
  std::string good = EncodeRows(3);
  struct Case {
    size_t offset;
    uint32_t number;
    const char* text;
  };
  for (auto [offset, number, text] : {Case{0, 0, "wrong beginning"},
                                      {4, 8, "unknown flags"},
                                      {8, 129, "129 rows"},
                                      {8, 0xffffffff, "4294967295 rows"},
                                      {12, 70000, "70000 columns"},
                                      {12, 3, "bytes for"},
                                      {16, 0xfffffff0, "wrong offset"},
                                      {20, 0, "wrong offset"},
                                      {24, 1000, "wrong text index"},
                                      {44, 1, "wrong text index"}}) {
    std::string bytes = good;
    std::memcpy(bytes.data() + offset, &number, 4);
    auto block = Block::Decode(bytes);
    ASSERT_FALSE(block.ok()) << offset;
    EXPECT_THAT(Message(block.status()), HasSubstr(text)) << offset;
  }
}

TEST(BlockKey, IsBigEndianAndDiffersBetweenPartitions) {
  EXPECT_EQ(HexEncode(BlockKey(0, 1)), "0000000000000001");
  EXPECT_EQ(HexEncode(BlockKey(3, 258)), "0000000300000102");
}

TEST(Row, KeepsAbsentLabelsAbsent) {
  Row row{"s", "", std::nullopt, 2.0, {1.0}};
  auto decoded = DecodeRow(EncodeRow(row));
  ASSERT_TRUE(decoded.ok()) << decoded.status();
  EXPECT_FALSE(decoded->label.has_value());
  EXPECT_EQ(decoded->weight, 2.0);
  EXPECT_EQ(decoded->sample_id, "s");
  EXPECT_EQ(decoded->match_id, "");
  EXPECT_THAT(decoded->values, ElementsAre(1.0));
}

TEST(Row, RefusesEveryTruncationAndSurplus) {
  std::string bytes = EncodeRow(MakeRow(1));
  for (size_t size = 0; size < bytes.size(); ++size) {
    EXPECT_FALSE(DecodeRow(std::string_view(bytes).substr(0, size)).ok()) << size;
  }
  EXPECT_FALSE(DecodeRow(bytes + "x").ok());
}

}  // namespace
}  // namespace fate::dataframe
