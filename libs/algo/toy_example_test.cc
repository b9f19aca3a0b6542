#include "algo/toy_example.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "algo/operator_harness.h"
#include "base/status.h"
#include "dataframe/row.h"
#include "fate/toy_example.pb.h"

namespace fate::algo {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Pair;

Pairs Rows(OperatorHarness& harness, int64_t data_num, int partition = 0, int partitions = 1) {
  ToyExampleRows parameters;
  parameters.set_data_num(data_num);
  auto rows =
      harness.Map("toy_example.rows", parameters.SerializeAsString(), {}, partition, partitions);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return *rows;
}

// spec/federated-algorithms.md 3.2: sample id = match id = text of i, x0 = i
TEST(ToyExample, RowsAreNumbersUnderTheirText) {
  OperatorHarness harness;
  size_t rows = 0;
  for (int partition = 0; partition < 4; ++partition) {
    for (const auto& [key, value] : Rows(harness, 1024, partition, 4)) {
      auto row = dataframe::DecodeRow(value);
      ASSERT_TRUE(row.ok()) << row.status();
      EXPECT_EQ(row->sample_id, key);
      EXPECT_EQ(row->match_id, key);
      EXPECT_THAT(row->values, ElementsAre(std::stod(key)));
      ++rows;
    }
  }
  EXPECT_EQ(rows, 1024u);
}

TEST(ToyExample, LocatesTheRowsOfAnIndex) {
  OperatorHarness harness;
  auto located = harness.Join("toy_example.locate", "", {{"1", "a"}, {"2", "b"}, {"5", "c"}},
                              {{"0", ""}, {"2", ""}, {"3", ""}, {"5", ""}, {"7", ""}});
  ASSERT_TRUE(located.ok()) << located.status();
  EXPECT_THAT(*located, ElementsAre(Pair("2", "b"), Pair("5", "c")));
  auto index = harness.Map("toy_example.index", "", {{"1", "a"}, {"2", "b"}});
  ASSERT_TRUE(index.ok()) << index.status();
  EXPECT_THAT(*index, ElementsAre(Pair("1", ""), Pair("2", "")));
}

// spec/federated-algorithms.md 18, A2
TEST(ToyExample, NeedsBothParametersAboveZero) {
  auto check = [](const nlohmann::json& parameters) {
    return Message(ToyExample().check_parameters(parameters));
  };
  EXPECT_EQ(check({{"data_num", 1024}, {"partition", 4}}), "");
  EXPECT_THAT(check({{"data_num", 0}, {"partition", 4}}), HasSubstr("'data_num' of toy_example"));
  EXPECT_THAT(check({{"data_num", 1024}}), HasSubstr("'partition' of toy_example is missing"));
}

}  // namespace
}  // namespace fate::algo
