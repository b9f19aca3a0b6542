#include "crypto/homomorphic/fixed_point_vector.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

using testing::HasSubstr;
using Numbers = std::vector<FixedPointNumber>;
using Doubles = std::vector<double>;

constexpr int32_t kNeutral = FixedPointVector::kNeutral;

// Paillier ciphertexts 1 + n m without masks, which anyone can decrypt: what is tested here never
// looks at the mask. The numbers of AnyNumbers are so small that doubles are exact.
class FixedPointVectorTest : public testing::TestWithParam<Isa> {
 protected:
  FixedPointVectorTest() { UseModulus(BigInt::PowerOfTwo(255).NextPrime() * BigInt(1000003)); }

  void UseModulus(const BigInt& n) {
    n_ = n;
    ring_ = Ring::ModuloSquare(n, GetParam());
  }

  FixedPointVector Encrypted(const Numbers& numbers) const {
    std::vector<BigInt> values;
    std::vector<int32_t> exponents;
    for (const FixedPointNumber& number : numbers) {
      values.push_back(number.significand.Mod(n_) * n_ + 1);
      exponents.push_back(number.exponent);
    }
    return FixedPointVector(Residues(ring_, values), exponents);
  }

  Doubles Decrypted(const FixedPointVector& vector) const {
    const FixedPointCoder coder(n_);
    Doubles values;
    const std::vector<BigInt> plain = vector.ciphertexts().Leave();
    for (size_t i = 0; i < plain.size(); ++i) {
      const int32_t exponent = vector.exponents()[i] == kNeutral ? 0 : vector.exponents()[i];
      values.push_back(coder.DecodeDouble({plain[i] / n_, exponent}).value_or(NAN));
    }
    return values;
  }
  Doubles Decrypted(const absl::StatusOr<FixedPointVector>& vector) const {
    if (!vector.ok()) ADD_FAILURE() << vector.status();
    return vector.ok() ? Decrypted(*vector) : Doubles();
  }

  // Small numbers of a few exponents; in one case of four all have the same. A sum of four products
  // is a multiple of 16^-4 below 4 * 500^2 * 16^4, at most 52 bits, so doubles are exact.
  static Numbers AnyNumbers(size_t count) {
    const bool uniform = *rc::gen::inRange(0, 4) == 0;
    Numbers numbers;
    for (size_t i = 0; i < count; ++i) {
      numbers.push_back(
          {BigInt(*rc::gen::inRange(-499, 500)), uniform ? -2 : *rc::gen::inRange(-2, 3)});
    }
    return numbers;
  }
  static size_t AnySize() { return *rc::gen::inRange<size_t>(1, 20); }

  static Doubles Values(const Numbers& numbers) {
    Doubles values;
    for (const FixedPointNumber& number : numbers) {
      values.push_back(*ScaledToDouble(number.significand, 4 * number.exponent));
    }
    return values;
  }

  BigInt n_;
  std::shared_ptr<const Ring> ring_;
};

TEST_P(FixedPointVectorTest, SumsAndDifferencesOfElements) {
  EXPECT_TRUE(rc::check([&] {
    const size_t size = AnySize();
    const Numbers a = AnyNumbers(size);
    const Numbers b = AnyNumbers(*rc::gen::arbitrary<bool>() ? size : 1);
    Doubles sum = Values(a), difference = Values(a), negated = Values(a);
    for (size_t i = 0; i < size; ++i) {
      sum[i] += Values(b)[b.size() == 1 ? 0 : i];
      difference[i] -= Values(b)[b.size() == 1 ? 0 : i];
      negated[i] = 0 - negated[i];
    }
    RC_ASSERT(Decrypted(Add(Encrypted(a), Encrypted(b))) == sum);
    RC_ASSERT(Decrypted(Subtract(Encrypted(a), Encrypted(b))) == difference);
    RC_ASSERT(Decrypted(Negate(Encrypted(a))) == negated);
  }));
}

