#pragma once

// Elements of the field of p = 2^255 - 19, several at a time: what the implementations share.
//
//   Scalar               field25519_scalar.h    1 lane       radix 2^51, 64 x 64 bit products
//   Radix25<Avx2>        field25519_radix25.h   4 lanes      radix 2^25.5, 32 x 32 bit products
//   Radix25<Avx512>      field25519_radix25.h   8 lanes
//   Ifma                 field25519_ifma.h      8 lanes      radix 2^52, 52 x 52 bit products
//
// Each is a struct of static functions on a Vector (one 64-bit word for each lane) and three types:
//
//   Element   limbs that may be multiplied
//   Factor    an Element made ready for many multiplications
//   Sum       wide limbs, as products leave them. Additions cost little on these, so a formula
//             adds first and carries once, just before it multiplies again.
//
//   Sum Multiply(a, b, start), Square(a, start)     start + a b; start is 0 or Bias()
//   Sum Add(x, y)              of two products
//   Sum Subtract(x, y)         of two products, the first of which started from Bias()
//   Sum AddMultiple(x, a, k)   x + k a for k < 2^20
//   Element Carry(x)           of any of these
//   Sum Widen(a), Factor Prepare(a), Element Small(k) for k < 2^51
//   Element Select(m, a, b)    lanes of a where m is all ones, of b where it is 0
//   Element FromWords(w)       four 64-bit words, little-endian; bit 255 is ignored
//   ToWords(a, w)              the least residue
//
// Bias() is a multiple of p that keeps differences positive. No branch and no memory address
// depends on a value.

#define FATE_FIELD_INLINE static inline __attribute__((always_inline))
