#include "crypto/curve/curve25519.h"

#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <rapidcheck/gtest.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <new>
#include <random>

#include "base/text.h"
#include "crypto/big_int.h"
#include "crypto/curve/curve25519_kernel.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

using curve25519::KernelOf;

std::string Hex(const CurvePoint& point) {
  return HexEncode({reinterpret_cast<const char*>(point.data()), point.size()});
}

BigInt P() { return BigInt::PowerOfTwo(255) - 19; }

CurvePoint Bytes(const BigInt& value) {
  const std::string big_endian = value.ToBytes(32);
  CurvePoint bytes;
  std::copy(big_endian.rbegin(), big_endian.rend(), bytes.begin());
  return bytes;
}

CurvePoint RandomBytes() {
  CurvePoint bytes;
  Random::Fill(bytes.data(), bytes.size());
  return bytes;
}

PsiSecret Counting(uint8_t first, Isa isa = BestIsa()) {
  std::array<uint8_t, 32> bytes;
  for (size_t i = 0; i < 32; ++i) bytes[i] = static_cast<uint8_t>(first + i);
  return PsiSecret(bytes, isa);
}

std::vector<CurvePoint> Multiply(Isa isa, const CurvePoint& factor, int bits,
                                 std::vector<CurvePoint> points) {
  KernelOf(isa).multiply({factor.data(), bits}, points.data()->data(), points.data()->data(),
                         points.size());
  return points;
}

// Field elements and u-coordinates whose limbs are full, empty or about to overflow in any radix,
// least residues or not.
std::vector<CurvePoint> EdgeElements() {
  std::vector<BigInt> values = {P() - 1, P(), P() + 1, P() + 18, BigInt::PowerOfTwo(256) - 1};
  for (int bit = 0; bit < 255; ++bit) {
    const BigInt power = BigInt::PowerOfTwo(bit);
    for (const BigInt& value : {power, power - 1, P() - power}) values.push_back(value);
  }
  std::vector<CurvePoint> elements;
  for (const BigInt& value : values) elements.push_back(Bytes(value));
  for (int i = 0; i < 200; ++i) elements.push_back(RandomBytes());
  return elements;
}

// The u-coordinates of order 1, 2, 4 and 8, on the curve and its twist, least residues and not
// (RFC 7748 section 7; Bernstein's list on cr.yp.to/ecdh.html).
std::vector<CurvePoint> SmallOrderPoints() {
  const BigInt order8[] = {
      *BigInt::FromDecimal("32560625091655743179598362635611063129400811572784880556002338716792723"
                           "3504"),
      *BigInt::FromDecimal("3938235723548961458172306078155302111252991171944069817688288585396344"
                           "5705823")};
  std::vector<CurvePoint> points;
  for (const BigInt& value : {BigInt(0), BigInt(1), P() - 1, P(), P() + 1, order8[0], order8[1]}) {
    points.push_back(Bytes(value));
  }
  return points;
}

// ---- known answers, section 16.3 ----

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

class Curve25519OnEveryIsa : public testing::TestWithParam<Isa> {};

TEST_P(Curve25519OnEveryIsa, HashesAndSignaturesEqualTheVectors) {
  const PsiSecret k1 = Counting(1, GetParam()), k2 = Counting(0x21, GetParam());
  for (const Vector& vector : kVectors) {
    SCOPED_TRACE(vector.id);
    EXPECT_EQ(Hex(HashToCurve(vector.id, GetParam())), vector.hashed);
    const auto first = k1.FirstSign({&vector.id, 1}), second = k2.FirstSign({&vector.id, 1});
    EXPECT_EQ(Hex(first[0]), vector.first);
    EXPECT_EQ(Hex(second[0]), vector.second);
    EXPECT_EQ(Hex(k2.SecondSign(first)[0]), vector.both);
    EXPECT_EQ(Hex(k1.SecondSign(second)[0]), vector.both);
  }
}

// ---- against other implementations ----

