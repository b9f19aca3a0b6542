#include "crypto/curve/curve25519.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/text.h"
#include "crypto/big_int.h"
#include "crypto/curve/field25519.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

std::string Hex(const CurvePoint& point) {
  return HexEncode({reinterpret_cast<const char*>(point.data()), point.size()});
}

PsiSecret Counting(uint8_t first) {
  std::array<uint8_t, 32> bytes;
  for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(first + i);
  return PsiSecret(bytes);
}

// Section 16.3.
struct Vector {
  std::string_view id;
  const char *hashed, *first, *second, *both;
};
constexpr Vector kVectors[] = {
    {"1", "f4e3f93aacf30d467bbad6481b6cbbe254a5dddd1e32c0bf529f9c5338fe9c4f",
     "34d915ecb45797d4d123fda04f0a1979e856ea36dc33a00181262e1b2b62090a",
     "e03b8ee147dd778b5ae2992bb7a45ab7f35b4fcd9aeda5af37db7d6af3eb4b71",
     "d89d52196db4cfd13f05ccead84766f692c525cb14c84bb99a5ff4ffa68c8352"},
    {"133", "a645f00b02e9d2a8229a6e7411fc8759e8a9c7252ced29d1caa2ef46ce825237",
     "78b1f4e63daa695c94c963059c5ecf4e19812320f247e8da08d67c3743676f4d",
     "05b32a81dee723fd941d45e9e08610b5a5a1d87fd4d58bc8324470f5d88a9203",
     "ccc1f2b4186990d83321cca3207607204416a96a8b8530aa110486e2493ec609"},
    {"abc", "f95c7c15ab24340080ada60921d8cead7dccbeb82d52d4935b111a1143cbf017",
     "8d4336ad35c33cfbb9f367b667cea65f548ffecc5833efbad84d0361228a975e",
     "46f6e66a796c5d1a9720de0a38f3529f42d180b1315b273bc48b7a5d930dc250",
     "7987cd7aaa45ebb20fa150061885c3a72e8a92e926b0cd6ccdc66cb5e940df60"},
    {"", "6c06ab603a3dbedfaff07e230eaf18b64a052c0d1e7b7a1c187a2d16ad7c1e16",
     "45413665788f84c16632765d00a52044dfc23d71e48a8f1f448ca514127ab752",
     "432f2af826c6f8bacccdb7e1ba832db4ce654950f9a30febcb90861c98c53c5d",
     "d4df8c127e9118723936f4470a1506e29d94476467ef69cf54899d023fde5d56"},
    {"13812345678", "96763b761a6dd150d0c83abada0e4d8b31f1110fec8ae604803f0ebb933f4d23",
     "d63388a34492e8668dc49ecb9ebfdf48019fe339b314221b9d236506fe45f027",
     "dbfdfe70b967d6368be3f9342e8d2fff4b8d790242ac06952127c7713167ae51",
     "7fed1d5a09adea9c91833822f6baead38b984cb00f4cfb8643d287fff531da23"},
};

TEST(Curve25519, ScalarsAreReducedAndNotClamped) {
  EXPECT_EQ(Hex(Counting(1).bytes()),
            "275a174ad03fe2575cd01bc64f1a51e61012131415161718191a1b1c1d1e1f00");
  EXPECT_EQ(Hex(Counting(0x21).bytes()),
            "6dd24bb0bb99ddc7cfb64ca0b246b3dc3032333435363738393a3b3c3d3e3f00");
}

TEST(Curve25519, HashesAndSignaturesEqualTheVectors) {
  const PsiSecret k1 = Counting(1), k2 = Counting(0x21);
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.id);
    EXPECT_EQ(Hex(HashToCurve(vector.id)), vector.hashed);
    const auto first = k1.FirstSign({&vector.id, 1}), second = k2.FirstSign({&vector.id, 1});
    EXPECT_EQ(Hex(first[0]), vector.first);
    EXPECT_EQ(Hex(second[0]), vector.second);
    EXPECT_EQ(Hex(k2.SecondSign(first)[0]), vector.both);
    EXPECT_EQ(Hex(k1.SecondSign(second)[0]), vector.both);
  }
}

