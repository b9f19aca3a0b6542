#include "crypto/homomorphic/ciphertexts.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/status.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

BigInt Decimal(std::string_view text) { return *BigInt::FromDecimal(text); }

// Paillier with the toy key of spec/federated-algorithms.md 16.1, on every instruction set.
class CiphertextsTest : public testing::TestWithParam<Isa> {
 protected:
  CiphertextsTest() : ring_(Ring::ModuloSquare(n_, GetParam())) {}

  BigInt EncryptOne(const BigInt& m) const {
    const BigInt& modulus = ring_->modulus();
    return ((n_ * m.Mod(n_) + 1) * (Random::Below(n_ - 1) + 1).PowMod(n_, modulus)).Mod(modulus);
  }
  Residues Encrypt(const std::vector<int64_t>& plain) const {
    std::vector<BigInt> values;
    for (const int64_t m : plain) values.push_back(EncryptOne(m));
    return {ring_, values};
  }
  std::vector<int64_t> Decrypt(const Residues& c) const {
    const BigInt order = (p_ - 1) * (q_ - 1);
    const BigInt inverse = *order.Mod(n_).InverseMod(n_);
    std::vector<int64_t> plain;
    for (const BigInt& value : c.Leave()) {
      BigInt m = ((value.PowMod(order, ring_->modulus()) - 1) / n_ * inverse).Mod(n_);
      if (m > n_ / 2) m -= n_;
      plain.push_back(m.ToInt64());
    }
    return plain;
  }
  std::vector<int64_t> RandomPlain(size_t count, int64_t bound = 1000) const {
    std::vector<int64_t> plain(count);
    for (int64_t& m : plain) {
      m = static_cast<int64_t>(Random::Uint64() % static_cast<uint64_t>(2 * bound)) - bound;
    }
    return plain;
  }

  const BigInt p_ = 2147496017, q_ = 3135138029, n_ = p_ * q_;
  std::shared_ptr<const Ring> ring_;
  WorkerPool pool_{2};
};

// spec/federated-algorithms.md 16.1
TEST_P(CiphertextsTest, KnownAnswers) {
  const Residues a(ring_, std::vector{Decimal("378208424941204102354228022779446300")});
  const Residues b(ring_, std::vector{Decimal("19314820469970456594488558459090214055")});
  EXPECT_EQ(Add(a, b)->Leave()[0], Decimal("28141059279098334866561928499330967556"));
  const std::vector<int64_t> three{3}, minus_two{-2};
  EXPECT_EQ(MultiplyPlain(a, Multipliers(three))->Leave()[0],
            Decimal("13515152368700491357766217955354136105"));
  EXPECT_EQ(MultiplyPlain(a, Multipliers(minus_two))->Leave()[0],
            Decimal("44319430575424295357088158285348449516"));
}

TEST_P(CiphertextsTest, VectorsAreAddedSubtractedNegatedAndDoubled) {
  const std::vector<int64_t> x = RandomPlain(21), y = RandomPlain(21);
  const Residues a = Encrypt(x), b = Encrypt(y), one = Encrypt({5});
  std::vector<int64_t> sum, difference, negated, plus_five, minus_five;
  for (size_t i = 0; i < x.size(); ++i) {
    sum.push_back(x[i] + y[i]);
    difference.push_back(x[i] - y[i]);
    negated.push_back(-x[i]);
    plus_five.push_back(x[i] + 5);
    minus_five.push_back(x[i] - 5);
  }
  EXPECT_EQ(Decrypt(*Add(a, b, pool_)), sum);
  EXPECT_EQ(Decrypt(*Subtract(a, b, pool_)), difference);
  EXPECT_EQ(Decrypt(*Negate(a)), negated);
  EXPECT_EQ(Decrypt(*Add(a, one)), plus_five);
  EXPECT_EQ(Decrypt(*Subtract(a, one)), minus_five);

  Residues c = a;
  ASSERT_TRUE(Double(c, 2, 3).ok());
  ASSERT_TRUE(AddInto(c, 20, one).ok());
  ASSERT_TRUE(SubtractFrom(c, 0, one).ok());
  std::vector<int64_t> expected = x;
  for (size_t i = 2; i < 5; ++i) expected[i] *= 2;
  expected[20] += 5;
  expected[0] -= 5;
  EXPECT_EQ(Decrypt(c), expected);
}

TEST_P(CiphertextsTest, MultipliersOfBothSignsMultiply) {
  const std::vector<int64_t> x = RandomPlain(40), factors = RandomPlain(40, 1 << 23);
  std::vector<int64_t> expected, all_by_minus_seven;
  std::vector<BigInt> wide;
  for (size_t i = 0; i < x.size(); ++i) {
    expected.push_back(x[i] * factors[i]);
    all_by_minus_seven.push_back(x[i] * -7);
    wide.push_back(BigInt(factors[i]) + n_ * (i % 2 == 0 ? 1 : -1));  // the same modulo n
  }
  const Residues a = Encrypt(x);
  EXPECT_EQ(Decrypt(*MultiplyPlain(a, Multipliers(factors), pool_)), expected);
  EXPECT_EQ(Decrypt(*MultiplyPlain(a, Multipliers(wide))), expected);
  const std::vector<int64_t> minus_seven{-7};
  EXPECT_EQ(Decrypt(*MultiplyPlain(a, Multipliers(minus_seven))), all_by_minus_seven);
}

