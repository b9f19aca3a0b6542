#pragma once

// Eight elements in radix 2^52, by AVX-512 IFMA (field25519.h says what the functions do).
//
// VPMADD52 reads the low 52 bits of what it multiplies. So Carry adds the upper bits of a limb to
// the next one without clearing them: only Widen() does. Products fold at 2^260 = 608 (mod p),
// Carry at 2^255 = 19. Bounds: the top limb of an element is below 2^47 + 2^13, the limbs of a
// product below 2^56, those of a biased one below 2^63.

#include <immintrin.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/curve/field25519.h"

namespace fate::crypto::field25519 {

struct Ifma {
  static constexpr size_t kLanes = 8;
  using Vector = uint64_t __attribute__((vector_size(64)));
  struct Element {
    Vector limb[5];
  };
  struct Sum {
    Vector limb[5];
  };
  // Element i is 2^(52 i) times the first: products overflow into one column instead of five.
  struct Factor {
    Element shifted[5];
  };

  FATE_FIELD_INLINE Vector All(uint64_t value) { return Vector{} + value; }

  FATE_FIELD_INLINE Sum Multiply(const Element& a, const Element& b, const Sum& start = {}) {
    Vector z[10];
    Start(z, start);
    AddRow(z, a.limb[0], b);
    AddRow(z + 1, a.limb[1], b);
    AddRow(z + 2, a.limb[2], b);
    AddRow(z + 3, a.limb[3], b);
    AddRow(z + 4, a.limb[4], b);
    return Fold(z);
  }

  FATE_FIELD_INLINE Sum Multiply(const Element& a, const Factor& f) {
    Vector z[6] = {};
    AddRow(z, a.limb[0], f.shifted[0]);
    AddRow(z, a.limb[1], f.shifted[1]);
    AddRow(z, a.limb[2], f.shifted[2]);
    AddRow(z, a.limb[3], f.shifted[3]);
    AddRow(z, a.limb[4], f.shifted[4]);  // column 5 is below 2^50
    return {{Low(z[0], z[5], All(608)), High(z[1], z[5], All(608)), z[2], z[3], z[4]}};
  }

  FATE_FIELD_INLINE Sum Square(const Element& x, const Sum& start = {}) {
    const Vector *a = x.limb, twice_top = a[4] + a[4];
    Vector z[10] = {};
    AddProduct(z + 1, a[0], a[1]);
    AddProduct(z + 2, a[0], a[2]);
    AddProduct(z + 3, a[0], a[3]);
    AddProduct(z + 3, a[1], a[2]);
    AddProduct(z + 4, a[1], a[3]);
    AddProduct(z + 5, a[2], a[3]);
    z[0] = start.limb[0];
    z[1] = z[1] + z[1] + start.limb[1], z[2] = z[2] + z[2] + start.limb[2];
    z[3] = z[3] + z[3] + start.limb[3], z[4] = z[4] + z[4] + start.limb[4];
    z[5] += z[5], z[6] += z[6];
    AddProduct(z + 4, a[0], twice_top);
    AddProduct(z + 5, a[1], twice_top);
    AddProduct(z + 6, a[2], twice_top);
    AddProduct(z + 7, a[3], twice_top);
    AddProduct(z + 8, a[4], a[4]);
    AddProduct(z, a[0], a[0]);
    AddProduct(z + 2, a[1], a[1]);
    AddProduct(z + 4, a[2], a[2]);
    AddProduct(z + 6, a[3], a[3]);
    return Fold(z);
  }

  // 2^10 p
  FATE_FIELD_INLINE Sum Bias() {
    const Vector middle = All(((uint64_t{1} << 52) - 1) << 10);
    return {{All(((uint64_t{1} << 52) - 19) << 10), middle, middle, middle,
             All(((uint64_t{1} << 47) - 1) << 10)}};
  }

  FATE_FIELD_INLINE Sum Add(const Sum& x, const Sum& y) {
    return {{x.limb[0] + y.limb[0], x.limb[1] + y.limb[1], x.limb[2] + y.limb[2],
             x.limb[3] + y.limb[3], x.limb[4] + y.limb[4]}};
  }

  FATE_FIELD_INLINE Sum Subtract(const Sum& x, const Sum& y) {
    return {{x.limb[0] - y.limb[0], x.limb[1] - y.limb[1], x.limb[2] - y.limb[2],
             x.limb[3] - y.limb[3], x.limb[4] - y.limb[4]}};
  }

  FATE_FIELD_INLINE Sum AddMultiple(const Sum& x, const Element& a, uint32_t factor) {
    const Vector k = All(factor), zero = {};
    Sum z = x;
    z.limb[0] = Low(Low(z.limb[0], a.limb[0], k), High(zero, a.limb[4], k), All(608));
    z.limb[1] = High(Low(z.limb[1], a.limb[1], k), a.limb[0], k);
    z.limb[2] = High(Low(z.limb[2], a.limb[2], k), a.limb[1], k);
    z.limb[3] = High(Low(z.limb[3], a.limb[3], k), a.limb[2], k);
    z.limb[4] = High(Low(z.limb[4], a.limb[4], k), a.limb[3], k);
    return z;
  }

  FATE_FIELD_INLINE Element Carry(const Sum& x) {
    return Ripple({{Low(x.limb[0], x.limb[4] >> 47, All(19)), x.limb[1], x.limb[2], x.limb[3],
                    x.limb[4] & kMask47}});
  }

