#pragma once

// As many elements as a vector has 64-bit lanes, in radix 2^25.5, by VPMULUDQ (field25519.h says
// what the functions do). Limb i has weight 2^ceil(25.5 i) and 26 bits where i is even, 25 where
// it is odd; the product of two odd limbs counts twice (Bernstein, PKC 2006).
//
// Bounds: the limbs of an element are below 2^26 + 2^11 or 2^25 + 2^15, so that 19 times one fits
// 32 bits; the limbs of a product are below 2^59 or 2^58.3, those of any Sum below 2^61.

#include <stddef.h>
#include <stdint.h>

#include "crypto/curve/field25519.h"

namespace fate::crypto::field25519 {

// Isa: a Vector type, and Product(a, b) of the lower halves of its words.
template <class Isa>
struct Radix25 {
  using Vector = typename Isa::Vector;
  static constexpr size_t kLanes = sizeof(Vector) / sizeof(uint64_t);
  // Copied limb by limb, because GCC would copy the whole by a slow string instruction.
  template <class Tag>
  struct Limbs {
    Vector limb[10];

    Limbs() = default;
    Limbs(const Limbs& other) { Copy(other.limb, limb); }
    Limbs& operator=(const Limbs& other) { return Copy(other.limb, limb), *this; }
  };
  using Element = Limbs<struct ElementTag>;
  using Sum = Limbs<struct SumTag>;
  struct Factor {
    Element once, times19;
  };

  FATE_FIELD_INLINE Vector All(uint64_t value) { return Vector{} + value; }

  FATE_FIELD_INLINE Sum Multiply(const Element& a, const Factor& b) {
    Sum z;
    return AddRows<kSet>(z, a, b), z;
  }
  FATE_FIELD_INLINE Sum Multiply(const Element& a, const Element& b) {
    return Multiply(a, Prepare(b));
  }
  FATE_FIELD_INLINE Sum Multiply(const Element& a, const Element& b, const Sum& start) {
    Sum z = start;
    return AddRows<kAdd>(z, a, Prepare(b)), z;
  }

  FATE_FIELD_INLINE Sum Square(const Element& a) {
    Sum z;
    return AddHalfRows<kSet>(z, a, Prepare(a)), z;
  }
  FATE_FIELD_INLINE Sum Square(const Element& a, const Sum& start) {
    Sum z = start;
    return AddHalfRows<kAdd>(z, a, Prepare(a)), z;
  }

  // 2^34 p
  FATE_FIELD_INLINE Sum Bias() {
    Sum z;
    for (int i = 0; i < 10; ++i) z.limb[i] = All(Mask(i) << 34);
    z.limb[0] -= uint64_t{18} << 34;
    return z;
  }

  FATE_FIELD_INLINE Sum Add(const Sum& x, const Sum& y) {
    Sum z;
    for (int i = 0; i < 10; ++i) z.limb[i] = x.limb[i] + y.limb[i];
    return z;
  }

  FATE_FIELD_INLINE Sum Subtract(const Sum& x, const Sum& y) {
    Sum z;
    for (int i = 0; i < 10; ++i) z.limb[i] = x.limb[i] - y.limb[i];
    return z;
  }

  FATE_FIELD_INLINE Sum AddMultiple(const Sum& x, const Element& a, uint32_t factor) {
    Sum z;
    for (int i = 0; i < 10; ++i) z.limb[i] = x.limb[i] + Isa::Product(a.limb[i], All(factor));
    return z;
  }

  // Two chains side by side, 0 to 5 and 5 to 0, and a last step of each.
  FATE_FIELD_INLINE Element Carry(const Sum& x) {
    Sum z = x;
    CarryFrom(0, z), CarryFrom(5, z), CarryFrom(1, z), CarryFrom(6, z), CarryFrom(2, z);
    CarryFrom(7, z), CarryFrom(3, z), CarryFrom(8, z), CarryFrom(4, z);
    const Vector top = z.limb[9] >> 25;
    z.limb[9] &= Mask(9);
    z.limb[0] += top + (top << 1) + (top << 4);
    CarryFrom(5, z), CarryFrom(0, z);
    return Narrow(z);
  }

  FATE_FIELD_INLINE Sum Widen(const Element& a) {
    Sum z;
    return Copy(a.limb, z.limb), z;
  }

  FATE_FIELD_INLINE Factor Prepare(const Element& a) {
    Factor f;
    f.once = a;
    for (int i = 0; i < 10; ++i) f.times19.limb[i] = Isa::Product(a.limb[i], All(19));
    return f;
  }

  FATE_FIELD_INLINE Element Small(uint64_t value) {
    Element r = {};
    r.limb[0] = All(value & Mask(0));
    r.limb[1] = All(value >> 26);
    return r;
  }

  FATE_FIELD_INLINE Element Select(Vector mask, const Element& a, const Element& b) {
    Element r;
    for (int i = 0; i < 10; ++i) r.limb[i] = (a.limb[i] & mask) | (b.limb[i] & ~mask);
    return r;
  }

  FATE_FIELD_INLINE Vector EqualsZero(Vector word) { return (Vector)(word == 0); }