TEST_P(FixedPointVectorTest, SumsInPlace) {
  EXPECT_TRUE(rc::check([&] {
    const Numbers a = AnyNumbers(20);
    const auto at = *rc::gen::inRange<size_t>(0, 20);
    const Numbers b = AnyNumbers(*rc::gen::inRange<size_t>(0, 21 - at));
    Doubles sum = Values(a), difference = Values(a);
    for (size_t i = 0; i < b.size(); ++i) {
      sum[at + i] += Values(b)[i];
      difference[at + i] -= Values(b)[i];
    }
    FixedPointVector plus = Encrypted(a), minus = Encrypted(a);
    RC_ASSERT(AddInto(plus, at, Encrypted(b)).ok());
    RC_ASSERT(SubtractFrom(minus, at, Encrypted(b)).ok());
    RC_ASSERT(Decrypted(plus) == sum);
    RC_ASSERT(Decrypted(minus) == difference);
  }));
}

TEST_P(FixedPointVectorTest, OverlappingRangesReadWhatTheyChanged) {
  EXPECT_TRUE(rc::check([&] {
    const Numbers a = AnyNumbers(12);
    const auto to = *rc::gen::inRange<size_t>(0, 12), from = *rc::gen::inRange<size_t>(0, to + 1);
    const auto count = *rc::gen::inRange<size_t>(0, 13 - to);
    Doubles sum = Values(a), difference = Values(a);
    for (size_t k = 0; k < count; ++k) {
      sum[to + k] += sum[from + k];
      difference[to + k] -= difference[from + k];
    }
    FixedPointVector plus = Encrypted(a), minus = Encrypted(a);
    RC_ASSERT(AddWithin(plus, from, to, count).ok());
    RC_ASSERT(SubtractWithin(minus, from, to, count).ok());
    RC_ASSERT(Decrypted(plus) == sum);
    RC_ASSERT(Decrypted(minus) == difference);
  }));
}

TEST_P(FixedPointVectorTest, MultiplesOfElements) {
  EXPECT_TRUE(rc::check([&] {
    const size_t size = AnySize();
    const Numbers a = AnyNumbers(size);
    Numbers b = AnyNumbers(*rc::gen::arbitrary<bool>() ? size : 1);
    Doubles product = Values(a);
    for (size_t i = 0; i < size; ++i) product[i] *= Values(b)[b.size() == 1 ? 0 : i];
    for (double& value : product) value += 0.0;  // no negative zeros
    RC_ASSERT(Decrypted(MultiplyPlain(Encrypted(a), b)) == product);
    for (FixedPointNumber& number : b) {  // as FATE's integers: negatives in the upper half
      if (number.significand.IsNegative()) number.significand += n_;
    }
    RC_ASSERT(Decrypted(MultiplyPlain(Encrypted(a), b)) == product);
  }));
}

TEST_P(FixedPointVectorTest, ProductsOfMatrices) {
  EXPECT_TRUE(rc::check([&] {
    const auto rows = *rc::gen::inRange<size_t>(1, 5), inner = *rc::gen::inRange<size_t>(1, 5),
               columns = *rc::gen::inRange<size_t>(1, 5);
    const Numbers left = AnyNumbers(rows * inner), right = AnyNumbers(inner * columns);
    Doubles product(rows * columns);
    for (size_t i = 0; i < product.size(); ++i) {
      for (size_t k = 0; k < inner; ++k) {
        product[i] +=
            Values(left)[i / columns * inner + k] * Values(right)[k * columns + i % columns];
      }
    }
    RC_ASSERT(Decrypted(MultiplyRight(Encrypted(left), right, inner)) == product);
    RC_ASSERT(Decrypted(MultiplyLeft(left, Encrypted(right), inner)) == product);
  }));
}

TEST_P(FixedPointVectorTest, SumsOfIntervals) {
  EXPECT_TRUE(rc::check([&] {
    const Numbers a = AnyNumbers(AnySize());
    const auto step = *rc::gen::inRange<size_t>(1, 4);
    std::vector<Interval> intervals(*rc::gen::inRange<size_t>(0, 4));
    Doubles sums(intervals.size() * step);
    for (size_t i = 0; i < intervals.size(); ++i) {
      const auto end = *rc::gen::inRange<size_t>(0, a.size() + 1);
      intervals[i] = {*rc::gen::inRange<size_t>(0, end + 1), end};
      for (size_t at = intervals[i].begin; at < end; ++at) {
        sums[i * step + (at - intervals[i].begin) % step] += Values(a)[at];
      }
    }
    RC_ASSERT(Decrypted(SumIntervals(Encrypted(a), intervals, step)) == sums);
  }));
}