  FATE_FIELD_INLINE Sum Widen(const Element& a) {
    return {{a.limb[0] & kMask52, a.limb[1] & kMask52, a.limb[2] & kMask52, a.limb[3] & kMask52,
             a.limb[4]}};
  }

  FATE_FIELD_INLINE Factor Prepare(const Element& a) {
    Factor f;
    f.shifted[0] = a;
    for (int i = 1; i < 5; ++i) {
      const Sum last = Widen(f.shifted[i - 1]);
      const Vector top = last.limb[4], zero = {};
      f.shifted[i] = Carry({{Low(zero, top, All(608)), High(last.limb[0], top, All(608)),
                             last.limb[1], last.limb[2], last.limb[3]}});
    }
    return f;
  }

  FATE_FIELD_INLINE Element Small(uint64_t value) { return {{All(value)}}; }

  FATE_FIELD_INLINE Element Select(Vector mask, const Element& a, const Element& b) {
    Element r;
    for (int i = 0; i < 5; ++i) r.limb[i] = (a.limb[i] & mask) | (b.limb[i] & ~mask);
    return r;
  }

  FATE_FIELD_INLINE Vector EqualsZero(Vector word) { return (Vector)(word == 0); }

  FATE_FIELD_INLINE Element FromWords(const Vector w[4]) {
    return {{w[0] & kMask52, ((w[0] >> 52) | (w[1] << 12)) & kMask52,
             ((w[1] >> 40) | (w[2] << 24)) & kMask52, ((w[2] >> 28) | (w[3] << 36)) & kMask52,
             (w[3] >> 16) & kMask47}};
  }

  FATE_FIELD_INLINE void ToWords(const Element& a, Vector w[4]) {
    Sum x = Widen(Carry(Widen(a)));  // below 2^255 + 20: p goes off once at most
    const Vector x0 = x.limb[0];
    x.limb[0] = x0 + 19;
    const Vector quotient = Ripple(x).limb[4] >> 47;
    x.limb[0] = x0 + 19 * quotient;
    x = Widen(Ripple(x));
    w[0] = x.limb[0] | (x.limb[1] << 52);
    w[1] = (x.limb[1] >> 12) | (x.limb[2] << 40);
    w[2] = (x.limb[2] >> 24) | (x.limb[3] << 28);
    w[3] = (x.limb[3] >> 36) | ((x.limb[4] & kMask47) << 16);
  }

 private:
  static constexpr uint64_t kMask47 = (uint64_t{1} << 47) - 1, kMask52 = (uint64_t{1} << 52) - 1;

  // sum + the low, or the high, 52 bits of a product
  FATE_FIELD_INLINE Vector Low(Vector sum, Vector a, Vector b) {
    return (Vector)_mm512_madd52lo_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
  }
  FATE_FIELD_INLINE Vector High(Vector sum, Vector a, Vector b) {
    return (Vector)_mm512_madd52hi_epu64((__m512i)sum, (__m512i)a, (__m512i)b);
  }

  FATE_FIELD_INLINE Element Ripple(const Sum& x) {
    Element r;
    r.limb[0] = x.limb[0];
    r.limb[1] = x.limb[1] + (r.limb[0] >> 52);
    r.limb[2] = x.limb[2] + (r.limb[1] >> 52);
    r.limb[3] = x.limb[3] + (r.limb[2] >> 52);
    r.limb[4] = x.limb[4] + (r.limb[3] >> 52);
    return r;
  }

  FATE_FIELD_INLINE void Start(Vector z[10], const Sum& start) {
    for (int i = 0; i < 5; ++i) z[i] = start.limb[i], z[i + 5] = Vector{};
  }

  FATE_FIELD_INLINE void AddProduct(Vector* z, Vector a, Vector b) {
    z[0] = Low(z[0], a, b);
    z[1] = High(z[1], a, b);
  }

  FATE_FIELD_INLINE void AddRow(Vector* z, Vector a, const Element& b) {
    z[0] = Low(z[0], a, b.limb[0]);
    z[1] = Low(z[1], a, b.limb[1]);
    z[2] = Low(z[2], a, b.limb[2]);
    z[3] = Low(z[3], a, b.limb[3]);
    z[4] = Low(z[4], a, b.limb[4]);
    z[1] = High(z[1], a, b.limb[0]);
    z[2] = High(z[2], a, b.limb[1]);
    z[3] = High(z[3], a, b.limb[2]);
    z[4] = High(z[4], a, b.limb[3]);
    z[5] = High(z[5], a, b.limb[4]);
  }

  // Columns 5 to 9, times 608, join columns 0 to 4. Column 9 is below 2^43: one product holds it.
  FATE_FIELD_INLINE Sum Fold(const Vector z[10]) {
    const Vector k = All(608);
    Sum r;
    r.limb[0] = Low(z[0], z[5], k);
    r.limb[1] = High(Low(Low(z[1], z[6], k), z[5] >> 52, k), z[5], k);
    r.limb[2] = High(Low(Low(z[2], z[7], k), z[6] >> 52, k), z[6], k);
    r.limb[3] = High(Low(Low(z[3], z[8], k), z[7] >> 52, k), z[7], k);
    r.limb[4] = High(Low(Low(z[4], z[9], k), z[8] >> 52, k), z[8], k);
    return r;
  }
};

}  // namespace fate::crypto::field25519
