#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"
#include "crypto/quantile/buffered_summary.h"
#include "crypto/quantile/greenwald_khanna.h"

namespace fate::crypto {
namespace {

// The streams on which the known answers were taken: the high 24 bits of a linear congruence.
std::vector<double> Stream(size_t count, uint64_t seed, uint64_t modulus = 1 << 24) {
  std::vector<double> values(count);
  for (double& value : values) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    value = static_cast<double>((seed >> 40) % modulus);
  }
  return values;
}

uint64_t Fingerprint(const std::vector<QuantileTuple>& tuples) {
  uint64_t hash = 0xcbf29ce484222325;
  for (const QuantileTuple& tuple : tuples) {
    for (const uint64_t word : {static_cast<uint64_t>(tuple.value), tuple.g, tuple.delta}) {
      hash = (hash ^ word) * 0x100000001b3;
    }
  }
  return hash;
}

GreenwaldKhanna Summarised(double epsilon, std::span<const double> values) {
  GreenwaldKhanna summary = GreenwaldKhanna::Create(epsilon).value();
  EXPECT_TRUE(summary.Insert(values).ok());
  return summary;
}

BufferedSummary Buffered(const BufferedSummary::Options& options, std::span<const double> values) {
  BufferedSummary summary = BufferedSummary::Create(options).value();
  EXPECT_TRUE(summary.Insert(values).ok());
  return summary;
}

constexpr double kPhis[] = {0, 0.001, 0.1, 0.25, 0.5, 0.9, 0.999, 1};

template <class Summary>
std::vector<double> Quantiles(Summary& summary) {
  std::vector<double> values;
  for (const double phi : kPhis) values.push_back(summary.Quantile(phi).value());
  return values;
}

// fate_utils 0.1.0, QuantileSummaryStream: the tuples of its pickled state, and its queries.
TEST(GreenwaldKhanna, KnownAnswers) {
  struct Case {
    GreenwaldKhanna summary;
    size_t tuples;
    uint64_t fingerprint;
    std::vector<double> quantiles;
  };
  const std::vector<Case> cases{
      {Summarised(0.01, Stream(2000, 1)),
       87,
       0x964f81e2c26573ee,
       {12644, 12644, 1654843, 4533372, 8546438, 15170449, 16764422, 16764422}},
      {Summarised(0.005, Stream(5000, 2, 100)),
       219,
       0x576e1c82677cf088,
       {0, 0, 10, 25, 50, 90, 99, 99}},
      {Summarised(0.1, Stream(3000, 3)),
       9,
       0xc72d349094729b08,
       {4802, 4802, 2585811, 5807563, 8125190, 16775617, 16775617, 16775617}},
      {Summarised(0.5, Stream(50, 4)),
       2,
       0x262a13a1419087c,
       {518644, 518644, 518644, 518644, 16589549, 16589549, 16589549, 16589549}},
      {Summarised(0.25, Stream(50, 4)),
       5,
       0xd66d834a956006c6,
       {518644, 518644, 518644, 7687500, 7687500, 16589549, 16589549, 16589549}},
      {Summarised(0.3, Stream(50, 4)),
       3,
       0x9560e9dbb6577182,
       {518644, 518644, 518644, 7687500, 7687500, 16589549, 16589549, 16589549}},
      {*Summarised(0.01, Stream(2000, 1)).Merge(Summarised(0.01, Stream(1500, 7))),
       174,
       0xd6df9e1c22d0d38d,
       {3130, 3130, 1654843, 4334498, 8274728, 15170449, 16766958, 16766958}},
  };
  for (const Case& expected : cases) {
    EXPECT_EQ(expected.summary.summary().tuples.size(), expected.tuples);
    EXPECT_EQ(Fingerprint(expected.summary.summary().tuples), expected.fingerprint);
    EXPECT_EQ(Quantiles(expected.summary), expected.quantiles);
  }
}

// spec 6.8
RC_GTEST_PROP(GreenwaldKhanna, WithoutCompressionAnElementOfTheSortedStream,
              (std::vector<int16_t> integers)) {
  RC_PRE(!integers.empty());
  std::vector<double> values(integers.begin(), integers.end());
  const GreenwaldKhanna summary = Summarised(1e-9, values);
  std::sort(values.begin(), values.end());
  for (const double phi : kPhis) {
    const auto rank = static_cast<size_t>(phi * static_cast<double>(values.size()));
    RC_ASSERT(summary.Quantile(phi).value() == values[rank > 0 ? rank - 1 : 0]);
  }
}

RC_GTEST_PROP(GreenwaldKhanna, RanksStayWithinEpsilon, ()) {
  const size_t count = *rc::gen::inRange<size_t>(1, 3000);
  const double epsilon = *rc::gen::element(0.001, 0.01, 0.05, 0.2);
  std::vector<double> values = Stream(count, *rc::gen::arbitrary<uint64_t>(), 1000);
  const GreenwaldKhanna summary = Summarised(epsilon, values);
  std::sort(values.begin(), values.end());
  const auto n = static_cast<double>(count);
  for (const double phi : kPhis) {
    const double answer = summary.Quantile(phi).value();
    const auto [first, last] = std::equal_range(values.begin(), values.end(), answer);
    const auto least = static_cast<double>(first - values.begin() + 1);
    const auto greatest = static_cast<double>(last - values.begin());
    RC_ASSERT(greatest >= phi * n - epsilon * n - 2 && least <= phi * n + epsilon * n + 2);
  }
}

RC_GTEST_PROP(GreenwaldKhanna, OneByOneOrAllAtOnceIsTheSame, (std::vector<int8_t> integers)) {
  const std::vector<double> values(integers.begin(), integers.end());
  const double epsilon = *rc::gen::element(0.02, 0.1, 0.5);
  GreenwaldKhanna one_by_one = GreenwaldKhanna::Create(epsilon).value();
  for (const double& value : values) RC_ASSERT(one_by_one.Insert({&value, 1}).ok());
  RC_ASSERT(one_by_one.summary() == Summarised(epsilon, values).summary());
}

TEST(GreenwaldKhanna, ASummaryGoesOnAfterATripAndAMerge) {
  const std::vector<double> values = Stream(4000, 5);
  GreenwaldKhanna whole = Summarised(0.01, values);
  const GreenwaldKhanna half = Summarised(0.01, std::span(values).first(2000));
  GreenwaldKhanna resumed = GreenwaldKhanna::From(half.summary()).value();
  ASSERT_TRUE(resumed.Insert(std::span(values).subspan(2000)).ok());
  EXPECT_EQ(resumed.summary(), whole.summary());

  // Uneven merges leave deltas beyond the capacity; FATE stops on the next insertion.
  GreenwaldKhanna merged = whole.Merge(Summarised(0.01, Stream(10, 6))).value();
  ASSERT_TRUE(merged.Insert(Stream(1000, 8)).ok());
  EXPECT_EQ(merged.summary().n, 5010u);
  EXPECT_NEAR(merged.Quantile(0.5).value() / (1 << 24), 0.5, 0.05);
}

TEST(GreenwaldKhanna, WhatIsNoSummaryIsRefused) {
  const auto refused = [](QuantileSummary summary) {
    return GreenwaldKhanna::From(std::move(summary)).status().code() ==
           absl::StatusCode::kInvalidArgument;
  };
  const double nan = std::numeric_limits<double>::quiet_NaN();
  EXPECT_FALSE(refused({{{1, 1, 0}, {1, 2, 0}}, 0.1, 3}));
  EXPECT_TRUE(refused({{{2, 1, 0}, {1, 2, 0}}, 0.1, 3}));
  EXPECT_TRUE(refused({{{nan, 1, 0}}, 0.1, 1}));
  EXPECT_TRUE(refused({{{1, 0, 0}}, 0.1, 0}));
  EXPECT_TRUE(refused({{{1, 1, ~uint64_t{0}}}, 0.1, 1}));
  EXPECT_TRUE(refused({{{1, ~uint64_t{0}, 0}}, 0.1, ~uint64_t{0}}));
  EXPECT_TRUE(refused({{{1, 1, 0}}, 0.1, 2}));
  EXPECT_TRUE(refused({{{1, ~uint64_t{0}, 0}, {2, 2, 0}}, 0.1, 1}));
  for (const double epsilon : {0.0, -0.1, 0.6, nan}) {
    EXPECT_TRUE(refused({{}, epsilon, 0})) << epsilon;
    EXPECT_FALSE(GreenwaldKhanna::Create(epsilon).ok());
    EXPECT_FALSE(BufferedSummary::Create({.epsilon = epsilon}).ok());
  }
}

TEST(GreenwaldKhanna, WhatHasNoAnswerIsRefused) {
  const double nan = std::numeric_limits<double>::quiet_NaN();
  GreenwaldKhanna summary = GreenwaldKhanna::Create(0.1).value();
  EXPECT_EQ(summary.Quantile(0.5).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(summary.Insert(std::vector{1.0, nan}).ok());
  EXPECT_EQ(summary.summary().n, 0u);
  ASSERT_TRUE(summary.Insert(std::vector{1.0}).ok());
  for (const double phi : {-0.1, 1.1, nan}) EXPECT_FALSE(summary.Quantile(phi).ok());
  EXPECT_FALSE(summary.Merge(GreenwaldKhanna::Create(0.2).value()).ok());
}

// The class of FATE 1.11.3 on the same streams, in Python, with the tail kept.
TEST(BufferedSummary, KnownAnswers) {
  struct Case {
    BufferedSummary summary;
    size_t tuples;
    uint64_t fingerprint;
    std::vector<double> quantiles;
  };
  const auto make = [](double epsilon, size_t buffer, size_t compressed, const auto& values) {
    return Buffered({epsilon, buffer, compressed}, values);
  };
  BufferedSummary merged = make(0.01, 100, 50, Stream(2000, 1));
  merged.Merge(make(0.01, 100, 50, Stream(1550, 7)));
  EXPECT_EQ(merged.count(), 3550u);
  std::vector<Case> cases{
      {make(0.01, 100, 50, Stream(2000, 1)),
       90,
       0x856a4234799a4981,
       {12644, 12644, 1490633, 4334498, 8405011, 15134875, 16764422, 16764422}},
      {make(0.005, 1000, 300, Stream(5000, 2, 100)),
       232,
       0xb81a17909296fae2,
       {0, 0, 10, 25, 50, 90, 99, 99}},
      {make(1e-4, 10'000, 10'000, Stream(500, 3)),
       500,
       0xf219295d898a0abb,
       {7148, 34923, 1939550, 4632032, 8080992, 15126033, 16703534, 16703534}},
      {merged,
       135,
       0x56e673a6153513e4,
       {3130, 3130, 1621809, 4334498, 8405011, 15134875, 16766958, 16766958}},
  };
  for (Case& expected : cases) {
    EXPECT_EQ(Quantiles(expected.summary), expected.quantiles);
    EXPECT_EQ(expected.summary.Compressed().size(), expected.tuples);
    EXPECT_EQ(Fingerprint(expected.summary.Compressed()), expected.fingerprint);
  }
}

// spec 6.8
RC_GTEST_PROP(BufferedSummary, WithoutCompressionAnElementOfTheSortedStream,
              (std::vector<int16_t> integers)) {
  RC_PRE(integers.size() > 2 && integers.size() < 5000);
  std::vector<double> values(integers.begin(), integers.end());
  BufferedSummary summary = Buffered({}, values);
  std::sort(values.begin(), values.end());
  for (const double phi : {0.1, 0.25, 0.5, 0.75, 0.9}) {
    const auto rank = static_cast<size_t>(std::ceil(phi * static_cast<double>(values.size())));
    // The search begins at the second element.
    RC_ASSERT(summary.Quantile(phi).value() == values[std::max<size_t>(rank, 2) - 1]);
  }
}

TEST(BufferedSummary, WhatHasNoAnswerIsRefusedAndAnEmptyOneMerges) {
  BufferedSummary summary = BufferedSummary::Create({}).value();
  EXPECT_EQ(summary.Quantile(0.5).status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(summary.Insert(std::vector{std::numeric_limits<double>::quiet_NaN()}).ok());
  summary.Merge(Buffered({}, std::vector{3.0}));
  summary.Merge(BufferedSummary::Create({}).value());
  EXPECT_EQ(summary.count(), 1u);
  EXPECT_EQ(summary.Quantile(0.5).value(), 3.0);
  EXPECT_FALSE(summary.Quantile(2).ok());
  EXPECT_FALSE(BufferedSummary::Create({.buffered_values = 0}).ok());
}

}  // namespace
}  // namespace fate::crypto
