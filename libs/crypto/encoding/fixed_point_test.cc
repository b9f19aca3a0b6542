#include "crypto/encoding/fixed_point.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>
#include <limits>

#include "base/status.h"

namespace fate::crypto {
namespace {

using testing::HasSubstr;

const FixedPointCoder& ToyCoder() {
  static const FixedPointCoder coder(BigInt(6732696430022730493));
  return coder;
}

const FixedPointCoder& Coder1024() {
  static const FixedPointCoder coder(BigInt::PowerOfTwo(1023) + 12345);
  return coder;
}

// Every bit pattern: denormals, zeros of both signs, infinities and NaN with their due weight.
double AnyDouble() { return std::bit_cast<double>(*rc::gen::arbitrary<uint64_t>()); }

struct Row {
  double value;
  int64_t significand;
  int32_t exponent;
};

// spec/federated-algorithms.md 16.1, column 2.x
constexpr Row kTable[] = {{1.0, 4503599627370496, -13},      {-1.0, -4503599627370496, -13},
                          {0.5, 36028797018963968, -14},     {0.1, 7205759403792794, -14},
                          {3.14159, 14148463553350876, -13}, {123.456, 34749774724790748, -12},
                          {1e-8, 12089258196146292, -20},    {1e10, 10485760000000000, -5},
                          {-0.25, -18014398509481984, -14},  {0.0, 0, -14}};

TEST(FixedPoint, DoublesEncodeAsInTheTable) {
  for (const Row& row : kTable) {
    const auto number = ToyCoder().EncodeDouble(row.value);
    ASSERT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(*number, (FixedPointNumber{row.significand, row.exponent})) << row.value;
    EXPECT_EQ(*ToyCoder().DecodeDouble(*number), row.value);
  }
}

TEST(FixedPoint, IntegersHaveExponentZero) {
  EXPECT_EQ(*ToyCoder().EncodeInt64(5), (FixedPointNumber{5, 0}));
  EXPECT_EQ(*ToyCoder().EncodeInt64(-5), (FixedPointNumber{ToyCoder().n() - 5, 0}));
  EXPECT_EQ(*ToyCoder().DecodeInt64({ToyCoder().n() - 5, 0}), -5);
}

RC_GTEST_PROP(FixedPoint, EveryFiniteDoubleComesBackExactly, ()) {
  const double x = AnyDouble();
  const auto number = Coder1024().EncodeDouble(x);
  RC_ASSERT(number.ok() == std::isfinite(x));
  if (!number.ok()) return;
  RC_ASSERT(*Coder1024().DecodeDouble(*number) == x);
  const BigInt& significand = number->significand;
  const BigInt residue = significand.IsNegative() ? Coder1024().n() + significand : significand;
  RC_ASSERT(*Coder1024().DecodeDouble({residue, number->exponent}) == x);
}

RC_GTEST_PROP(FixedPoint, DenormalsComeBackExactly, ()) {
  const double x = std::bit_cast<double>(*rc::gen::arbitrary<uint64_t>() >> 12);
  RC_ASSERT(*Coder1024().DecodeDouble(*Coder1024().EncodeDouble(x)) == x);
  RC_ASSERT(*Coder1024().DecodeDouble(*Coder1024().EncodeDouble(-x)) == -x);
}

RC_GTEST_PROP(FixedPoint, IntegersComeBackExactly, ()) {
  const auto v = *rc::gen::arbitrary<int64_t>();
  RC_ASSERT(*Coder1024().DecodeInt64(*Coder1024().EncodeInt64(v)) == v);
}

RC_GTEST_PROP(FixedPoint, FloatsComeBackExactly, ()) {
  const float x = std::bit_cast<float>(*rc::gen::arbitrary<uint32_t>());
  const auto number = Coder1024().EncodeFloat(x);
  RC_ASSERT(number.ok() == std::isfinite(x));
  if (number.ok()) RC_ASSERT(*Coder1024().DecodeFloat(*number) == x);
}

RC_GTEST_PROP(FixedPoint, AlignedNumbersKeepTheirValue, ()) {
  const double x = *rc::gen::map(rc::gen::arbitrary<int64_t>(), [](int64_t v) { return v * 1e-9; });
  const FixedPointNumber number = *Coder1024().EncodeDouble(x);
  const int down = *rc::gen::inRange(0, 200);
  const auto aligned = Coder1024().AlignTo(number, number.exponent - down);
  RC_ASSERT(aligned.ok());
  RC_ASSERT(aligned->exponent == number.exponent - down);
  RC_ASSERT(*Coder1024().DecodeDouble(*aligned) == x);
}

// Division is correctly rounded, so a quotient by a power of two of a long integer is the oracle.
RC_GTEST_PROP(FixedPoint, LongSignificandsRoundToTheNearestDouble, ()) {
  const auto high = *rc::gen::arbitrary<int64_t>();
  const auto low = *rc::gen::arbitrary<uint32_t>();
  const BigInt integer = (BigInt(high) << 32) + BigInt(low);
  const long double exact = std::ldexp(static_cast<long double>(high), 32);  // 64-bit mantissa
  const double nearest = *ScaledToDouble(integer, 0);
  const long double error = std::abs(static_cast<long double>(nearest) - exact - low);
  const double ulp = std::nextafter(std::abs(nearest), INFINITY) - std::abs(nearest);
  RC_ASSERT(error <= static_cast<long double>(ulp) / 2);
}

TEST(FixedPoint, TiesRoundToEven) {
  const BigInt ulp2 = BigInt::PowerOfTwo(54);  // doubles are 4 apart from here
  EXPECT_EQ(*ScaledToDouble(ulp2 + 2, 0), 0x1p54);
  EXPECT_EQ(*ScaledToDouble(ulp2 + 3, 0), 0x1p54 + 4);
  EXPECT_EQ(*ScaledToDouble(ulp2 + 6, 0), 0x1p54 + 8);
  EXPECT_EQ(*ScaledToDouble(-(ulp2 + 6), 0), -0x1p54 - 8);
}

TEST(FixedPoint, InfinitiesAndNanAreRefused) {
  for (const float x : {INFINITY, -INFINITY, NAN}) {
    EXPECT_THAT(Message(ToyCoder().EncodeDouble(x).status()), HasSubstr("no fixed-point form"));
  }
}

TEST(FixedPoint, NumbersBeyondTheFieldAreRefused) {
  const FixedPointCoder small(BigInt(1001));
  EXPECT_EQ(Message(small.EncodeInt64(501).status()),
            "Integer needs to be within +/- 500 but got 501");
  EXPECT_EQ(Message(small.EncodeDouble(-1).status()),
            "Integer needs to be within +/- 500 but got -4503599627370496");
  EXPECT_TRUE(small.EncodeInt64(-500).ok());
}

TEST(FixedPoint, CorruptedAndOverflownNumbersAreToldApart) {
  const BigInt n(1000);  // even, so that 500 is both ends
  const FixedPointCoder even(n), odd(BigInt(1001));
  EXPECT_EQ(Message(even.DecodeDouble({n + 1, 0}).status()),
            "Attempted to decode corrupted number");
  EXPECT_EQ(*odd.DecodeInt64({500, 0}), 500);
  EXPECT_EQ(*odd.DecodeInt64({501, 0}), -500);
  EXPECT_EQ(Message(odd.DecodeInt64({-501, 0}).status()), "Overflow detected in decrypted number");
}

TEST(FixedPoint, Int64IsTakenModuloTwoToThe64) {
  const FixedPointCoder& coder = Coder1024();
  EXPECT_EQ(*coder.DecodeInt64({BigInt::PowerOfTwo(64) + 7, 0}), 7);
  EXPECT_EQ(*coder.DecodeInt64({BigInt::PowerOfTwo(63), 0}), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(*coder.DecodeInt64({3, 16}), 0);
  EXPECT_EQ(*coder.DecodeInt64({coder.n() - 3, 15}), -(int64_t{3} << 60));
  EXPECT_EQ(*coder.DecodeInt64({-1, -1}), -1);  // the floor of -1/16
  EXPECT_EQ(*coder.DecodeInt64({31, -1}), 1);
  EXPECT_EQ(*coder.DecodeInt64({1, std::numeric_limits<int32_t>::min()}), 0);
  EXPECT_THAT(Message(coder.DecodeInt64({1, 32}).status()), HasSubstr("exceeds 128 bits"));
  EXPECT_THAT(Message(coder.DecodeInt64({1, std::numeric_limits<int32_t>::max()}).status()),
              HasSubstr("exceeds 128 bits"));
}

TEST(FixedPoint, Int32IsTruncatedTowardsZeroAndChecked) {
  EXPECT_EQ(*Coder1024().DecodeInt32(*Coder1024().EncodeDouble(-2.75)), -2);
  EXPECT_EQ(*Coder1024().DecodeInt32(*Coder1024().EncodeInt64(-2147483648)), -2147483648);
  EXPECT_THAT(Message(Coder1024().DecodeInt32({BigInt(2147483648), 0}).status()),
              HasSubstr("exceeds 32 bits"));
}

TEST(FixedPoint, ExtremeExponentsNeitherOverflowNorAllocate) {
  constexpr int32_t kMax = std::numeric_limits<int32_t>::max();
  EXPECT_EQ(*Coder1024().DecodeDouble({1, -kMax}), 0.0);
  EXPECT_EQ(*Coder1024().DecodeDouble({0, kMax}), 0.0);
  EXPECT_THAT(Message(Coder1024().DecodeDouble({1, kMax}).status()), HasSubstr("too large"));
  EXPECT_THAT(Message(Coder1024().AlignTo({1, kMax}, -kMax).status()), HasSubstr("does not fit"));
  EXPECT_THAT(Message(Coder1024().AlignTo({1, 0}, 1).status()), HasSubstr("no exact form"));
  EXPECT_THAT(Message(Coder1024().DecodeFloat(*Coder1024().EncodeDouble(1e300)).status()),
              HasSubstr("too large for a float"));
}

}  // namespace
}  // namespace fate::crypto
