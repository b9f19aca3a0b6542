#include "algo/secure_add.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <map>

#include "algo/compensated_sum.h"
#include "algo/operator_harness.h"
#include "algo/rows.h"
#include "base/status.h"
#include "base/text.h"
#include "fate/secure_add.pb.h"
#include "wire/partitioner.h"

namespace fate::algo {
namespace {

using ::testing::HasSubstr;

double NumberIn(const std::string& bytes) {
  double number;
  EXPECT_EQ(bytes.size(), 8u);
  std::memcpy(&number, bytes.data(), 8);
  return number;
}

Pairs Rows(OperatorHarness& harness, int64_t data_num, int partition = 0, int partitions = 1) {
  SecureAddRows parameters;
  parameters.set_data_num(data_num);
  auto rows =
      harness.Map("secure_add.rows", parameters.SerializeAsString(), {}, partition, partitions);
  EXPECT_TRUE(rows.ok()) << rows.status();
  return *rows;
}

Pairs Share(OperatorHarness& harness, const Pairs& rows, bool second, char key = 'k') {
  SecureAddSplit parameters;
  parameters.set_key(std::string(32, key));
  parameters.set_second(second);
  auto shares = harness.Map("secure_add.split", parameters.SerializeAsString(), rows);
  EXPECT_TRUE(shares.ok()) << shares.status();
  return *shares;
}

TEST(SecureAdd, RowsLieInThePartitionOfTheirKeyAscending) {
  OperatorHarness harness;
  std::map<std::string, int> partition_of;
  for (int partition = 0; partition < 4; ++partition) {
    std::string previous;
    for (const auto& [key, value] : Rows(harness, 1000, partition, 4)) {
      EXPECT_GT(key, previous);
      previous = key;
      EXPECT_EQ(wire::Partitioner::Mmh3().PartitionOf(key, 4), partition);
      EXPECT_EQ(NumberIn(value), 1);
      partition_of[key] = partition;
    }
  }
  EXPECT_EQ(partition_of.size(), 1000u);
  // spec/eggroll-compute-and-storage.md 15.2
  EXPECT_EQ(partition_of[RowKey(0)], 0);
  EXPECT_EQ(partition_of[RowKey(1)], 2);
  EXPECT_EQ(partition_of[RowKey(5)], 2);
}

TEST(SecureAdd, SharesAddUpExactlyAndDifferFromRowToRow) {
  OperatorHarness harness;
  Pairs rows = Rows(harness, 1000);
  Pairs first = Share(harness, rows, false), second = Share(harness, rows, true);
  std::map<double, int> seen;
  double lowest = 1, highest = -1;
  for (size_t i = 0; i < rows.size(); ++i) {
    double share = NumberIn(first[i].second);
    EXPECT_EQ(share + NumberIn(second[i].second), 1);
    lowest = std::min(lowest, share);
    highest = std::max(highest, share);
    ++seen[share];
  }
  EXPECT_EQ(seen.size(), 1000u);
  EXPECT_GT(lowest, -1);
  EXPECT_LT(lowest, -0.95);
  EXPECT_GT(highest, 0.95);
  EXPECT_LT(highest, 1);
}

TEST(SecureAdd, AnotherKeyDrawsOtherShares) {
  OperatorHarness harness;
  Pairs rows = Rows(harness, 10);
  EXPECT_EQ(Share(harness, rows, false, 'a'), Share(harness, rows, false, 'a'));
  EXPECT_NE(Share(harness, rows, false, 'a'), Share(harness, rows, false, 'b'));
}

TEST(SecureAdd, TwoPartiesLearnTheSumOfBoth) {
  OperatorHarness harness;
  constexpr int kRows = 10000;
  Pairs rows = Rows(harness, kRows);
  auto sum = [&](const Pairs& left, const Pairs& right) {
    auto added = harness.Join("secure_add.add", "", left, right);
    EXPECT_TRUE(added.ok()) << added.status();
    auto folded = harness.Fold("secure_add.sum", "", *added);
    EXPECT_TRUE(folded.ok()) << folded.status();
    return CompensatedSum::Decode(*folded).value();
  };
  CompensatedSum guest = sum(Share(harness, rows, false, 'g'), Share(harness, rows, false, 'h'));
  CompensatedSum host = sum(Share(harness, rows, true, 'g'), Share(harness, rows, true, 'h'));
  EXPECT_GT(std::abs(guest.Total()), 1e-3);
  guest.Add(host);
  EXPECT_EQ(guest.Total(), 2.0 * kRows);
}

TEST(SecureAdd, RefusesRowsThatOnePartyLacks) {
  OperatorHarness harness;
  Pairs ten = Rows(harness, 10), eleven = Rows(harness, 11);
  Pairs other = ten;
  other[3].first = RowKey(99);
  for (const auto& [left, right] :
       {std::pair(ten, eleven), std::pair(eleven, ten), std::pair(ten, other)}) {
    auto added = harness.Join("secure_add.add", "", left, right);
    EXPECT_THAT(Message(added.status()), HasSubstr("the parties' rows differ in partition 0"));
  }
}

TEST(SecureAdd, RefusesSharesThatAreNoNumbers) {
  OperatorHarness harness;
  auto added = harness.Join("secure_add.add", "", {{RowKey(1), "x"}}, {{RowKey(1), "y"}});
  EXPECT_THAT(Message(added.status()), HasSubstr("a share has 1 bytes instead of 8"));
  EXPECT_FALSE(harness.Fold("secure_add.sum", "", {{"k", "123"}}).ok());
  SecureAddSplit short_key;
  short_key.set_key("short");
  EXPECT_FALSE(harness.Map("secure_add.split", short_key.SerializeAsString(), {}).ok());
}

TEST(SecureAdd, ChecksItsParameters) {
  auto check = [](const nlohmann::json& parameters) {
    return Message(SecureAddExample().check_parameters(parameters));
  };
  EXPECT_EQ(check(nlohmann::json::object()), "");
  EXPECT_EQ(check({{"data_num", 10000}, {"partition", 48}, {"seed", 123}}), "");
  EXPECT_THAT(check({{"data_num", 0}}), HasSubstr("'data_num' of secure_add_example must be"));
  EXPECT_THAT(check({{"partition", "4"}}), HasSubstr("'partition' of secure_add_example must be"));
  EXPECT_THAT(check({{"partition", 100000}}), HasSubstr("from 1 to 4096"));
}

}  // namespace
}  // namespace fate::algo