TEST_P(CiphertextsTest, TheSmallestIntegerIsAMultiplier) {
  const std::vector<int64_t> smallest{INT64_MIN};
  const Residues product = *MultiplyPlain(Encrypt({0, 0}), Multipliers(smallest));
  EXPECT_EQ(Decrypt(product), (std::vector<int64_t>{0, 0}));
  const BigInt expected = BigInt(INT64_MIN).Mod(n_);
  const Residues of_one = *MultiplyPlain(Encrypt({1}), Multipliers(smallest));
  EXPECT_EQ(BigInt(Decrypt(of_one)[0]).Mod(n_), expected);
}

TEST_P(CiphertextsTest, MatricesMultiplyFromBothSides) {
  for (const auto& [rows, inner, columns] : std::vector<std::tuple<size_t, size_t, size_t>>{
           {1, 1, 1}, {3, 4, 5}, {7, 30, 1}, {1, 30, 7}, {2, 100, 3}}) {
    const std::vector<int64_t> x = RandomPlain(rows * inner), y = RandomPlain(inner * columns);
    std::vector<int64_t> product(rows * columns, 0);
    for (size_t i = 0; i < rows * columns; ++i) {
      for (size_t k = 0; k < inner; ++k) {
        product[i] += x[i / columns * inner + k] * y[k * columns + i % columns];
      }
    }
    EXPECT_EQ(Decrypt(*MultiplyRight(Encrypt(x), Multipliers(y), inner, pool_)), product);
    EXPECT_EQ(Decrypt(*MultiplyLeft(Multipliers(x), Encrypt(y), inner, pool_)), product);
  }
}

TEST_P(CiphertextsTest, SumsOverStepsIntervalsAndChunks) {
  const std::vector<int64_t> x = RandomPlain(50);
  const Residues a = Encrypt(x);
  const std::vector<Interval> intervals{{0, 50}, {3, 3}, {10, 17}};
  std::vector<int64_t> sums(6, 0), cumulative = x;
  for (size_t i = 0; i < 3; ++i) {
    for (size_t at = intervals[i].begin; at < intervals[i].end; ++at) {
      sums[2 * i + (at - intervals[i].begin) % 2] += x[at];
    }
  }
  EXPECT_EQ(Decrypt(*SumIntervals(a, intervals, 2, pool_)), sums);
  EXPECT_EQ(Decrypt(*Sum(a, 2)), (std::vector<int64_t>{sums[0], sums[1]}));
  EXPECT_EQ(Decrypt(*Sum(a)), (std::vector<int64_t>{sums[0] + sums[1]}));

  const std::vector<size_t> chunks{20, 1, 0, 25};
  for (size_t i = 2; i < 20; ++i) cumulative[i] += cumulative[i - 2];
  for (size_t i = 23; i < 46; ++i) cumulative[i] += cumulative[i - 2];
  Residues c = a;
  ASSERT_TRUE(CumulativeSum(c, chunks, 2).ok());
  EXPECT_EQ(Decrypt(c), cumulative);
}

TEST_P(CiphertextsTest, HistogramsCountEveryRowOnceForEachFeature) {
  constexpr size_t kRows = 200, kFeatures = 3, kBins = 4;
  const std::vector<int64_t> x = RandomPlain(kRows);
  std::vector<int32_t> bins;
  std::vector<int64_t> sums(kFeatures * kBins, 0);
  for (size_t i = 0; i < kRows * kFeatures; ++i) {
    bins.push_back(static_cast<int32_t>(Random::Uint64() % (kBins + 1)) - 1);
    if (bins[i] >= 0)
      sums[i % kFeatures * kBins + static_cast<size_t>(bins[i])] += x[i / kFeatures];
  }
  EXPECT_EQ(Decrypt(*Histogram(Encrypt(x), bins, kFeatures, kBins, pool_)), sums);
}

TEST_P(CiphertextsTest, ContributionsAreAddedInRuns) {
  Residues sums = Encrypt({100, 200, 300, 400});
  const Residues a = Encrypt({1, 2, 3, 4, 5, 6});
  const std::vector<Contribution> contributions{{0, 1}, {2, 1}, {1, 0}, {1, 0}};
  ASSERT_TRUE(AddContributions(sums, a, contributions, 2).ok());
  EXPECT_EQ(Decrypt(sums), (std::vector<int64_t>{106, 208, 306, 408}));
}

TEST_P(CiphertextsTest, SqueezedCiphertextsShiftAndAdd) {
  const Residues a = Encrypt({1, 2, 3, 4, 5, 6, 7});
  EXPECT_EQ(Decrypt(*Squeeze(a, 3, 10)),
            (std::vector<int64_t>{(1 << 20) + (2 << 10) + 3, (4 << 20) + (5 << 10) + 6, 7}));
}

