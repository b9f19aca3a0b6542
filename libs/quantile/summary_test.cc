#include "quantile/summary.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"

namespace fate::quantile {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

QuantileSummary SummaryOf(double epsilon, const std::vector<double>& values) {
  auto summary = *QuantileSummary::Create(epsilon);
  EXPECT_TRUE(summary.Insert(values).ok());
  return summary;
}

std::vector<double> Queries(const QuantileSummary& summary, const std::vector<double>& phis) {
  std::vector<double> values;
  for (double phi : phis) values.push_back(*summary.Query(phi));
  return values;
}

// Multiples of 1/8 in [0, 125), from a linear congruential generator.
std::vector<double> Sequence(int count, uint64_t state) {
  std::vector<double> values;
  for (int i = 0; i < count; ++i) {
    state = (state * 1103515245 + 12345) % (uint64_t{1} << 31);
    values.push_back(static_cast<double>(state % 1000) / 8);
  }
  return values;
}

const std::vector<double> kPhis = {0, 0.1, 0.25, 0.5, 0.75, 0.9, 1};

// Made with FATE's fate_utils 0.1.0.
TEST(QuantileSummary, AnswersAsFateDoes) {
  const QuantileSummary a = SummaryOf(0.05, Sequence(500, 1)),
                        b = SummaryOf(0.05, Sequence(300, 7));
  EXPECT_EQ(a.kept(), 15u);
  EXPECT_THAT(Queries(a, kPhis), ElementsAre(0.625, 10.5, 30.875, 55.25, 88.25, 112.375, 124.75));
  const QuantileSummary merged = *a.Merge(b);
  EXPECT_EQ(merged.kept(), 30u);
  EXPECT_THAT(Queries(merged, kPhis),
              ElementsAre(0.375, 14.5, 24.375, 53.0, 89.625, 110.0, 124.75));
}

// Spec 6.4: u64 tuple count, tuples (f64, u64, u64), f64 epsilon, u64 n.
TEST(QuantileSummary, HasFatesBytes) {
  const std::string bytes = SummaryOf(0.2, {2, 1}).Serialize();
  ASSERT_EQ(bytes.size(), 8u + 2 * 24 + 16);
  EXPECT_EQ(bytes[0], 2);
  EXPECT_EQ(bytes.substr(14, 3), std::string("\xf0\x3f\x01"));  // 1.0 ends, its g begins
  EXPECT_EQ(bytes[bytes.size() - 8], 2);
  EXPECT_EQ(QuantileSummary::Parse(bytes)->Serialize(), bytes);
}

// Spec 6.8: without compression this is element max(0, r - 1) of the sorted data.
RC_GTEST_PROP(QuantileSummary, WithoutErrorIsAnOrderStatistic,
              (std::vector<int> integers, unsigned at)) {
  RC_PRE(!integers.empty());
  std::vector<double> values(integers.begin(), integers.end());
  const double phi = static_cast<double>(at % 1001) / 1000;
  const auto summary = SummaryOf(0, values);
  std::sort(values.begin(), values.end());
  const auto rank = static_cast<size_t>(phi * static_cast<double>(values.size()));
  RC_ASSERT(*summary.Query(phi) == values[rank == 0 ? 0 : rank - 1]);
}

RC_GTEST_PROP(QuantileSummary, RanksAreOffByAtMostTheError, (uint64_t seed)) {
  const double epsilon = 0.02;
  std::vector<double> values = Sequence(2000, seed % 1000000);
  const QuantileSummary summary = SummaryOf(epsilon, values);
  RC_ASSERT(summary.kept() < 300u);
  std::sort(values.begin(), values.end());
  for (double phi : kPhis) {
    const double value = *summary.Query(phi);
    const auto low = std::lower_bound(values.begin(), values.end(), value) - values.begin();
    const auto high = std::upper_bound(values.begin(), values.end(), value) - values.begin();
    RC_ASSERT(static_cast<double>(low) <= (phi + epsilon) * 2000 + 1);
    RC_ASSERT(static_cast<double>(high) >= (phi - epsilon) * 2000 - 1);
  }
}

RC_GTEST_PROP(QuantileSummary, SurvivesItsBytes, (uint64_t seed)) {
  const QuantileSummary summary =
      *SummaryOf(0.05, Sequence(300, seed % 1000)).Merge(SummaryOf(0.05, Sequence(100, 5)));
  const QuantileSummary back = *QuantileSummary::Parse(summary.Serialize());
  RC_ASSERT(back.Serialize() == summary.Serialize());
  RC_ASSERT(Queries(back, kPhis) == Queries(summary, kPhis));
}

TEST(QuantileSummary, SaysWhatIsWrong) {
  EXPECT_THAT(Message(QuantileSummary::Create(0.6).status()), HasSubstr("[0, 0.5]"));
  auto summary = *QuantileSummary::Create(0.1);
  EXPECT_THAT(Message(summary.Query(0.5).status()), HasSubstr("without numbers"));
  const double bad[] = {1.0, std::numeric_limits<double>::quiet_NaN()};
  EXPECT_THAT(Message(summary.Insert(bad)), HasSubstr("value 1 of 2 is not a number"));
  EXPECT_EQ(summary.count(), 0u);
  EXPECT_THAT(Message(SummaryOf(0.1, {1}).Query(1.5).status()), HasSubstr("no quantile 1.5"));
  EXPECT_THAT(Message(summary.Merge(SummaryOf(0.2, {1})).status()), HasSubstr("0.1 and 0.2"));
}

TEST(QuantileSummary, RefusesCorruptBytes) {
  const std::string good = SummaryOf(0.1, {1, 2, 3}).Serialize();
  EXPECT_TRUE(QuantileSummary::Parse(good).ok());
  for (size_t cut = 0; cut < good.size(); ++cut) {
    EXPECT_FALSE(QuantileSummary::Parse(good.substr(0, cut)).ok()) << cut;
  }
  for (size_t at : std::vector<size_t>{0, 16, 24, 39, good.size() - 9, good.size() - 8}) {
    std::string bad = good;
    bad[at] = '\xff';
    EXPECT_THAT(Message(QuantileSummary::Parse(bad).status()), HasSubstr("corrupt")) << at;
  }
}

}  // namespace
}  // namespace fate::quantile
