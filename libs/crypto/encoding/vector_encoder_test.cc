#include "crypto/encoding/vector_encoder.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

using testing::HasSubstr;

std::vector<double> AnyVector(double bound) {
  return *rc::gen::container<std::vector<double>>(rc::gen::map(
      rc::gen::arbitrary<int32_t>(),
      [bound](int32_t v) { return bound * std::ldexp(v, -31) * std::ldexp(1, v % 64); }));
}

RC_GTEST_PROP(VectorEncoder, ErrorsStayBelowTheBoundTimesTwoToMinus53, ()) {
  const double bound =
      std::ldexp(1.0 + *rc::gen::inRange(0, 1000) / 1000.0, *rc::gen::inRange(-300, 300));
  std::vector<double> values = AnyVector(1.0);
  for (double& value : values) value = std::fmod(value, 1.0) * bound;
  const auto encoded = EncodeWithin(values, bound);
  RC_ASSERT(encoded.ok());
  for (size_t i = 0; i < values.size(); ++i) {
    const auto decoded = ScaledToDouble(encoded->significands[i], 4 * encoded->exponent);
    RC_ASSERT(std::abs(*decoded - values[i]) <= bound * 0x1p-53);
    RC_ASSERT(std::abs(encoded->significands[i]) <= int64_t{1} << 56);
  }
}

TEST(VectorEncoder, TheExponentFollowsTheBoundAlone) {
  const auto small = EncodeWithin(std::vector<double>{1e-6, 0, -1e-9}, 1);
  const auto large = EncodeWithin(std::vector<double>{1, -1, 0.5}, 1);
  ASSERT_TRUE(small.ok() && large.ok());
  EXPECT_EQ(small->exponent, large->exponent);
  EXPECT_EQ(large->significands,
            (std::vector<int64_t>{4503599627370496, -4503599627370496, 2251799813685248}));
}

TEST(VectorEncoder, TheMaximumKeepsAllOfItsBits) {
  const std::vector<double> values{0.1, -123.456, 7e-20};
  const auto encoded = EncodeByMaximum(values);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->exponent, -12);
  EXPECT_EQ(*ScaledToDouble(encoded->significands[1], 4 * encoded->exponent), -123.456);
  EXPECT_EQ(encoded->significands[2], 0);
}

TEST(VectorEncoder, HalvesRoundAwayFromZero) {
  const auto encoded = EncodeAt(std::vector<double>{0.5, -0.5, 1.5, 0.49999999999999994}, 0);
  ASSERT_TRUE(encoded.ok());
  EXPECT_EQ(encoded->significands, (std::vector<int64_t>{1, -1, 2, 0}));
}

TEST(VectorEncoder, WhatDoesNotFitIsNamedByItsIndex) {
  EXPECT_THAT(Message(EncodeWithin(std::vector<double>{0, 1.5}, 1).status()),
              HasSubstr("index 1 exceeds the bound 1"));
  EXPECT_THAT(Message(EncodeAt(std::vector<double>{1, 0x1p63}, 0).status()),
              HasSubstr("index 1 exceeds 2^62"));
  EXPECT_THAT(Message(EncodeByMaximum(std::vector<double>{0, 1, NAN}).status()),
              HasSubstr("nan at index 2"));
  EXPECT_THAT(Message(EncodeWithin({}, INFINITY).status()), HasSubstr("finite bound"));
  EXPECT_TRUE(EncodeByMaximum({})->significands.empty());
}

}  // namespace
}  // namespace fate::crypto
