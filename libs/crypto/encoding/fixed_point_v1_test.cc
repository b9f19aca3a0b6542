#include "crypto/encoding/fixed_point_v1.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

using testing::HasSubstr;

FixedPointV1Coder Coder1024() {
  return FixedPointV1Coder::ForKey(BigInt::PowerOfTwo(1023) + 12345);
}

struct Row {
  double value;
  int64_t mantissa;
  int32_t exponent;
};

// spec/federated-algorithms.md 16.1, column 1.x
constexpr Row kTable[] = {{1.0, 4503599627370496, 13},    {-1.0, -4503599627370496, 13},
                          {0.5, 2251799813685248, 13},    {0.1, 7205759403792794, 14},
                          {3.14159, 884278972084430, 12}, {123.456, 2171860920299422, 11},
                          {1e-8, 755578637259143, 19}};

TEST(FixedPointV1, DoublesEncodeAsInTheTable) {
  const FixedPointV1Coder coder = Coder1024();
  for (const Row& row : kTable) {
    const auto number = coder.EncodeDouble(row.value);
    ASSERT_TRUE(number.ok()) << number.status();
    EXPECT_EQ(number->encoding, BigInt(row.mantissa).Mod(coder.n())) << row.value;
    EXPECT_EQ(number->exponent, row.exponent) << row.value;
  }
  EXPECT_EQ(*coder.EncodeInt64(5), (FixedPointV1Number{5, 0}));
}

// Of 53 bits up to three are rounded away.
RC_GTEST_PROP(FixedPointV1, DoublesComeBackToFiftyBits, ()) {
  const double x = std::bit_cast<double>(*rc::gen::arbitrary<uint64_t>());
  const FixedPointV1Coder coder = Coder1024();
  const auto number = coder.EncodeDouble(x);
  RC_ASSERT(number.ok() == std::isfinite(x));
  if (!number.ok()) return;
  const double back = *coder.DecodeDouble(*number);
  if (std::abs(x) < 1e-200) {
    RC_ASSERT(back == 0);
  } else {
    RC_ASSERT(std::abs(back - x) <= std::abs(x) * 0x1p-50);
  }
}

RC_GTEST_PROP(FixedPointV1, IntegersComeBackExactly, ()) {
  const auto v = *rc::gen::arbitrary<int32_t>();
  RC_ASSERT(*Coder1024().DecodeDouble(*Coder1024().EncodeInt64(v)) == v);
}

RC_GTEST_PROP(FixedPointV1, AlignedNumbersKeepTheirValue, ()) {
  const double x = *rc::gen::arbitrary<int32_t>() * 0.5;
  const FixedPointV1Number number = *Coder1024().EncodeDouble(x);
  const int up = *rc::gen::inRange(0, 200);
  const auto aligned = Coder1024().AlignTo(number, number.exponent + up);
  RC_ASSERT(aligned.ok());
  RC_ASSERT(*Coder1024().DecodeDouble(*aligned) == x);
}

TEST(FixedPointV1, PrecisionGivesTheExponent) {
  EXPECT_EQ(*FixedPointV1Coder::ExponentOfPrecision(1), 0);
  EXPECT_EQ(*FixedPointV1Coder::ExponentOfPrecision(15), 0);
  EXPECT_EQ(*FixedPointV1Coder::ExponentOfPrecision(16), 1);
  EXPECT_EQ(*FixedPointV1Coder::ExponentOfPrecision(0x1p100), 25);
  EXPECT_FALSE(FixedPointV1Coder::ExponentOfPrecision(0.5).ok());
  EXPECT_EQ(*Coder1024().EncodeDoubleAt(2.5, 0), (FixedPointV1Number{2, 0}));  // ties to even
  EXPECT_EQ(*Coder1024().EncodeDoubleAt(2.5, 1), (FixedPointV1Number{40, 1}));
}

TEST(FixedPointV1, FieldsWithoutAKeyHaveTheirBounds) {
  const FixedPointV1Coder old = FixedPointV1Coder::WithoutKeyUpTo13();
  EXPECT_EQ(old.n().ToDecimal(), "293973345475167247070445277780365744413");
  EXPECT_EQ(old.max_int(), old.n() / BigInt(3) - 1);
  const FixedPointV1Coder late = FixedPointV1Coder::WithoutKeyIn111();
  EXPECT_EQ(late.n(), old.n() * old.n());
  EXPECT_EQ(late.max_int(), late.n() / BigInt(2));
}

TEST(FixedPointV1, ErrorsHaveFatesTexts) {
  const FixedPointV1Coder coder(BigInt(1000), BigInt(300));
  EXPECT_EQ(Message(coder.EncodeInt64(301).status()),
            "Integer needs to be within +/- 300 but got 301");
  EXPECT_EQ(Message(coder.DecodeDouble({1000, 0}).status()),
            "Attempted to decode corrupted number");
  EXPECT_EQ(Message(coder.DecodeDouble({500, 0}).status()), "Overflow detected in decode number");
  EXPECT_EQ(Message(coder.AlignTo({5, 3}, 2).status()),
            "New exponent 2 should be greater than old exponent 3");
  EXPECT_THAT(Message(coder.AlignTo({5, 0}, 2147483647).status()), HasSubstr("does not fit"));
  EXPECT_THAT(Message(coder.EncodeDouble(NAN).status()), HasSubstr("no fixed-point form"));
  EXPECT_THAT(Message(coder.EncodeDoubleAt(1e300, 200).status()), HasSubstr("within +/- 300"));
}

}  // namespace
}  // namespace fate::crypto
