#include "algo/dataframe_transformer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/operator_harness.h"
#include "algo/row_format.h"
#include "base/status.h"
#include "dataframe/block.h"
#include "dataframe/row.h"
#include "fate/dataframe.pb.h"
#include "wire/pickle_text.h"

namespace fate::algo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

std::string Format() {
  auto meta = TableMeta::FromJson(
      {{"header", "id,y,x0"}, {"sample_id_name", "id"}, {"label_name", "y"}, {"dtype", "float64"}});
  return PlanRows(*meta)->format.SerializeAsString();
}

Pairs Uploaded(const Pairs& lines) {
  Pairs pickled;
  for (const auto& [key, value] : lines) {
    pickled.emplace_back(wire::PickleText(key), wire::PickleText(value));
  }
  return pickled;
}

// What the transformer does to one partition: lines, rows under their sample ids, blocks.
TEST(DataFrameTransformer, LinesBecomeBlocks) {
  OperatorHarness harness;
  auto rows = harness.Map("dataframe_transformer.rows", Format(),
                          Uploaded({{"b", "1,0.5"}, {"a", "0,-2"}, {"c", "1,"}}));
  ASSERT_TRUE(rows.ok()) << rows.status();
  BlocksFromRows parameters;
  parameters.set_columns(1);
  parameters.set_has_label(true);
  auto blocks =
      harness.Map("dataframe.blocks_from_rows", parameters.SerializeAsString(), *rows, 2, 4);
  ASSERT_TRUE(blocks.ok()) << blocks.status();
  ASSERT_EQ(blocks->size(), 1u);
  EXPECT_EQ((*blocks)[0].first, dataframe::BlockKey(2, 0));
  auto block = dataframe::Block::Decode((*blocks)[0].second);
  ASSERT_TRUE(block.ok()) << block.status();
  ASSERT_EQ(block->rows(), 3u);
  EXPECT_EQ(block->sample_id(0), "a");
  EXPECT_EQ(block->label(1), 1);
  EXPECT_EQ(block->value(1, 0), 0.5);
  EXPECT_TRUE(std::isnan(block->value(2, 0)));
}

// spec/federated-algorithms.md 18, B1: 569 rows are 5 blocks of at most 128
TEST(DataFrameTransformer, BlocksHold128Rows) {
  OperatorHarness harness;
  Pairs rows;
  for (int i = 0; i < 569; ++i) {
    std::string id = std::to_string(1000 + i);
    rows.emplace_back(id, dataframe::EncodeRow({id, id, std::nullopt, std::nullopt, {i * 1.0}}));
  }
  BlocksFromRows parameters;
  parameters.set_columns(1);
  auto blocks = harness.Map("dataframe.blocks_from_rows", parameters.SerializeAsString(), rows);
  ASSERT_TRUE(blocks.ok()) << blocks.status();
  EXPECT_EQ(blocks->size(), 5u);
  EXPECT_EQ(harness.Fold("dataframe.count_rows", "", *blocks).value(), "569");
  auto again = harness.Map("dataframe.rows_from_blocks", "", *blocks);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ(*again, rows);
  parameters.set_columns(2);
  auto wrong = harness.Map("dataframe.blocks_from_rows", parameters.SerializeAsString(), rows);
  EXPECT_THAT(Message(wrong.status()),
              HasSubstr("row '1000' has 1 values, the frame has 2 columns"));
}

TEST(DataFrameTransformer, RefusesWhatIsNoPickledText) {
  OperatorHarness harness;
  EXPECT_FALSE(harness.Map("dataframe_transformer.rows", Format(), {{"a", "1,2"}}).ok());
  EXPECT_FALSE(harness.Map("dataframe.rows_from_blocks", "", {{"a", "not a block"}}).ok());
}

TEST(DataFrameTransformer, NamesADuplicatedSampleId) {
  OperatorHarness harness;
  const auto* merge = harness.registry().FindMerge("dataframe_transformer.unique");
  ASSERT_NE(merge, nullptr);
  std::string row = dataframe::EncodeRow({"s7", "s7"});
  EXPECT_THAT(Message((*merge)("", row, row).status()), HasSubstr("sample id 's7' occurs twice"));
}

TEST(DataFrameTransformer, ChecksItsParameters) {
  auto check = [](const nlohmann::json& parameters) {
    return Message(DataFrameTransformer().check_parameters(parameters));
  };
  EXPECT_EQ(check(nlohmann::json::object()), "");
  EXPECT_EQ(check({{"namespace", "n"}, {"name", "t"}, {"site_name", nullptr}}), "");
  EXPECT_THAT(check({{"namespace", "n"}}), HasSubstr("needs namespace and name, or neither"));
  EXPECT_THAT(check({{"namespace", "n"}, {"name", "a/b"}}), HasSubstr("a/b"));
}

}  // namespace
}  // namespace fate::algo