TEST_P(CiphertextsTest, ElementsAreSlicedGatheredAndPutTogether) {
  const Residues a = Encrypt({1, 2, 3, 4}), none;
  EXPECT_EQ(Decrypt(*Slice(a, 1, 2)), (std::vector<int64_t>{2, 3}));
  const std::vector<size_t> order{3, 0, 0};
  const Residues b = *Gather(a, order);
  EXPECT_EQ(Decrypt(b), (std::vector<int64_t>{4, 1, 1}));
  const std::vector<const Residues*> parts{&a, &none, &b};
  EXPECT_EQ(Decrypt(*Concatenate(parts)), (std::vector<int64_t>{1, 2, 3, 4, 4, 1, 1}));
}

TEST_P(CiphertextsTest, BytesAreLeastResiduesOfFixedWidth) {
  const Residues a = Encrypt(RandomPlain(30));
  const std::string bytes = Serialize(a, pool_);
  ASSERT_EQ(bytes.size(), 30 * 16);
  EXPECT_EQ(Parse(ring_, bytes, pool_)->Leave(), a.Leave());
  EXPECT_EQ(BigInt::FromBytes(std::string_view(bytes).substr(16, 16)), a.Leave()[1]);
  EXPECT_EQ(Parse(ring_, "")->size(), 0);
}

TEST_P(CiphertextsTest, BytesOutOfRangeAreRefused) {
  const std::string one = BigInt(1).ToBytes(16);
  EXPECT_EQ(Message(Parse(ring_, one + "x").status()),
            "17 bytes are no whole number of ciphertexts of 16 bytes");
  for (const BigInt& bad : {BigInt(0), ring_->modulus(), BigInt::PowerOfTwo(127)}) {
    EXPECT_EQ(Message(Parse(ring_, one + bad.ToBytes(16)).status()),
              "ciphertext 1 is not in [1, modulus): it was made with another key, or damaged");
  }
}

TEST_P(CiphertextsTest, WhatDoesNotFitIsRefused) {
  const Residues a = Encrypt({1, 2, 3}), b = Encrypt({1, 2});
  const Residues foreign(Ring::ModuloSquare(n_ + 2, GetParam()), std::vector<BigInt>{1, 2, 3});
  const Residues not_invertible(ring_, std::vector{BigInt(1), p_, BigInt(2)});
  const std::vector<int64_t> two{1, -2}, minus{-1, -1, -1}, mixed{1, -2, 3};
  const std::vector<int32_t> bins{0, 1, 2};
  const std::vector<Interval> interval{{2, 4}};
  const std::vector<size_t> chunks{2, 2};
  const std::vector<Contribution> contributions{{3, 0}};
  Residues c = a;
  const std::vector<absl::Status> refusals{
      Add(a, b).status(),
      Add(a, foreign).status(),
      Subtract(a, not_invertible).status(),
      MultiplyPlain(a, Multipliers(two)).status(),
      MultiplyPlain(not_invertible, Multipliers(minus)).status(),
      MultiplyPlain(not_invertible, Multipliers(mixed)).status(),
      CheckInvertible(not_invertible),
      WeightedSum(a, Multipliers(two)).status(),
      WeightedSum(not_invertible, Multipliers(minus)).status(),
      MultiplyRight(a, Multipliers(two), 2).status(),
      Histogram(a, bins, 1, 2).status(),
      Histogram(a, bins, 2, 3).status(),
      SumIntervals(a, interval).status(),
      Sum(a, 0).status(),
      CumulativeSum(c, chunks),
      AddContributions(c, a, contributions),
      AddInto(c, 2, b),
      Double(c, 3, 1),
      Squeeze(a, 0, 8).status(),
      Slice(a, 4, 0).status(),
      Gather(a, std::vector<size_t>{3}).status(),
      Concatenate(std::vector<const Residues*>{&a, &foreign}).status(),
  };
  for (size_t i = 0; i < refusals.size(); ++i) {
    EXPECT_EQ(refusals[i].code(), absl::StatusCode::kInvalidArgument) << "case " << i;
  }
  for (const size_t i : {2, 4, 5, 6}) {
    EXPECT_NE(Message(refusals[i]).find("element 1 has no inverse"), std::string::npos) << i;
  }
  EXPECT_TRUE(CheckInvertible(a).ok());
}

INSTANTIATE_TEST_SUITE_P(Isas, CiphertextsTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// With any integers: the weighted sum is the sum of the multiples, whatever the path taken.
RC_GTEST_PROP(CiphertextSums, WeightedSumsEqualTermByTermSums, ()) {
  const auto weights = *rc::gen::nonEmpty<std::vector<int64_t>>();
  static const auto ring = Ring::ModuloSquare(Decimal("1000000000000000000000000000057"));
  std::vector<BigInt> values(weights.size());
  for (BigInt& value : values) value = Random::Below(ring->base() - 1) + 1;
  const Residues a(ring, values);
  const Residues sum = *WeightedSum(a, Multipliers(weights));
  const Residues products = *MultiplyPlain(a, Multipliers(weights));
  RC_ASSERT(sum.Leave() == Sum(products)->Leave());
}

}  // namespace
}  // namespace fate::crypto
