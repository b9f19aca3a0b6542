#include "crypto/curve/field25519.h"

#include <cstring>

namespace fate::crypto::field25519 {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
using Wide = unsigned __int128;
constexpr uint64_t kMask51 = (uint64_t{1} << 51) - 1;

Wide Times(uint64_t a, uint64_t b) { return static_cast<Wide>(a) * b; }

// Carries 128-bit columns (each below 2^115) to limbs below 2^52.
inline Element Carry(Wide c0, Wide c1, Wide c2, Wide c3, Wide c4) {
  Element r;
  c1 += static_cast<uint64_t>(c0 >> 51);
  r.limb[0] = static_cast<uint64_t>(c0) & kMask51;
  c2 += static_cast<uint64_t>(c1 >> 51);
  r.limb[1] = static_cast<uint64_t>(c1) & kMask51;
  c3 += static_cast<uint64_t>(c2 >> 51);
  r.limb[2] = static_cast<uint64_t>(c2) & kMask51;
  c4 += static_cast<uint64_t>(c3 >> 51);
  r.limb[3] = static_cast<uint64_t>(c3) & kMask51;
  r.limb[4] = static_cast<uint64_t>(c4) & kMask51;
  const Wide low = static_cast<Wide>(r.limb[0]) + Times(static_cast<uint64_t>(c4 >> 51), 19);
  r.limb[0] = static_cast<uint64_t>(low) & kMask51;
  r.limb[1] += static_cast<uint64_t>(low >> 51);
  return r;
}

Element SquareTimes(Element a, int count) {
  for (int i = 0; i < count; ++i) a = Square(a);
  return a;
}

// a^(2^250 - 1), and a^11 on the side: the common part of both exponentiations.
Element PowerCore(const Element& a, Element* a11) {
  const Element a2 = Square(a);
  const Element a9 = Multiply(a, SquareTimes(a2, 2));
  *a11 = Multiply(a2, a9);
  const Element x5 = Multiply(a9, Square(*a11));  // 2^5 - 1
  const Element x10 = Multiply(SquareTimes(x5, 5), x5);
  const Element x20 = Multiply(SquareTimes(x10, 10), x10);
  const Element x40 = Multiply(SquareTimes(x20, 20), x20);
  const Element x50 = Multiply(SquareTimes(x40, 10), x10);
  const Element x100 = Multiply(SquareTimes(x50, 50), x50);
  const Element x200 = Multiply(SquareTimes(x100, 100), x100);
  return Multiply(SquareTimes(x200, 50), x50);
}

}  // namespace

Element FromBytes(const uint8_t bytes[32]) {
  uint64_t w[4];
  std::memcpy(w, bytes, 32);
  return {{w[0] & kMask51, ((w[0] >> 51) | (w[1] << 13)) & kMask51,
           ((w[1] >> 38) | (w[2] << 26)) & kMask51, ((w[2] >> 25) | (w[3] << 39)) & kMask51,
           (w[3] >> 12) & kMask51}};
}

void ToBytes(const Element& a, uint8_t bytes[32]) {
  Element t = Carry(a.limb[0], a.limb[1], a.limb[2], a.limb[3], a.limb[4]);
  // t < 2p: quotient is 1 exactly when t + 19 reaches 2^255.
  uint64_t quotient = (t.limb[0] + 19) >> 51;
  for (int i = 1; i < 5; ++i) quotient = (t.limb[i] + quotient) >> 51;
  t.limb[0] += 19 * quotient;
  for (int i = 0; i < 4; ++i) {
    t.limb[i + 1] += t.limb[i] >> 51;
    t.limb[i] &= kMask51;
  }
  t.limb[4] &= kMask51;
  const uint64_t w[4] = {t.limb[0] | (t.limb[1] << 51), (t.limb[1] >> 13) | (t.limb[2] << 38),
                         (t.limb[2] >> 26) | (t.limb[3] << 25),
                         (t.limb[3] >> 39) | (t.limb[4] << 12)};
  std::memcpy(bytes, w, 32);
}

Element Multiply(const Element& x, const Element& y) {
  const uint64_t *a = x.limb, *b = y.limb;
  const uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
  return Carry(
      Times(a[0], b[0]) + Times(a[1], b4) + Times(a[2], b3) + Times(a[3], b2) + Times(a[4], b1),
      Times(a[0], b[1]) + Times(a[1], b[0]) + Times(a[2], b4) + Times(a[3], b3) + Times(a[4], b2),
      Times(a[0], b[2]) + Times(a[1], b[1]) + Times(a[2], b[0]) + Times(a[3], b4) + Times(a[4], b3),
      Times(a[0], b[3]) + Times(a[1], b[2]) + Times(a[2], b[1]) + Times(a[3], b[0]) +
          Times(a[4], b4),
      Times(a[0], b[4]) + Times(a[1], b[3]) + Times(a[2], b[2]) + Times(a[3], b[1]) +
          Times(a[4], b[0]));
}

Element Square(const Element& x) {
  const uint64_t* a = x.limb;
  const uint64_t d0 = 2 * a[0], d1 = 2 * a[1], a3 = 19 * a[3], a4 = 19 * a[4];
  return Carry(Times(a[0], a[0]) + Times(d1, a4) + Times(2 * a[2], a3),
               Times(d0, a[1]) + Times(2 * a[2], a4) + Times(a[3], a3),
               Times(d0, a[2]) + Times(a[1], a[1]) + Times(2 * a[3], a4),
               Times(d0, a[3]) + Times(d1, a[2]) + Times(a[4], a4),
               Times(d0, a[4]) + Times(d1, a[3]) + Times(a[2], a[2]));
}

Element MultiplySmall(const Element& x, uint32_t factor) {
  const uint64_t* a = x.limb;
  return Carry(Times(a[0], factor), Times(a[1], factor), Times(a[2], factor), Times(a[3], factor),
               Times(a[4], factor));
}

Element Negate(const Element& a) { return Multiply(Sub(kZero, a), kOne); }

// a^(p - 2) = a^(2^255 - 21)
Element Invert(const Element& a) {
  Element a11;
  const Element x250 = PowerCore(a, &a11);
  return Multiply(SquareTimes(x250, 5), a11);
}

// Euler: a^((p - 1) / 2) = a^(2^254 - 10) is 1 for squares, 0 for 0, -1 else.
uint64_t IsSquareMask(const Element& a) {
  Element a11;
  const Element x250 = PowerCore(a, &a11);
  // 2^254 - 10 = (2^250 - 1) 2^4 + 6
  const Element power = Multiply(SquareTimes(x250, 4), Square(Multiply(Square(a), a)));
  return IsZeroMask(Sub(power, kOne)) | IsZeroMask(power);
}

uint64_t IsZeroMask(const Element& a) {
  uint64_t w[4];
  uint8_t bytes[32];
  ToBytes(a, bytes);
  std::memcpy(w, bytes, 32);
  const uint64_t any = w[0] | w[1] | w[2] | w[3];
  return ((any | (0 - any)) >> 63) - 1;
}

}  // namespace fate::crypto::field25519
