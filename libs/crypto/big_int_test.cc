#include "crypto/big_int.h"

#include <gtest/gtest.h>

#include "base/text.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

TEST(BigInt, BytesHexAndDecimalRoundTrip) {
  const BigInt value = *BigInt::FromDecimal("6732696430022730493");
  EXPECT_EQ(value.ToHex(), "5d6f57bb540ba2fd");  // section 16.1
  EXPECT_EQ(HexEncode(value.ToBytes(10)), "00005d6f57bb540ba2fd");
  EXPECT_EQ(BigInt::FromBytes(value.ToBytes(8)), value);
  EXPECT_EQ(BigInt::FromHex("-ff")->ToDecimal(), "-255");
  EXPECT_EQ(BigInt(0).ToBytes(0), "");
}

TEST(BigInt, TextThatIsNoNumberIsRefused) {
  for (const char* text : {"", "-", "12a", " 1", "1 2", "--1", "0x10"}) {
    EXPECT_FALSE(BigInt::FromDecimal(text).ok()) << text;
  }
  EXPECT_FALSE(BigInt::FromHex("fg").ok());
}

TEST(BigInt, ModIsNeverNegative) {
  EXPECT_EQ(BigInt(-5).Mod(7), BigInt(2));
  EXPECT_EQ(BigInt(3).InverseMod(7).value(), BigInt(5));
  EXPECT_FALSE(BigInt(6).InverseMod(9).ok());
  EXPECT_EQ(BigInt(-7) / 2, BigInt(-3));
  EXPECT_LT(BigInt(-7), BigInt(2));
}

TEST(BigInt, AWipedNumberIsZero) {
  BigInt secret = Random::Bits(500) + 1;
  secret.Wipe();
  EXPECT_TRUE(secret.IsZero());
}

TEST(Random, BelowStaysBelowAndReachesEveryValue) {
  int seen = 0;
  for (int i = 0; i < 400; ++i) {
    const BigInt value = Random::Below(5);
    ASSERT_LT(value, BigInt(5));
    ASSERT_FALSE(value.IsNegative());
    seen |= 1 << value.ToInt64();
  }
  EXPECT_EQ(seen, 31);
  EXPECT_NE(Random::Uint64(), Random::Uint64());
  EXPECT_LE(Random::Bits(13).BitLength(), 13);
}

}  // namespace
}  // namespace fate::crypto