// X25519 by OpenSSL, which refuses what we answer with zeros: points of small order.
CurvePoint X25519(const CurvePoint& scalar, const CurvePoint& point) {
  const auto free = [](EVP_PKEY* key) { EVP_PKEY_free(key); };
  const std::unique_ptr<EVP_PKEY, decltype(free)> own(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, nullptr, scalar.data(), 32)),
      peer(EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, nullptr, point.data(), 32));
  const std::unique_ptr<EVP_PKEY_CTX, decltype(&EVP_PKEY_CTX_free)> context(
      EVP_PKEY_CTX_new(own.get(), nullptr), EVP_PKEY_CTX_free);
  CurvePoint product = {};
  size_t size = product.size();
  if (EVP_PKEY_derive_init(context.get()) != 1 ||
      EVP_PKEY_derive_set_peer(context.get(), peer.get()) != 1 ||
      EVP_PKEY_derive(context.get(), product.data(), &size) != 1) {
    product = {};
  }
  return product;
}

TEST_P(Curve25519OnEveryIsa, MultipliesAsX25519DoesWhenTheScalarIsClamped) {
  CurvePoint scalar = RandomBytes();
  scalar[0] &= 248;
  scalar[31] = static_cast<uint8_t>((scalar[31] & 127) | 64);
  const std::vector<CurvePoint> points = EdgeElements();
  const std::vector<CurvePoint> products = Multiply(GetParam(), scalar, 255, points);
  for (size_t i = 0; i < points.size(); ++i) {
    ASSERT_EQ(Hex(products[i]), Hex(X25519(scalar, points[i]))) << Hex(points[i]);
  }
}

// Section 5.1, word for word.
CurvePoint Elligator(const CurvePoint& bytes) {
  const BigInt a = 486662, p = P();
  CurvePoint reversed = bytes;
  reversed[31] &= 0x7f;
  std::reverse(reversed.begin(), reversed.end());
  const BigInt r =
      BigInt::FromBytes({reinterpret_cast<const char*>(reversed.data()), reversed.size()});
  const BigInt d = (-a * *(BigInt(1) + BigInt(2) * r * r).Mod(p).InverseMod(p)).Mod(p);
  const BigInt e = d * d * d + a * d * d + d;
  const bool is_square = e.Mod(p).PowMod((p - 1) / 2, p) <= BigInt(1);
  return Bytes((is_square ? d : -d - a).Mod(p));
}

TEST_P(Curve25519OnEveryIsa, MapsFieldElementsAsTheDefinitionOfElligatorDoes) {
  const std::vector<CurvePoint> elements = EdgeElements();
  std::vector<CurvePoint> points(elements.size());
  const uint8_t one[32] = {1};
  KernelOf(GetParam())
      .map_and_multiply({one, 1}, elements[0].data(), points[0].data(), points.size());
  for (size_t i = 0; i < elements.size(); ++i) {
    ASSERT_EQ(Hex(points[i]), Hex(Elligator(elements[i]))) << Hex(elements[i]);
  }
}

TEST_P(Curve25519OnEveryIsa, ManyPointsAndFactorsAgreeWithTheGenericPath) {
  for (int bits : {1, 2, 3, 64, 252, 253, 255, 256}) {
    CurvePoint factor = Bytes(Random::Bits(bits));
    std::vector<CurvePoint> points(300);
    for (CurvePoint& point : points) point = RandomBytes();
    ASSERT_EQ(Multiply(GetParam(), factor, bits, points),
              Multiply(Isa::kGeneric, factor, bits, points));
  }
}

// ---- batches ----

TEST_P(Curve25519OnEveryIsa, BatchesOfEverySizeEqualTheirElementsAndKeepTheirBounds) {
  std::vector<std::string> ids;
  for (int i = 0; i < 40; ++i) ids.push_back("id " + std::to_string(i));
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  const PsiSecret secret = Counting(1, GetParam());
  const auto first = Counting(1, Isa::kGeneric).FirstSign(views);
  const auto second = Counting(1, Isa::kGeneric).SecondSign(first);
  for (size_t size = 0; size <= views.size(); ++size) {
    EXPECT_EQ(secret.FirstSign(std::span(views).first(size)),
              std::vector(first.begin(), first.begin() + static_cast<ptrdiff_t>(size)));
    std::vector<CurvePoint> out(views.size() + 1);
    const CurvePoint untouched = out.back() = RandomBytes();
    KernelOf(GetParam())
        .multiply({secret.bytes().data(), 253}, first.data()->data(), out.data()->data(), size);
    EXPECT_TRUE(
        std::equal(out.begin(), out.begin() + static_cast<ptrdiff_t>(size), second.begin()));
    EXPECT_TRUE(size == views.size() || out[size] == CurvePoint{});
    EXPECT_EQ(out.back(), untouched);
  }
}