TEST_P(FixedPointVectorTest, CumulativeSums) {
  EXPECT_TRUE(rc::check([&] {
    const Numbers a = AnyNumbers(AnySize());
    const auto step = *rc::gen::inRange<size_t>(1, 4);
    const auto cut = *rc::gen::inRange<size_t>(0, a.size() + 1);
    const std::vector<size_t> chunks{cut, a.size() - cut};
    Doubles sums = Values(a);
    for (size_t i = 0; i < sums.size(); ++i) {
      const size_t begin = i < cut ? 0 : cut;
      if (i >= begin + step) sums[i] += sums[i - step];
    }
    FixedPointVector vector = Encrypted(a);
    RC_ASSERT(CumulativeSum(vector, chunks, step).ok());
    RC_ASSERT(Decrypted(vector) == sums);
  }));
}

TEST_P(FixedPointVectorTest, ContributionsToSums) {
  EXPECT_TRUE(rc::check([&] {
    const auto stride = *rc::gen::inRange<size_t>(1, 4);
    const Numbers a = AnyNumbers(5 * stride);
    const bool from_zero = *rc::gen::arbitrary<bool>();
    const Numbers start = AnyNumbers(3 * stride);
    FixedPointVector sums =
        from_zero ? FixedPointVector::Zeros(ring_, 3 * stride) : Encrypted(start);
    Doubles expected = from_zero ? Doubles(3 * stride) : Values(start);
    std::vector<Contribution> contributions(*rc::gen::inRange<size_t>(0, 9));
    for (Contribution& c : contributions) {
      c = {*rc::gen::inRange<uint32_t>(0, 5), *rc::gen::inRange<uint32_t>(0, 3)};
      for (size_t k = 0; k < stride; ++k) {
        expected[c.target * stride + k] += Values(a)[c.source * stride + k];
      }
    }
    RC_ASSERT(AddContributions(sums, Encrypted(a), contributions, stride).ok());
    RC_ASSERT(Decrypted(sums) == expected);
  }));
}

TEST_P(FixedPointVectorTest, ElementsMoveWithTheirExponents) {
  const Numbers a{{1, 0}, {2, -1}, {3, 2}, {4, 1}};
  const FixedPointVector vector = Encrypted(a);
  EXPECT_EQ(Decrypted(Slice(vector, 1, 2)), (Doubles{0.125, 768}));
  const std::vector<Interval> intervals{{2, 4}, {0, 0}, {0, 1}};
  EXPECT_EQ(Decrypted(Slice(vector, intervals)), (Doubles{768, 64, 1}));
  EXPECT_EQ(Decrypted(Gather(vector, std::vector<size_t>{3, 3, 0})), (Doubles{64, 64, 1}));
  const FixedPointVector* parts[] = {&vector, &vector};
  EXPECT_EQ(Decrypted(Concatenate(parts)), (Doubles{1, 0.125, 768, 64, 1, 0.125, 768, 64}));
}

TEST_P(FixedPointVectorTest, NeutralZerosTakeTheOthersExponent) {
  const FixedPointVector x = Encrypted({{7, 3}, {5, -2}});
  const FixedPointVector zeros = FixedPointVector::Zeros(ring_, 2);
  for (const auto& sum : {*Add(zeros, x), *Add(x, zeros), *Subtract(x, zeros)}) {
    EXPECT_EQ(SerializeToFate(sum), SerializeToFate(x));
  }
  const auto multiple = MultiplyPlain(x, Numbers{{0, 5}, {2, 5}});
  EXPECT_THAT(multiple->exponents(), testing::ElementsAre(kNeutral, 3));
  EXPECT_EQ(Decrypted(Add(*multiple, x)), (Doubles{28672, 40960 + 5.0 / 256}));
}

TEST_P(FixedPointVectorTest, EqualExponentsStay) {
  const FixedPointVector a = Encrypted({{1, -5}, {2, -5}}), b = Encrypted({{3, -5}, {4, -5}});
  EXPECT_THAT(Add(a, b)->exponents(), testing::Each(-5));
  EXPECT_THAT(MultiplyRight(a, Numbers{{3, -2}, {4, -2}}, 2)->exponents(), testing::Each(-7));
  EXPECT_THAT(Sum(a)->exponents(), testing::Each(-5));
}

