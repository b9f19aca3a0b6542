#include "algo/binning/bins.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>

#include "algo/binning/order_statistics.h"

namespace fate::algo {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Pointwise;

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

// Runs the passes over cells that lie in memory.
std::vector<double> Select(const std::vector<double>& cells, OrderStatistics::RanksOf ranks,
                           int digit_bits) {
  OrderStatistics statistics(1, std::move(ranks));
  while (!statistics.done()) {
    const int bits = std::min(digit_bits, 64 - statistics.known_bits());
    const std::vector<uint64_t> prefixes = statistics.Prefixes(0);
    DigitCounts counts;
    for (const double cell : cells) {
      const uint64_t key = OrderedKey(cell);
      const int known = statistics.known_bits();
      if (known > 0 && !std::binary_search(prefixes.begin(), prefixes.end(), key >> (64 - known))) {
        continue;
      }
      ++counts[key >> (64 - known - bits)];
    }
    statistics.Take(bits, {counts});
  }
  return statistics.Values(0);
}

TEST(OrderStatistics, KeysKeepTheOrderOfTheNumbers) {
  const std::vector<double> ascending = {-kInf,  -1e300, -1.5,  -1e-310, 0.0,
                                         1e-310, 1.5,    1e300, kInf};
  for (size_t i = 0; i < ascending.size(); ++i) {
    EXPECT_EQ(FromOrderedKey(OrderedKey(ascending[i])), ascending[i]);
    if (i > 0) {
      EXPECT_LT(OrderedKey(ascending[i - 1]), OrderedKey(ascending[i]));
    }
  }
  EXPECT_EQ(OrderedKey(-0.0), OrderedKey(0.0));
}

// Section 16.5: GK on 1..10 without compression.
TEST(OrderStatistics, EqualsTheUncompressedSummary) {
  const std::vector<double> cells = {10, 3, 1, 7, 5, 2, 9, 4, 8, 6};
  const auto ranks = [](uint64_t n) {
    std::vector<uint64_t> result;
    for (const double phi : {0.0, 0.1, 0.25, 0.5, 1.0}) {
      result.push_back(std::max<uint64_t>(1, uint64_t(phi * double(n))));
    }
    return result;
  };
  for (const int digit_bits : {64, 12, 16, 7}) {
    EXPECT_THAT(Select(cells, ranks, digit_bits), ElementsAre(1, 1, 2, 5, 10)) << digit_bits;
  }
}

TEST(OrderStatistics, EqualsSortingForAnyDigit) {
  std::mt19937_64 random(7);
  std::normal_distribution<double> normal;
  for (const size_t count : {1, 2, 10, 569, 5000}) {
    std::vector<double> cells;
    for (size_t i = 0; i < count; ++i) {
      const double value = normal(random);
      cells.push_back(i % 3 == 0 ? std::round(value) : value);  // with ties
    }
    std::vector<double> sorted = cells;
    std::sort(sorted.begin(), sorted.end());
    std::vector<double> expected;
    for (const uint64_t rank : QuantileRanks(10, count)) expected.push_back(sorted[rank - 1]);
    const auto ranks = [](uint64_t n) { return QuantileRanks(10, n); };
    for (const int digit_bits : {64, 12, 5}) {
      EXPECT_EQ(Select(cells, ranks, digit_bits), expected) << count << " " << digit_bits;
    }
  }
}

TEST(OrderStatistics, AColumnWithoutCellsHasNoValues) {
  EXPECT_TRUE(Select(
                  {}, [](uint64_t) { return std::vector<uint64_t>{1}; }, 12)
                  .empty());
}

TEST(Bins, AValueOnABoundaryBelongsToTheBinBelow) {
  const Bins bins{{-1, 0, 2}, false};
  EXPECT_EQ(bins.Of(-5), 0);
  EXPECT_EQ(bins.Of(-1), 0);
  EXPECT_EQ(bins.Of(-0.5), 1);
  EXPECT_EQ(bins.Of(2), 2);
  EXPECT_EQ(bins.Of(99), 2);  // the last boundary counts as infinity
  EXPECT_EQ(bins.Of(kNan), -1);
}

TEST(Bins, ACategoryHoldsItsValueOnly) {
  const Bins bins{{1, 3, 4}, true};
  EXPECT_EQ(bins.Of(3), 1);
  EXPECT_EQ(bins.Of(2), -1);
  EXPECT_EQ(bins.Of(5), -1);
}

TEST(Bins, RanksOfQuantiles) {
  EXPECT_THAT(QuantileRanks(4, 569), ElementsAre(142, 284, 426, 569));
  EXPECT_THAT(QuantileRanks(3, 1), ElementsAre(1, 1, 1));
  EXPECT_THAT(QuantileRanks(10, 30000),
              ElementsAre(3000, 6000, 9000, 12000, 15000, 18000, 21000, 24000, 27000, 30000));
}

TEST(Bins, EqualWidth) {
  EXPECT_THAT(EqualWidthBoundaries(0, 10, 4), ElementsAre(2.5, 5, 7.5, 10));
}

// Section 16.5: guest x0 and x1 of the breast table, as upstream 2.x reports them.
TEST(Metrics, EqualTheVectorsOfFate22) {
  const BinCounts counts{{56, 57, 57, 57, 57, 57, 57, 57, 57, 57},
                         {56, 57, 55, 55, 55, 42, 32, 5, 0, 0}};
  const ColumnMetrics metrics = ComputeMetrics(counts, WoeDefinition::kFate22, 0.5);
  EXPECT_THAT(metrics.non_event_count, ElementsAre(0, 0, 2, 2, 2, 15, 25, 52, 57, 57));
  EXPECT_THAT(metrics.woe,
              Pointwise(DoubleNear(1e-6), {-1.159237, -1.141537, 2.793036, 2.793036, 2.793036,
                                           0.508470, -0.274289, -2.862955, 0.620388, 0.620388}));
  EXPECT_NEAR(metrics.iv, 2.580880, 1e-6);
  EXPECT_NEAR(metrics.iv + metrics.iv_array[0], 2.978657, 1e-6);
  EXPECT_FALSE(metrics.is_monotonic);

  const BinCounts x1{{56, 57, 57, 58, 56, 57, 58, 56, 57, 57},
                     {53, 52, 51, 46, 34, 33, 28, 21, 20, 19}};
  const ColumnMetrics second = ComputeMetrics(x1, WoeDefinition::kFate22, 0.5);
  EXPECT_NEAR(second.iv, 0.906669, 1e-6);
  EXPECT_NEAR(second.iv + second.iv_array[0], 1.222365, 1e-6);
  EXPECT_TRUE(second.is_monotonic);
  // No bin is pure and none is dropped: the definitions differ by the first bin only.
  EXPECT_NEAR(ComputeMetrics(x1, WoeDefinition::kFate1, 0.5).iv, 1.222365, 1e-6);
}

// Section 10.1, 1.11.3: worked by hand for 3 events and 2 others in three bins.
TEST(Metrics, FollowTheDefinitionOfFate1) {
  const ColumnMetrics metrics = ComputeMetrics({{2, 2, 1}, {2, 1, 0}}, WoeDefinition::kFate1, 0.5);
  EXPECT_DOUBLE_EQ(metrics.event_rate[0], 2.5 / 3);
  EXPECT_DOUBLE_EQ(metrics.non_event_rate[0], 0.5 / 2);
  EXPECT_DOUBLE_EQ(metrics.event_rate[1], 1.0 / 3);
  EXPECT_DOUBLE_EQ(metrics.woe[2], std::log((0.5 / 3) / (1.5 / 2)));
  EXPECT_DOUBLE_EQ(metrics.iv, metrics.iv_array[0] + metrics.iv_array[1] + metrics.iv_array[2]);
  EXPECT_TRUE(metrics.is_monotonic);
}

TEST(Metrics, OfOneClassOnlyAreFinite) {
  for (const auto definition : {WoeDefinition::kFate1, WoeDefinition::kFate22}) {
    const ColumnMetrics metrics = ComputeMetrics({{3, 0}, {3, 0}}, definition, 0.5);
    for (const double woe : metrics.woe) EXPECT_TRUE(std::isfinite(woe));
    EXPECT_TRUE(std::isfinite(metrics.iv));
  }
}

}  // namespace
}  // namespace fate::algo
