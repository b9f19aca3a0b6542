#include "crypto/aggregation/secure_sum.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>
#include <limits>

#include "base/status.h"

namespace fate::crypto {
namespace {

using Arrays = std::vector<std::vector<double>>;

SharedSecret CountingFrom(int first) {
  SharedSecret secret;
  for (size_t i = 0; i < 32; ++i) {
    secret.bytes[i] = static_cast<uint8_t>(static_cast<size_t>(first) + i);
  }
  return secret;
}

// Client `rank` of `count`; the secret of clients i < j counts from 16 i + j.
Masker Client(int rank, int count) {
  std::map<int, SharedSecret> secrets;
  for (int other = 0; other < count; ++other) {
    if (other == rank) continue;
    secrets[other] = CountingFrom(16 * std::min(rank, other) + std::max(rank, other));
  }
  return Masker::Create(rank, secrets).value();
}

Masker WithPeer(int rank, int other, const SharedSecret& secret) {
  return Masker::Create(rank, {{other, secret}}).value();
}

// spec 16.4
TEST(MaskDraw, KnownAnswers) {
  EXPECT_EQ(MaskDraw(0x903df1a0ade0b876), 1268903.7652649432);
  EXPECT_EQ(MaskDraw(0x28bd8653e56a5d40), -6817161.646223843);
  EXPECT_EQ(MaskDraw(0x1aed8da0b819d2bd), -7896254.5063386485);
  EXPECT_EQ(MaskDraw(0xc70d778bccef36a8), 5550984.795207739);
  EXPECT_EQ(MaskDraw(0x6a19c5d97d2bfd39), -1710884.7504064832);
  EXPECT_EQ(MaskDraw(0x494adcb87703bd8d), -4274028.87276886);
  EXPECT_EQ(MaskDraw(0xcc6adebc6fd8358a), 5970114.154912962);
  EXPECT_EQ(MaskDraw(0x9224ead84c7dccb2), 1417516.2850822955);
  EXPECT_EQ(MaskDraw(0), -1e7);
  EXPECT_LT(MaskDraw(~uint64_t{0}), 1e7);
}

// spec 16.4
TEST(Masker, KnownAnswers) {
  Masker zero = WithPeer(0, 1, CountingFrom(0)), one = WithPeer(1, 0, CountingFrom(0));
  const MaskedArray a = zero.Mask(std::vector{1.5, -2.25}).value();
  const MaskedArray b = one.Mask(std::vector{0.5, 1.0}).value();
  EXPECT_EQ(a.fractions, (std::vector{1.2504064831882715, 0.6227688603103161}));
  EXPECT_EQ(a.integers, (std::vector{1710885.0, 4274026.0}));
  EXPECT_EQ(b.fractions, (std::vector{-0.2504064831882715, -0.8727688603103161}));
  EXPECT_EQ(b.integers, (std::vector{-1710884.0, -4274027.0}));

  MaskedSum sum;
  ASSERT_TRUE(sum.Add(std::span(&a, 1), std::nullopt).ok());
  ASSERT_TRUE(sum.Add(std::span(&b, 1), std::nullopt).ok());
  EXPECT_EQ(sum.Finish().value(), (Arrays{{2.0, -1.25}}));
}

// fate_utils 0.1.0: RandomMix and MixAggregate, two arrays in each of two rounds, weighted.
TEST(Masker, GeneratorsGoOnOverArraysAndRoundsAsInFateUtils) {
  Masker zero = WithPeer(0, 1, CountingFrom(0)), one = WithPeer(1, 0, CountingFrom(0));
  const std::vector<double> x{1.5, -2.25, 1e6 + 0.125}, y{0.5, 1.0, -3.75};
  const auto round = [&](std::vector<double> fractions, std::vector<double> integers,
                         double last_fraction, double last_integer) {
    const std::vector<MaskedArray> a{zero.Mask(x, 0.25).value(),
                                     zero.Mask(std::vector{0.1}, 0.25).value()};
    const std::vector<MaskedArray> b{one.Mask(y, 0.75).value(),
                                     one.Mask(std::vector{0.7}, 0.75).value()};
    EXPECT_EQ(a[0].fractions, fractions);
    EXPECT_EQ(a[0].integers, integers);
    EXPECT_EQ(b[1].fractions[0], last_fraction);
    EXPECT_EQ(b[1].integers[0], last_integer);
    MaskedSum sum;
    ASSERT_TRUE(sum.Add(a, 0.25).ok());
    ASSERT_TRUE(sum.Add(b, 0.75).ok());
    EXPECT_EQ(sum.Finish().value(), (Arrays{{0.75, 0.1875, 249997.21875}, {0.5499999999999999}}));
  };
  round({1.1254064831882715, 0.3102688603103161, -0.12366296164691448},
        {1710884.0, 4274028.0, -5720114.0}, 0.8100822955369948, 1417516.0);
  round({0.023150626569986343, 0.4226916804909706, 0.10348034463822842},
        {-3370171.0, 2148503.0, 6684336.0}, -0.23057177700102338, -9042554.0);
  EXPECT_EQ(zero.draws(), 8u);
}

// Every client's masked arrays, and what the aggregator makes of them.
Arrays Aggregate(const std::vector<std::vector<double>>& values, const std::vector<double>& weights,
                 bool sends_weight) {
  MaskedSum sum;
  const int clients = static_cast<int>(values.size());
  for (int rank = 0; rank < clients; ++rank) {
    const auto i = static_cast<size_t>(rank);
    const MaskedArray masked = Client(rank, clients).Mask(values[i], weights[i]).value();
    const auto weight = sends_weight ? std::optional(weights[i]) : std::nullopt;
    EXPECT_TRUE(sum.Add(std::span(&masked, 1), weight).ok());
  }
  return sum.Finish().value();
}

// spec 18, E1
TEST(MaskedSum, ThreeClientsInEveryMode) {
  const std::vector<std::vector<double>> values{
      {0.25, -1e6, 3.14159}, {1e-9, 5e5, -2.71828}, {-7.5, 1.0, 1.41421}};
  const std::vector<double> samples{227, 228, 114};
  for (const auto mode :
       {AggregateMode::kMean, AggregateMode::kSum, AggregateMode::kWeightedMean}) {
    const std::vector<double> weights = ClientWeights(mode, samples).value();
    const Arrays result = Aggregate(values, weights, mode != AggregateMode::kSum);
    for (size_t i = 0; i < 3; ++i) {
      const double sum = values[0][i] + values[1][i] + values[2][i];
      const double weighted = 227 * values[0][i] + 228 * values[1][i] + 114 * values[2][i];
      const double expected = mode == AggregateMode::kMean  ? sum / 3
                              : mode == AggregateMode::kSum ? sum
                                                            : weighted / 569;
      EXPECT_NEAR(result[0][i], expected, 1e-9);
    }
  }
}

// spec 18, E1; also without the detour over normalised weights.
TEST(MaskedSum, MeanWithWeights227And228) {
  const std::vector<std::vector<double>> values{{0.125, -3.5}, {-0.75, 12.25}};
  for (const std::vector<double>& weights :
       {std::vector{227.0, 228.0}, std::vector{227.0 / 455, 228.0 / 455}}) {
    const Arrays mean = Aggregate(values, weights, true);
    for (size_t i = 0; i < 2; ++i) {
      EXPECT_NEAR(mean[0][i], (227 * values[0][i] + 228 * values[1][i]) / 455, 1e-9);
    }
  }
}

RC_GTEST_PROP(MaskedSum, MasksOfAnyNumberOfClientsCancel, ()) {
  const auto clients = static_cast<size_t>(*rc::gen::inRange(2, 9));
  std::vector<std::vector<double>> values(clients);
  std::vector<double> sums(5);
  for (std::vector<double>& array : values) {
    for (size_t i = 0; i < sums.size(); ++i) {
      array.push_back(*rc::gen::inRange(-1'000'000'000, 1'000'000'000) * 1e-3);
      sums[i] += array[i];
    }
  }
  const Arrays result = Aggregate(values, std::vector<double>(clients, 1.0), false);
  for (size_t i = 0; i < sums.size(); ++i) RC_ASSERT(std::abs(result[0][i] - sums[i]) < 1e-9);
}

TEST(Masker, ThreadsMakeTheSameMasks) {
  const WorkerPool pool(3);
  Masker one = Client(1, 4), other = Client(1, 4);
  const std::vector<double> values(50'000, 0.5);
  for (int round = 0; round < 2; ++round) {
    const MaskedArray a = one.Mask(values).value(), b = other.Mask(values, 1.0, pool).value();
    ASSERT_EQ(a.fractions, b.fractions);
    ASSERT_EQ(a.integers, b.integers);
  }
}

// The mean of n draws has a standard deviation of 2e7 / sqrt(12 n); five of those are allowed.
TEST(Masker, MasksAreUniformAndDoNotRepeat) {
  constexpr size_t kCount = 100'000;
  const std::vector<double> zeros(kCount);
  Masker client = WithPeer(1, 0, CountingFrom(9));
  const MaskedArray masked = client.Mask(zeros).value(), next = client.Mask(zeros).value();
  double sum = 0;
  size_t low = 0, repeated = 0;
  for (size_t i = 0; i < kCount; ++i) {
    sum += masked.integers[i];
    low += masked.integers[i] < -5e6;
    repeated += masked.fractions[i] == next.fractions[i];
    ASSERT_LE(std::abs(masked.integers[i]), 1e7);
    ASSERT_LT(std::abs(masked.fractions[i]), 1.0);
  }
  EXPECT_LT(std::abs(sum / kCount), 5 * 2e7 / std::sqrt(12.0 * kCount));
  EXPECT_LT(std::abs(static_cast<double>(low) - kCount / 4.0), 5 * std::sqrt(kCount * 3 / 16.0));
  EXPECT_EQ(repeated, 0u);
}

TEST(Masker, ValuesThatCannotBeMaskedAreRefusedBeforeAnythingIsDrawn) {
  Masker client = Client(0, 3);
  const double nan = std::numeric_limits<double>::quiet_NaN();
  const double infinity = std::numeric_limits<double>::infinity();
  for (const double value : {nan, infinity, -infinity, 0x1p51, -1e300}) {
    const absl::Status status = client.Mask(std::vector{1.0, value}).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
    EXPECT_NE(Message(status).find("value 1 of the array"), std::string::npos);
  }
  EXPECT_FALSE(client.Mask(std::vector{1.0}, nan).ok());
  EXPECT_EQ(client.draws(), 0u);
  EXPECT_TRUE(client.Mask({}).ok());
}

TEST(Masker, AClientAloneOrWithItselfIsRefused) {
  EXPECT_FALSE(Masker::Create(0, {}).ok());
  EXPECT_FALSE(Masker::Create(2, {{1, CountingFrom(0)}, {2, CountingFrom(1)}}).ok());
}

TEST(MaskedSum, ClientsThatDoNotFitTogetherAreRefused) {
  const MaskedArray two{{1, 2}, {3, 4}}, three{{1, 2, 3}, {4, 5, 6}}, torn{{1, 2}, {3}};
  MaskedSum sum;
  EXPECT_EQ(sum.Finish().status().code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(sum.Add(std::span(&torn, 1), 1.0).ok());
  ASSERT_TRUE(sum.Add(std::span(&two, 1), 1.0).ok());
  EXPECT_FALSE(sum.Add(std::span(&three, 1), 1.0).ok());
  EXPECT_FALSE(sum.Add(std::vector{two, two}, 1.0).ok());
  EXPECT_FALSE(sum.Add(std::span(&two, 1), std::nullopt).ok());
  for (const double weight : {0.0, -1.0, std::numeric_limits<double>::quiet_NaN(),
                              std::numeric_limits<double>::infinity()}) {
    EXPECT_FALSE(sum.Add(std::span(&two, 1), weight).ok());
  }
  EXPECT_EQ(sum.clients(), 1u);
  EXPECT_EQ(sum.Finish().value(), (Arrays{{4, 6}}));
}

TEST(ClientWeights, AWeightedMeanNeedsSamples) {
  EXPECT_FALSE(ClientWeights(AggregateMode::kWeightedMean, std::vector{1.0, 0.0}).ok());
  EXPECT_EQ(ClientWeights(AggregateMode::kMean, std::vector{1.0, 0.0}).value(),
            (std::vector{0.5, 0.5}));
  EXPECT_EQ(ClientWeights(AggregateMode::kWeightedMean, std::vector{227.0, 228.0}).value(),
            (std::vector{227.0 / 455, 228.0 / 455}));
}

}  // namespace
}  // namespace fate::crypto