// 999 16^6 + 16^-6 takes 58 bits: doubles would lose the second term.
TEST_P(FixedPointVectorTest, ProductsAreExactBeyondTheBitsOfDoubles) {
  const Numbers left{{999, 3}, {1, -3}, {-999, 3}}, right{{1, 3}, {1, -3}, {1, 3}};
  const Doubles product{std::ldexp(1.0, -24)};
  EXPECT_EQ(Decrypted(MultiplyRight(Encrypted(left), right, 3)), product);
  EXPECT_EQ(Decrypted(MultiplyLeft(left, Encrypted(right), 3)), product);
}

TEST_P(FixedPointVectorTest, SqueezedFieldsKeepTheirOrder) {
  const FixedPointVector a = Encrypted({{1, -2}, {2, -2}, {3, -2}});
  const auto squeezed = Squeeze(a, 2, 20);
  EXPECT_EQ(Decrypted(squeezed), (Doubles{((1 << 20) + 2) / 256.0, 3 / 256.0}));
  EXPECT_EQ(Message(Squeeze(Encrypted({{1, 0}, {1, 1}}), 2, 20).status()),
            "ciphertexts of exponents 0 and 1 cannot be squeezed into one");
}

TEST_P(FixedPointVectorTest, BytesAreThoseOfFate) {  // 16.1
  UseModulus(BigInt(6732696430022730493));
  const FixedPointVector vector = Encrypted({{12345, 0}, {7, -3}});
  const std::string hex =
      "0200000000000000100000001400000000000000313139396165336461383737653532366261353600000000"
      "1000000011000000000000003238653062363631663463353137346563fdffffff";
  const std::string bytes = BigInt::FromHex(hex)->ToBytes(hex.size() / 2);
  EXPECT_EQ(SerializeToFate(vector), bytes);
  const auto received = ParseFromFate(ring_, bytes);
  ASSERT_TRUE(received.ok()) << received.status();
  EXPECT_EQ(SerializeToFate(received->vector), bytes);
  EXPECT_EQ(received->negatives, 0u);
  const auto zeros = ParseFromFate(ring_, SerializeToFate(FixedPointVector::Zeros(ring_, 3)));
  EXPECT_THAT(zeros->vector.exponents(), testing::Each(kNeutral));
}

TEST_P(FixedPointVectorTest, WhatCannotBeRightIsRefused) {
  const FixedPointVector a = Encrypted({{1, 0}}), far = Encrypted({{1, 1000}});
  EXPECT_THAT(Message(Add(a, far).status()),
              HasSubstr("differ by 1000 do not fit into plaintexts"));
  EXPECT_THAT(
      Message(MultiplyLeft(Numbers{{1, 0}, {1, 500}}, Encrypted({{1, 0}, {1, 0}}), 2).status()),
      HasSubstr("differ by 500"));
  EXPECT_THAT(Message(MultiplyPlain(far, Numbers{{1, INT32_MAX - 500}}).status()),
              HasSubstr("more than 32 bits"));
  EXPECT_EQ(Message(MultiplyPlain(a, Numbers{{n_ + 1, 0}}).status()),
            "Attempted to decode corrupted number");
  EXPECT_THAT(Message(Add(a, Encrypted({{1, 0}, {1, 0}})).status()), HasSubstr("2 operands for 1"));
  EXPECT_THAT(Message(MultiplyRight(a, Numbers{{1, 0}}, 2).status()),
              HasSubstr("no common dimension 2"));
  FixedPointVector changed = a;
  EXPECT_FALSE(AddWithin(changed, 1, 0, 1).ok());
  EXPECT_FALSE(AddInto(changed, 1, a).ok());
  UseModulus(n_ + 2);
  EXPECT_THAT(Message(Add(a, Encrypted({{1, 0}})).status()), HasSubstr("two different keys"));
  EXPECT_THAT(Message(Add(a, Encrypted({{1, 1}})).status()), HasSubstr("two different keys"));
}

INSTANTIATE_TEST_SUITE_P(Isas, FixedPointVectorTest, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

}  // namespace
}  // namespace fate::crypto