  FATE_FIELD_INLINE Element FromWords(const Vector w[4]) {
    Element r;
    r.limb[0] = w[0] & Mask(0);
    r.limb[1] = (w[0] >> 26) & Mask(1);
    r.limb[2] = ((w[0] >> 51) | (w[1] << 13)) & Mask(2);
    r.limb[3] = (w[1] >> 13) & Mask(3);
    r.limb[4] = w[1] >> 38;
    r.limb[5] = w[2] & Mask(5);
    r.limb[6] = (w[2] >> 25) & Mask(6);
    r.limb[7] = ((w[2] >> 51) | (w[3] << 13)) & Mask(7);
    r.limb[8] = (w[3] >> 12) & Mask(8);
    r.limb[9] = (w[3] >> 38) & Mask(9);
    return r;
  }

  FATE_FIELD_INLINE void ToWords(const Element& a, Vector w[4]) {
    const Sum x = Widen(Carry(Widen(a)));  // below 2^255 + 2^232: p goes off once at most
    const Vector quotient = Ripple(x, All(19)).limb[9] >> 25;
    const Sum z = Ripple(x, quotient + (quotient << 1) + (quotient << 4));
    const Vector* l = z.limb;
    w[0] = l[0] | (l[1] << 26) | (l[2] << 51);
    w[1] = (l[2] >> 13) | (l[3] << 13) | (l[4] << 38);
    w[2] = l[5] | (l[6] << 25) | (l[7] << 51);
    w[3] = (l[7] >> 13) | (l[8] << 12) | ((l[9] & Mask(9)) << 38);
  }

 private:
  FATE_FIELD_INLINE void Copy(const Vector* from, Vector* to) {
#pragma GCC unroll 10
    for (int i = 0; i < 10; ++i) to[i] = from[i];
  }

  static constexpr int Bits(int limb) { return 26 - (limb & 1); }
  static constexpr uint64_t Mask(int limb) { return (uint64_t{1} << Bits(limb)) - 1; }

  enum First { kSet, kAdd };  // what the first row of a multiplication does to z

  // sum = a b or sum += a b. GCC would compute all products before it adds the first: the empty
  // statement stands for a use of each sum.
  template <First kFirst>
  FATE_FIELD_INLINE void AddProduct(Vector& sum, Vector a, Vector b) {
    sum = kFirst == kAdd ? sum + Isa::Product(a, b) : Isa::Product(a, b);
    asm("" : "+v"(sum));
  }

  template <First kFirst>
  FATE_FIELD_INLINE void AddRows(Sum& z, const Element& a, const Factor& b) {
    AddRow<0, kFirst>(z, a, b), AddRow<1>(z, a, b), AddRow<2>(z, a, b), AddRow<3>(z, a, b);
    AddRow<4>(z, a, b), AddRow<5>(z, a, b), AddRow<6>(z, a, b), AddRow<7>(z, a, b);
    AddRow<8>(z, a, b), AddRow<9>(z, a, b);
  }

  // z += a_i b
  template <int i, First kFirst = kAdd>
  FATE_FIELD_INLINE void AddRow(Sum& z, const Element& a, const Factor& b) {
    const Vector once = a.limb[i], twice = once << 1;
#pragma GCC unroll 10
    for (int j = 0; j < 10; ++j) {
      AddProduct<kFirst>(z.limb[(i + j) % 10], i & j & 1 ? twice : once, Right(i, j, b));
    }
  }

  template <First kFirst>
  FATE_FIELD_INLINE void AddHalfRows(Sum& z, const Element& a, const Factor& b) {
    AddHalfRow<0, kFirst>(z, a, b), AddHalfRow<1>(z, a, b), AddHalfRow<2>(z, a, b);
    AddHalfRow<3>(z, a, b), AddHalfRow<4>(z, a, b), AddHalfRow<5>(z, a, b);
    AddHalfRow<6>(z, a, b), AddHalfRow<7>(z, a, b), AddHalfRow<8>(z, a, b);
    AddHalfRow<9>(z, a, b);
  }

  // z += a_i^2 + 2 a_i (the limbs above i), b being a
  template <int i, First kFirst = kAdd>
  FATE_FIELD_INLINE void AddHalfRow(Sum& z, const Element& a, const Factor& b) {
    const Vector once = a.limb[i] << (i & 1), twice = a.limb[i] << 1, more = twice << (i & 1);
    AddProduct<kFirst>(z.limb[2 * i % 10], once, Right(i, i, b));
#pragma GCC unroll 10
    for (int j = i + 1; j < 10; ++j) {
      AddProduct<kFirst>(z.limb[(i + j) % 10], j & 1 ? more : twice, Right(i, j, b));
    }
  }

  FATE_FIELD_INLINE const Vector& Right(int i, int j, const Factor& b) {
    return i + j < 10 ? b.once.limb[j] : b.times19.limb[j];
  }

  FATE_FIELD_INLINE void CarryFrom(int i, Sum& z) {
    z.limb[i + 1] += z.limb[i] >> Bits(i);
    z.limb[i] &= Mask(i);
  }

  FATE_FIELD_INLINE Sum Ripple(const Sum& x, Vector first) {
    Sum z = x;
    z.limb[0] += first;
    for (int i = 0; i < 9; ++i) CarryFrom(i, z);
    return z;
  }

  FATE_FIELD_INLINE Element Narrow(const Sum& x) {
    Element r;
    return Copy(x.limb, r.limb), r;
  }
};

}  // namespace fate::crypto::field25519
