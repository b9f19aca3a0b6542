#pragma once

// One element in radix 2^51, by 64 x 64 bit products (field25519.h says what the functions do).
//
// Products are carried at once, to limbs below 2^52, so that Carry has nothing to do: sums and
// differences of two products stay below 2^54, which multiplications take.

#include <stddef.h>
#include <stdint.h>

#include "crypto/curve/field25519.h"

namespace fate::crypto::field25519 {

struct Scalar {
  static constexpr size_t kLanes = 1;
  using Vector = uint64_t;
  struct Element {
    uint64_t limb[5];
  };
  using Sum = Element;
  using Factor = Element;

  FATE_FIELD_INLINE Vector All(uint64_t value) { return value; }

  FATE_FIELD_INLINE Sum Multiply(const Element& x, const Element& y, const Sum& = {}) {
    const uint64_t *a = x.limb, *b = y.limb;
    const uint64_t b1 = 19 * b[1], b2 = 19 * b[2], b3 = 19 * b[3], b4 = 19 * b[4];
    return Reduce(
        Times(a[0], b[0]) + Times(a[1], b4) + Times(a[2], b3) + Times(a[3], b2) + Times(a[4], b1),
        Times(a[0], b[1]) + Times(a[1], b[0]) + Times(a[2], b4) + Times(a[3], b3) + Times(a[4], b2),
        Times(a[0], b[2]) + Times(a[1], b[1]) + Times(a[2], b[0]) + Times(a[3], b4) +
            Times(a[4], b3),
        Times(a[0], b[3]) + Times(a[1], b[2]) + Times(a[2], b[1]) + Times(a[3], b[0]) +
            Times(a[4], b4),
        Times(a[0], b[4]) + Times(a[1], b[3]) + Times(a[2], b[2]) + Times(a[3], b[1]) +
            Times(a[4], b[0]));
  }

  FATE_FIELD_INLINE Sum Square(const Element& x, const Sum& = {}) {
    const uint64_t* a = x.limb;
    const uint64_t d0 = 2 * a[0], d1 = 2 * a[1], d2 = 2 * a[2];
    const uint64_t a3 = 19 * a[3], a4 = 19 * a[4];
    return Reduce(Times(a[0], a[0]) + Times(d1, a4) + Times(d2, a3),
                  Times(d0, a[1]) + Times(d2, a4) + Times(a[3], a3),
                  Times(d0, a[2]) + Times(a[1], a[1]) + Times(2 * a[3], a4),
                  Times(d0, a[3]) + Times(d1, a[2]) + Times(a[4], a4),
                  Times(d0, a[4]) + Times(d1, a[3]) + Times(a[2], a[2]));
  }

  // Nothing: Subtract adds its own 4 p, because Reduce leaves no trace of a multiple of p.
  FATE_FIELD_INLINE Sum Bias() { return {}; }

  FATE_FIELD_INLINE Sum Add(const Sum& x, const Sum& y) {
    return {{x.limb[0] + y.limb[0], x.limb[1] + y.limb[1], x.limb[2] + y.limb[2],
             x.limb[3] + y.limb[3], x.limb[4] + y.limb[4]}};
  }

  FATE_FIELD_INLINE Sum Subtract(const Sum& x, const Sum& y) {
    constexpr uint64_t k0 = ((uint64_t{1} << 51) - 19) << 2, k = ((uint64_t{1} << 51) - 1) << 2;
    return {{x.limb[0] + k0 - y.limb[0], x.limb[1] + k - y.limb[1], x.limb[2] + k - y.limb[2],
             x.limb[3] + k - y.limb[3], x.limb[4] + k - y.limb[4]}};
  }

  FATE_FIELD_INLINE Sum AddMultiple(const Sum& x, const Element& a, uint32_t factor) {
    return Reduce(x.limb[0] + Times(a.limb[0], factor), x.limb[1] + Times(a.limb[1], factor),
                  x.limb[2] + Times(a.limb[2], factor), x.limb[3] + Times(a.limb[3], factor),
                  x.limb[4] + Times(a.limb[4], factor));
  }

  FATE_FIELD_INLINE Element Carry(const Sum& x) { return x; }
  FATE_FIELD_INLINE Sum Widen(const Element& a) { return AddMultiple({}, a, 1); }
  FATE_FIELD_INLINE Factor Prepare(const Element& a) { return a; }
  FATE_FIELD_INLINE Element Small(uint64_t value) { return {{value}}; }

  FATE_FIELD_INLINE Element Select(Vector mask, const Element& a, const Element& b) {
    Element r;
    for (int i = 0; i < 5; ++i) r.limb[i] = (a.limb[i] & mask) | (b.limb[i] & ~mask);
    return r;
  }

  FATE_FIELD_INLINE Element FromWords(const Vector w[4]) {
    return {{w[0] & kMask, ((w[0] >> 51) | (w[1] << 13)) & kMask,
             ((w[1] >> 38) | (w[2] << 26)) & kMask, ((w[2] >> 25) | (w[3] << 39)) & kMask,
             (w[3] >> 12) & kMask}};
  }

  FATE_FIELD_INLINE void ToWords(const Element& a, Vector w[4]) {
    Element t = Widen(a);  // below 2^255 + 2^51: p goes off once at most
    uint64_t quotient = (t.limb[0] + 19) >> 51;
    for (int i = 1; i < 5; ++i) quotient = (t.limb[i] + quotient) >> 51;
    t.limb[0] += 19 * quotient;
    for (int i = 0; i < 4; ++i) {
      t.limb[i + 1] += t.limb[i] >> 51;
      t.limb[i] &= kMask;
    }
    w[0] = t.limb[0] | (t.limb[1] << 51);
    w[1] = (t.limb[1] >> 13) | (t.limb[2] << 38);
    w[2] = (t.limb[2] >> 26) | (t.limb[3] << 25);
    w[3] = (t.limb[3] >> 39) | ((t.limb[4] & kMask) << 12);
  }

  FATE_FIELD_INLINE Vector EqualsZero(Vector word) { return ((word | (0 - word)) >> 63) - 1; }

 private:
  using Wide = unsigned __int128;
  static constexpr uint64_t kMask = (uint64_t{1} << 51) - 1;

  FATE_FIELD_INLINE Wide Times(uint64_t a, uint64_t b) { return static_cast<Wide>(a) * b; }

  // Carries columns below 2^115 to limbs below 2^52.
  FATE_FIELD_INLINE Sum Reduce(Wide c0, Wide c1, Wide c2, Wide c3, Wide c4) {
    Sum r;
    c1 += static_cast<uint64_t>(c0 >> 51);
    r.limb[0] = static_cast<uint64_t>(c0) & kMask;
    c2 += static_cast<uint64_t>(c1 >> 51);
    r.limb[1] = static_cast<uint64_t>(c1) & kMask;
    c3 += static_cast<uint64_t>(c2 >> 51);
    r.limb[2] = static_cast<uint64_t>(c2) & kMask;
    c4 += static_cast<uint64_t>(c3 >> 51);
    r.limb[3] = static_cast<uint64_t>(c3) & kMask;
    r.limb[4] = static_cast<uint64_t>(c4) & kMask;
    const Wide low = static_cast<Wide>(r.limb[0]) + Times(static_cast<uint64_t>(c4 >> 51), 19);
    r.limb[0] = static_cast<uint64_t>(low) & kMask;
    r.limb[1] += static_cast<uint64_t>(low >> 51);
    return r;
  }
};

}  // namespace fate::crypto::field25519