TEST_P(Curve25519OnEveryIsa, IdsOfEveryLengthAreHashedAsOneByOneElsewhere) {
  std::vector<std::string> ids;
  for (size_t size = 0; size <= 300; ++size) ids.push_back(Random::Bytes(size));
  std::shuffle(ids.begin() + 112, ids.end(), std::minstd_rand());  // long ones beside short ones
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  EXPECT_EQ(Counting(1, GetParam()).FirstSign(views), Counting(1, Isa::kGeneric).FirstSign(views));
}

TEST_P(Curve25519OnEveryIsa, ThreadsShareABatch) {
  std::vector<std::string> ids;
  for (int i = 0; i < 1000; ++i) ids.push_back(std::to_string(i));
  const std::vector<std::string_view> views(ids.begin(), ids.end());
  const WorkerPool pool(3);
  const PsiSecret secret = Counting(1, GetParam());
  const auto first = secret.FirstSign(views);
  EXPECT_EQ(secret.FirstSign(views, pool), first);
  EXPECT_EQ(secret.SecondSign(first, pool), secret.SecondSign(first));
}

// ---- what a peer may send ----

TEST_P(Curve25519OnEveryIsa, PointsOfSmallOrderBecomeZeroAndDoNotSpoilTheirBatch) {
  std::vector<CurvePoint> points;
  for (const CurvePoint& point : SmallOrderPoints()) {
    points.push_back(HashToCurve("133"));
    points.push_back(point);
  }
  std::array<uint8_t, 32> multiple_of_8 = PsiSecret::Random().bytes();
  const auto products = PsiSecret(multiple_of_8, GetParam()).SecondSign(points);
  const auto expected = PsiSecret(multiple_of_8, Isa::kGeneric).SecondSign({points.data(), 1})[0];
  for (size_t i = 0; i < points.size(); i += 2) {
    EXPECT_EQ(products[i], expected);
    EXPECT_EQ(products[i + 1], CurvePoint{}) << Hex(points[i + 1]);
  }
}

TEST_P(Curve25519OnEveryIsa, TheTopBitOfAReceivedPointIsIgnored) {
  CurvePoint point = HashToCurve("133");
  point[31] |= 0x80;
  EXPECT_EQ(Hex(Counting(1, GetParam()).SecondSign({&point, 1})[0]), kVectors[1].first);
}

INSTANTIATE_TEST_SUITE_P(Isas, Curve25519OnEveryIsa, testing::ValuesIn(SupportedIsas()),
                         [](const auto& info) { return std::string(IsaName(info.param)); });

// ---- secrets ----

RC_GTEST_PROP(Curve25519Property, SecretsCommuteWhateverThePathsOfTheirOwners, ()) {
  const auto id = *rc::gen::arbitrary<std::string>();
  const auto isa = rc::gen::elementOf(SupportedIsas());
  const auto bytes = rc::gen::container<std::array<uint8_t, 32>>(rc::gen::arbitrary<uint8_t>());
  const PsiSecret a(*bytes, *isa), b(*bytes, *isa);
  const std::string_view view = id;
  const auto ab = b.SecondSign(a.FirstSign({&view, 1}));
  RC_ASSERT(ab == a.SecondSign(b.FirstSign({&view, 1})));
}

TEST(PsiSecret, RandomOnesDifferAndAreMultiplesOfEight) {
  const PsiSecret a = PsiSecret::Random(), b = PsiSecret::Random();
  EXPECT_NE(a.bytes(), b.bytes());
  EXPECT_EQ(a.bytes()[0] % 8, 0);
}

TEST(PsiSecret, IsWipedWhenItGoes) {
  alignas(PsiSecret) uint8_t room[sizeof(PsiSecret)];
  auto* secret = new (room) PsiSecret(Counting(1).bytes());
  const size_t offset = static_cast<size_t>(secret->bytes().data() - room);
  EXPECT_NE(room[offset], 0);
  secret->~PsiSecret();
  uint8_t left[32];
  std::memcpy(left, room + offset, sizeof(left));
  EXPECT_TRUE(std::all_of(std::begin(left), std::end(left), [](uint8_t byte) { return !byte; }));
}

}  // namespace
}  // namespace fate::crypto
