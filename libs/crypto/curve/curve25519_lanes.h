#pragma once

// Curve25519 over any of the fields of field25519.h, as many points at once as it has lanes. All
// lanes share one secret multiplier, whose bits select by masks and never by branches.

#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "crypto/curve/curve25519_kernel.h"

namespace fate::crypto::curve25519 {

template <class F>
struct Lanes {
  using Element = typename F::Element;
  using Sum = typename F::Sum;
  using Vector = typename F::Vector;
  // A u-coordinate x / z; z = 0 is the point at infinity.
  struct Fraction {
    Element x, z;
  };
  // Powers of several elements: a step waits for the one before it, but not for its neighbour.
  template <int kWays>
  struct Ways {
    Element way[kWays];
  };

  static constexpr uint32_t kA = 486662;
  static constexpr size_t kLanes = F::kLanes;
  // Vectors that share their inversions.
  static constexpr size_t kBlockVectors = 32, kBlock = kBlockVectors * kLanes;

  // One copy of what is a thousand instructions long.
  [[gnu::noinline]] static Element Product(const Element& a, const Element& b) {
    return F::Carry(F::Multiply(a, b));
  }

  template <int kWays>
  static Ways<kWays> Product(const Ways<kWays>& a, const Ways<kWays>& b) {
    Ways<kWays> r;
    for (int i = 0; i < kWays; ++i) r.way[i] = Product(a.way[i], b.way[i]);
    return r;
  }

  template <int kWays>
  [[gnu::noinline]] static Ways<kWays> SquareTimes(const Ways<kWays>& a, int count) {
    Ways<kWays> r = a;
    for (int n = 0; n < count; ++n) {
      for (Element& element : r.way) element = F::Carry(F::Square(element));
    }
    return r;
  }

  // a^(2^250 - 1), and a^11 on the side: the common part of both exponentiations.
  template <class T>
  static T PowerCore(const T& a, T* a11) {
    const T a2 = SquareTimes(a, 1);
    const T a9 = Product(a, SquareTimes(a2, 2));
    *a11 = Product(a2, a9);
    const T x5 = Product(a9, SquareTimes(*a11, 1));  // 2^5 - 1
    const T x10 = Product(SquareTimes(x5, 5), x5);
    const T x20 = Product(SquareTimes(x10, 10), x10);
    const T x40 = Product(SquareTimes(x20, 20), x20);
    const T x50 = Product(SquareTimes(x40, 10), x10);
    const T x100 = Product(SquareTimes(x50, 50), x50);
    const T x200 = Product(SquareTimes(x100, 100), x100);
    return Product(SquareTimes(x200, 50), x50);
  }

  // a^(p - 2) = a^(2^255 - 21); 0 for 0.
  static Element Invert(const Element& a) {
    Ways<1> a11;
    const Ways<1> core = PowerCore(Ways<1>{{a}}, &a11);
    return Product(SquareTimes(core, 5), a11).way[0];
  }

  // Euler: a^((p - 1) / 2) = a^(2^254 - 10) is 1 for squares, 0 for 0, p - 1 else.
  template <int kWays>
  static Ways<kWays> EulerPower(const Ways<kWays>& a) {
    Ways<kWays> a11;
    const Ways<kWays> core = PowerCore(a, &a11);
    const Ways<kWays> a6 = SquareTimes(Product(SquareTimes(a, 1), a), 1);
    return Product(SquareTimes(core, 4), a6);  // 2^254 - 10 = (2^250 - 1) 2^4 + 6
  }

  [[gnu::noinline]] static Vector IsZero(const Element& a) {
    Vector w[4];
    F::ToWords(a, w);
    return F::EqualsZero(w[0] | w[1] | w[2] | w[3]);
  }

  [[gnu::noinline]] static Vector IsOne(const Element& a) {
    Vector w[4];
    F::ToWords(a, w);
    return F::EqualsZero((w[0] ^ 1) | w[1] | w[2] | w[3]);
  }

  // Montgomery's trick: one inversion for all; the inverse of 0 is 0.
  static void InvertAll(Element* values, size_t count) {
    Element prefixes[kBlockVectors], product = F::Small(1);
    for (size_t i = 0; i < count; ++i) {
      prefixes[i] = product;
      product = Product(product, F::Select(IsZero(values[i]), F::Small(1), values[i]));
    }
    Element inverse = Invert(product);
    for (size_t i = count; i-- > 0;) {
      const Vector is_zero = IsZero(values[i]);
      const Element value = F::Select(is_zero, F::Small(1), values[i]);
      values[i] = F::Select(is_zero, F::Small(0), Product(inverse, prefixes[i]));
      inverse = Product(inverse, value);
    }
  }