TEST(Curve25519, ABatchEqualsItsElements) {
  std::vector<std::string_view> ids;
  for (const Vector& vector : kVectors) ids.push_back(vector.id);
  const auto signatures = Counting(1).FirstSign(ids);
  for (size_t i = 0; i < ids.size(); ++i) EXPECT_EQ(Hex(signatures[i]), kVectors[i].first);
  EXPECT_TRUE(Counting(1).FirstSign({}).empty());
}

TEST(Curve25519, ThePointAtInfinityDoesNotSpoilItsBatch) {
  std::vector<CurvePoint> points(3);
  points[0] = HashToCurve("133");
  points[2] = HashToCurve("abc");  // points[1] is u = 0, of order 2
  const auto out = PsiSecret::Random().SecondSign(points);
  EXPECT_EQ(out[1], CurvePoint{});
  EXPECT_NE(out[0], CurvePoint{});
  const auto vector = Counting(1).SecondSign(points);
  EXPECT_EQ(Hex(vector[0]), kVectors[1].first);
  EXPECT_EQ(Hex(vector[2]), kVectors[2].first);
}

TEST(Curve25519, TheTopBitOfAReceivedPointIsIgnored) {
  CurvePoint point = HashToCurve("133");
  point[31] |= 0x80;
  EXPECT_EQ(Hex(Counting(1).SecondSign({&point, 1})[0]), kVectors[1].first);
}

TEST(Curve25519, RandomSecretsCommuteAndAreMultiplesOfEight) {
  const PsiSecret a = PsiSecret::Random(), b = PsiSecret::Random();
  EXPECT_NE(a.bytes(), b.bytes());
  EXPECT_EQ(a.bytes()[0] % 8, 0);
  const std::string_view id = "some id";
  EXPECT_EQ(b.SecondSign(a.FirstSign({&id, 1})), a.SecondSign(b.FirstSign({&id, 1})));
}

// Field arithmetic against GMP, at the edges and at random.
TEST(Field25519, AgreesWithBigNumbers) {
  const BigInt p = BigInt::PowerOfTwo(255) - 19;
  const auto to_field = [](const BigInt& value) {
    std::string bytes = value.ToBytes(32);
    std::reverse(bytes.begin(), bytes.end());
    return field25519::FromBytes(reinterpret_cast<const uint8_t*>(bytes.data()));
  };
  const auto to_number = [](const field25519::Element& element) {
    std::string bytes(32, '\0');
    field25519::ToBytes(element, reinterpret_cast<uint8_t*>(bytes.data()));
    std::reverse(bytes.begin(), bytes.end());
    return BigInt::FromBytes(bytes);
  };
  std::vector<BigInt> numbers = {0,     1, 2,     19,     p - 1,
                                 p - 2, p, p + 1, p + 18, BigInt::PowerOfTwo(254)};
  for (int i = 0; i < 20; ++i) numbers.push_back(Random::Below(p));
  for (const BigInt& a : numbers) {
    const field25519::Element x = to_field(a);
    EXPECT_EQ(to_number(x), a.Mod(p));
    EXPECT_EQ(to_number(field25519::Square(x)), (a * a).Mod(p));
    EXPECT_EQ(to_number(field25519::Negate(x)), (-a).Mod(p));
    const bool is_square = a.PowMod((p - 1) / 2, p) <= BigInt(1);
    EXPECT_EQ(field25519::IsSquareMask(x), is_square ? ~uint64_t{0} : 0);
    EXPECT_EQ(field25519::IsZeroMask(x), a.Mod(p).IsZero() ? ~uint64_t{0} : 0);
    EXPECT_EQ(to_number(field25519::Invert(x)), a.PowMod(p - 2, p));
    for (const BigInt& b : numbers) {
      const field25519::Element y = to_field(b);
      EXPECT_EQ(to_number(field25519::Multiply(x, y)), (a * b).Mod(p));
      EXPECT_EQ(to_number(field25519::Add(x, y)), (a + b).Mod(p));
      EXPECT_EQ(to_number(field25519::Sub(x, y)), (a - b).Mod(p));
    }
  }
}

}  // namespace
}  // namespace fate::crypto
