#pragma once

// The field of 2^255 - 19 elements: five limbs of 51 bits, kept below 2^52 by every operation
// but Add and Sub, whose results (below 2^54) are taken by multiplications only. No branch and
// no memory address depends on a value.

#include <cstdint>

namespace fate::crypto::field25519 {

struct Element {
  uint64_t limb[5];
};

inline constexpr Element kZero{{0, 0, 0, 0, 0}};
inline constexpr Element kOne{{1, 0, 0, 0, 0}};

// Little-endian; bit 255 is ignored, values of p and more are taken modulo p.
Element FromBytes(const uint8_t bytes[32]);
// The least residue.
void ToBytes(const Element& a, uint8_t bytes[32]);

Element Multiply(const Element& a, const Element& b);
Element Square(const Element& a);
Element MultiplySmall(const Element& a, uint32_t factor);  // factor below 2^20
Element Invert(const Element& a);                          // 0 for 0
Element Negate(const Element& a);
// All ones when a is a square or 0, else 0.
uint64_t IsSquareMask(const Element& a);
uint64_t IsZeroMask(const Element& a);

inline Element Add(const Element& a, const Element& b) {
  return {{a.limb[0] + b.limb[0], a.limb[1] + b.limb[1], a.limb[2] + b.limb[2],
           a.limb[3] + b.limb[3], a.limb[4] + b.limb[4]}};
}

// a - b + 4p: no limb falls below zero while b's are below 2^53.
inline Element Sub(const Element& a, const Element& b) {
  constexpr uint64_t k0 = 0x1FFFFFFFFFFFB4, k = 0x1FFFFFFFFFFFFC;
  return {{a.limb[0] + k0 - b.limb[0], a.limb[1] + k - b.limb[1], a.limb[2] + k - b.limb[2],
           a.limb[3] + k - b.limb[3], a.limb[4] + k - b.limb[4]}};
}

// mask: all ones picks a, 0 picks b.
inline Element Select(uint64_t mask, const Element& a, const Element& b) {
  Element result;
  for (int i = 0; i < 5; ++i) result.limb[i] = b.limb[i] ^ (mask & (a.limb[i] ^ b.limb[i]));
  return result;
}

inline void SwapIf(uint64_t mask, Element& a, Element& b) {
  for (int i = 0; i < 5; ++i) {
    const uint64_t difference = mask & (a.limb[i] ^ b.limb[i]);
    a.limb[i] ^= difference;
    b.limb[i] ^= difference;
  }
}

}  // namespace fate::crypto::field25519