  // Elligator2 for `count` vectors (Bernstein, Hamburg, Krasnova, Lange, CCS 2013), non-square 2.
  // With t = 2 r^2 and w = 1 + t: u = -A / w when that is on the curve, else -A t / w. It is when
  // -A w (w^2 - A^2 t) is a square, and so, as A / 2 and -1 are squares, when e is:
  //   e = 2 w (w^2 - A^2 t).
  static void Map(Element* r, size_t count) {
    Element t[kBlockVectors], w[kBlockVectors];
    Ways<2> e[(kBlockVectors + 1) / 2] = {};
    for (size_t i = 0; i < count; ++i) {
      const Sum r2 = F::Square(r[i]), t_sum = F::Add(r2, r2);
      t[i] = F::Carry(t_sum);
      w[i] = F::Carry(F::Add(t_sum, F::Widen(F::Small(1))));
      const Sum w2 = F::Square(w[i], F::Bias());
      const Sum a2t = F::Multiply(t[i], F::Small(uint64_t{kA} * kA));
      const Sum half = F::Multiply(w[i], F::Carry(F::Subtract(w2, a2t)));
      e[i / 2].way[i % 2] = F::Carry(F::Add(half, half));
    }
    for (size_t i = 0; i < count; i += 2) e[i / 2] = EulerPower(e[i / 2]);
    InvertAll(w, count);
    const Element minus_a = F::Carry(F::Subtract(F::Bias(), F::Widen(F::Small(kA))));
    for (size_t i = 0; i < count; ++i) {
      const Element t_or_1 = F::Select(IsOne(e[i / 2].way[i % 2]), F::Small(1), t[i]);
      r[i] = Product(Product(t_or_1, minus_a), w[i]);
    }
  }

  // k (u : 1) by Montgomery's ladder, without exchanges: of the two points one is doubled, the
  // other becomes the sum of both. Points are kept as x + z and x - z.
  static Fraction Ladder(const Multiplier& k, const Element& u) {
    const typename F::Factor factor = F::Prepare(u);
    const Sum u_sum = F::Add(F::Widen(u), F::Bias()), one = F::Widen(F::Small(1));
    Element a = F::Small(1), b = F::Small(1);  // last doubled
    Element c = F::Carry(F::Add(u_sum, one)), d = F::Carry(F::Subtract(u_sum, one));  // last sum
    uint64_t last_bit = 0;
    for (int i = k.bits - 1; i >= 0; --i) {
      const uint64_t bit = (k.bytes[i / 8] >> (i % 8)) & 1;
      const Vector other = F::All(0 - (bit ^ last_bit));
      last_bit = bit;
      const Element plus = F::Select(other, c, a), minus = F::Select(other, d, b);
      const Sum da = F::Multiply(d, a, F::Bias()), cb = F::Multiply(c, b);
      const Sum plus2 = F::Square(plus, F::Bias()), minus2 = F::Square(minus);
      const Sum sum_x = F::Square(F::Carry(F::Add(da, cb)), F::Bias());
      const Element difference2 = F::Carry(F::Square(F::Carry(F::Subtract(da, cb))));
      const Element e = F::Carry(F::Subtract(plus2, minus2));  // 4 x z
      const Element f = F::Carry(F::AddMultiple(plus2, e, (kA - 2) / 4));
      const Sum sum_z = F::Multiply(difference2, factor);
      const Sum x = F::Multiply(F::Carry(plus2), F::Carry(minus2), F::Bias());
      const Sum z = F::Multiply(e, f);
      a = F::Carry(F::Add(x, z)), b = F::Carry(F::Subtract(x, z));
      c = F::Carry(F::Add(sum_x, sum_z)), d = F::Carry(F::Subtract(sum_x, sum_z));
    }
    const Vector in_sum = F::All(0 - last_bit);
    const Sum plus = F::Add(F::Widen(F::Select(in_sum, c, a)), F::Bias());
    const Sum minus = F::Widen(F::Select(in_sum, d, b));
    return {F::Carry(F::Add(plus, minus)), F::Carry(F::Subtract(plus, minus))};
  }

  // Loads `count` <= kLanes points; other lanes are 0.
  static Element Load(const uint8_t* in, size_t count) {
    alignas(64) uint64_t words[4][kLanes] = {};
    for (size_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < 4; ++k) memcpy(&words[k][i], in + 32 * i + 8 * k, 8);
    }
    Vector w[4];
    memcpy(w, words, sizeof(w));
    return F::FromWords(w);
  }

  static void Store(const Element& a, uint8_t* out, size_t count) {
    alignas(64) uint64_t words[4][kLanes];
    Vector w[4];
    F::ToWords(a, w);
    memcpy(words, w, sizeof(w));
    for (size_t i = 0; i < count; ++i) {
      for (size_t k = 0; k < 4; ++k) memcpy(out + 32 * i + 8 * k, &words[k][i], 8);
    }
  }

  static size_t LanesLeft(size_t count, size_t vector) {
    const size_t left = count - vector * kLanes;
    return left < kLanes ? left : kLanes;
  }

  template <bool kMap>
  static void MultiplyBlock(const Multiplier& k, const uint8_t* in, uint8_t* out, size_t count) {
    const size_t vectors = (count + kLanes - 1) / kLanes;
    Element x[kBlockVectors], z[kBlockVectors];
    for (size_t v = 0; v < vectors; ++v) {
      x[v] = Load(in + 32 * kLanes * v, LanesLeft(count, v));
    }
    if (kMap) Map(x, vectors);
    for (size_t v = 0; v < vectors; ++v) {
      const Fraction product = Ladder(k, x[v]);
      x[v] = product.x;
      z[v] = product.z;
    }
    InvertAll(z, vectors);
    for (size_t v = 0; v < vectors; ++v) {
      Store(Product(x[v], z[v]), out + 32 * kLanes * v, LanesLeft(count, v));
    }
  }

  template <bool kMap>
  static void Multiply(const Multiplier& k, const uint8_t* in, uint8_t* out, size_t count) {
    for (size_t i = 0; i < count; i += kBlock) {
      MultiplyBlock<kMap>(k, in + 32 * i, out + 32 * i, count - i < kBlock ? count - i : kBlock);
    }
  }
};

}  // namespace fate::crypto::curve25519
