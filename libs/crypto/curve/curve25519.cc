#include "crypto/curve/curve25519.h"

#include <openssl/crypto.h>

#include <algorithm>
#include <cstring>

#include "crypto/big_int.h"
#include "crypto/curve/field25519.h"
#include "crypto/hash.h"
#include "crypto/random.h"

namespace fate::crypto {
namespace {

using namespace field25519;  // NOLINT: the file is about this field

constexpr uint32_t kA = 486662;
constexpr uint32_t kA24 = 121665;  // (A - 2) / 4

// A u-coordinate as a fraction; z = 0 is the point at infinity.
struct Fraction {
  Element x, z;
};

// Montgomery's trick: one inversion for all; the inverse of 0 is 0.
void InvertAll(std::vector<Element>& values) {
  std::vector<Element> prefixes(values.size());
  Element product = kOne;
  for (size_t i = 0; i < values.size(); ++i) {
    prefixes[i] = product;
    product = Multiply(product, Select(IsZeroMask(values[i]), kOne, values[i]));
  }
  Element inverse = Invert(product);
  for (size_t i = values.size(); i-- > 0;) {
    const uint64_t is_zero = IsZeroMask(values[i]);
    const Element result = Multiply(inverse, prefixes[i]);
    inverse = Multiply(inverse, Select(is_zero, kOne, values[i]));
    values[i] = Select(is_zero, kZero, result);
  }
}

std::vector<Element> ToAffine(const std::vector<Fraction>& fractions) {
  std::vector<Element> inverses(fractions.size());
  for (size_t i = 0; i < fractions.size(); ++i) inverses[i] = fractions[i].z;
  InvertAll(inverses);
  for (size_t i = 0; i < fractions.size(); ++i) {
    inverses[i] = Multiply(inverses[i], fractions[i].x);
  }
  return inverses;
}

// Elligator2 with d = -A / w, w = 1 + 2 r^2. e = d^3 + A d^2 + d is a square exactly when
// e w^4 = -A w (A^2 - A^2 w + w^2) is; u = d, else -d - A = A (1 - w) / w.
Fraction Elligator(const Element& r) {
  const Element a{{kA, 0, 0, 0, 0}};
  const Element a_squared = Square(a);
  const Element r2 = Square(r);
  const Element w = Multiply(Add(kOne, Add(r2, r2)), kOne);
  const Element quadratic = Add(Square(w), Sub(a_squared, Multiply(a_squared, w)));
  const Element e = Multiply(Negate(MultiplySmall(w, kA)), Multiply(quadratic, kOne));
  const Element if_square = Negate(a);
  const Element if_not = MultiplySmall(Multiply(Sub(kOne, w), kOne), kA);
  return {Select(IsSquareMask(e), if_square, if_not), w};
}

Fraction HashToFraction(std::string_view id) {
  const std::array<uint8_t, 64> digest = Sha512(id);
  return Elligator(FromBytes(digest.data()));  // the sign bit is ignored: only u counts
}

Fraction Double(const Fraction& p) {
  const Element sum2 = Square(Add(p.x, p.z)), difference2 = Square(Sub(p.x, p.z));
  const Element e = Sub(sum2, difference2);
  return {Multiply(sum2, difference2), Multiply(e, Add(sum2, MultiplySmall(e, kA24)))};
}

Fraction TimesEight(const Fraction& p) { return Double(Double(Double(p))); }

// scalar * u: 255 steps, each one differential addition and one doubling.
Fraction Ladder(const std::array<uint8_t, 32>& scalar, const Element& u) {
  Fraction p{kOne, kZero}, q{u, kOne};  // q - p = u always
  uint64_t swapped = 0;
  for (int i = 254; i >= 0; --i) {
    const uint64_t bit = (scalar[static_cast<size_t>(i / 8)] >> (i % 8)) & 1;
    const uint64_t swap = 0 - (bit ^ swapped);
    swapped = bit;
    SwapIf(swap, p.x, q.x);
    SwapIf(swap, p.z, q.z);
    const Element a = Add(p.x, p.z), b = Sub(p.x, p.z);
    const Element da = Multiply(Sub(q.x, q.z), a), cb = Multiply(Add(q.x, q.z), b);
    const Element aa = Square(a), bb = Square(b);
    const Element e = Sub(aa, bb);
    q = {Square(Add(da, cb)), Multiply(u, Square(Sub(da, cb)))};
    p = {Multiply(aa, bb), Multiply(e, Add(aa, MultiplySmall(e, kA24)))};
  }
  SwapIf(0 - swapped, p.x, q.x);
  SwapIf(0 - swapped, p.z, q.z);
  return p;
}

std::vector<CurvePoint> Encode(const std::vector<Fraction>& fractions) {
  const std::vector<Element> affine = ToAffine(fractions);
  std::vector<CurvePoint> points(affine.size());
  for (size_t i = 0; i < affine.size(); ++i) ToBytes(affine[i], points[i].data());
  return points;
}

std::array<uint8_t, 32> LittleEndian(const BigInt& value) {
  const std::string bytes = value.ToBytes(32);
  std::array<uint8_t, 32> result;
  std::copy(bytes.rbegin(), bytes.rend(), result.begin());
  return result;
}

// 2^252 + 27742317777372353535851937790883648493
BigInt GroupOrder() {
  return BigInt::PowerOfTwo(252) + *BigInt::FromDecimal("27742317777372353535851937790883648493");
}

}  // namespace

CurvePoint HashToCurve(std::string_view id) { return Encode({TimesEight(HashToFraction(id))})[0]; }

PsiSecret PsiSecret::Random() {
  BigInt scalar = (crypto::Random::Below((GroupOrder() >> 3) - 1) + 1) << 3;
  const PsiSecret secret(LittleEndian(scalar));
  scalar.Wipe();
  return secret;
}

PsiSecret::PsiSecret(const std::array<uint8_t, 32>& bytes) {
  const std::string big_endian(bytes.rbegin(), bytes.rend());
  BigInt reduced = BigInt::FromBytes(big_endian).Mod(GroupOrder());
  scalar_ = LittleEndian(reduced);
  reduced.Wipe();
}

PsiSecret::~PsiSecret() { OPENSSL_cleanse(scalar_.data(), scalar_.size()); }

// s (8 P) = 8 (s P): the ladder wants an affine u, so the cofactor comes last.
std::vector<CurvePoint> PsiSecret::FirstSign(std::span<const std::string_view> ids) const {
  std::vector<Fraction> fractions(ids.size());
  for (size_t i = 0; i < ids.size(); ++i) fractions[i] = HashToFraction(ids[i]);
  const std::vector<Element> hashed = ToAffine(fractions);
  for (size_t i = 0; i < ids.size(); ++i) fractions[i] = TimesEight(Ladder(scalar_, hashed[i]));
  return Encode(fractions);
}

std::vector<CurvePoint> PsiSecret::SecondSign(std::span<const CurvePoint> points) const {
  std::vector<Fraction> fractions(points.size());
  for (size_t i = 0; i < points.size(); ++i) {
    fractions[i] = Ladder(scalar_, FromBytes(points[i].data()));
  }
  return Encode(fractions);
}

}  // namespace fate::crypto
