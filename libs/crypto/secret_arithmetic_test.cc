#include "crypto/secret_arithmetic.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "crypto/random.h"

namespace fate::crypto {
namespace {

// Numbers below 2^bits: the edges, random ones, and those next to a multiple of the divisor.
std::vector<BigInt> Values(int bits, const BigInt& divisor) {
  const BigInt largest = BigInt::PowerOfTwo(bits) - 1, multiple = largest / divisor * divisor;
  std::vector<BigInt> values = {0, 1, largest, BigInt::PowerOfTwo(bits - 1), multiple};
  if (!multiple.IsZero()) values.push_back(multiple - 1);
  for (int i = 0; i < 5; ++i) values.push_back(Random::Bits(bits));
  return values;
}

TEST(SecretArithmetic, QuotientsAndRemaindersEqualPlainOnes) {
  for (const int divisor_bits : {1, 63, 64, 65, 1024, 1030, 8192}) {
    const BigInt random = Random::Bits(divisor_bits - 1) + BigInt::PowerOfTwo(divisor_bits - 1);
    // The estimate is worst by one or two next to powers of 2.
    for (const BigInt& divisor :
         {random, BigInt::PowerOfTwo(divisor_bits - 1), BigInt::PowerOfTwo(divisor_bits - 1) + 1,
          BigInt::PowerOfTwo(divisor_bits) - 1}) {
      const SecretDivisor division(divisor);
      for (const int bits : {64, 128, 2048, 16384, std::min(2 * divisor_bits, 16384)}) {
        for (const BigInt& value : Values(bits, divisor)) {
          BigInt quotient, remainder;
          division.Divide(value, bits, quotient, remainder);
          EXPECT_EQ(quotient, value / divisor) << bits << " / " << divisor_bits;
          EXPECT_EQ(remainder, value.Mod(divisor)) << bits << " / " << divisor_bits;
          division.Reduce(value, bits, remainder);
          EXPECT_EQ(remainder, value.Mod(divisor)) << bits << " / " << divisor_bits;
        }
      }
    }
  }
}

TEST(SecretArithmetic, SumsOfProductsEqualPlainOnes) {
  for (const int constant_bits : {1, 64, 1024, 8192}) {
    for (const int bits : {1, 63, 64, 1024, 8192}) {
      const BigInt a = Random::Bits(constant_bits), b = BigInt::PowerOfTwo(constant_bits) - 1;
      const BigInt x = BigInt::PowerOfTwo(bits) - 1, y = Random::Bits(bits);
      BigInt sum = x;
      SecretSum(a, b).Evaluate(sum, y, bits, sum);
      EXPECT_EQ(sum, a * x + b * y) << constant_bits << " " << bits;
    }
  }
}

TEST(SecretArithmetic, ChineseRemaindersMeetAgain) {
  for (const int bits : {5, 32, 64, 65, 512, 1030}) {
    BigInt p = (Random::Bits(bits - 1) + BigInt::PowerOfTwo(bits - 1)).NextPrime();
    BigInt q = p.NextPrime();
    const SecretCrt crt(p, q);
    for (const BigInt& value :
         {BigInt(0), BigInt(1), p, q, p * q - 1, Random::Below(p * q), Random::Below(p * q)}) {
      BigInt combined;
      crt.Combine(value.Mod(p), value.Mod(q), combined);
      EXPECT_EQ(combined, value) << bits;
    }
  }
}

}  // namespace
}  // namespace fate::crypto
