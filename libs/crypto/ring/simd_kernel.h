#pragma once

// What a ring needs from one instruction set, as plain functions: several numbers at once, digit
// by digit. A batch holds digit d of all lanes at words [d * lanes, (d + 1) * lanes); a square's
// lower half comes first. Digits are kept below 2^digit_bits.

#include <cstddef>
#include <cstdint>

namespace fate::crypto {

// Digits of the largest half: kMaxRingBits at 27 bits a digit, and room.
inline constexpr size_t kMaxSimdDigits = 312;

struct SimdShape {
  size_t digits;              // of one half: a multiple of tile
  size_t tile;                // 4 or 5
  bool is_square;             // one half or two
  size_t words;               // of an element at rest, a multiple of lanes
  const uint64_t* m;          // digits * lanes words, every lane the same
  const uint64_t* m_minus_1;  // the same form
  uint64_t negative_inverse;  // -1/m mod 2^digit_bits
};

struct SimdKernel {
  size_t lanes;
  int digit_bits;
  size_t digits_per_word;  // at rest
  // elements: `lanes` of them, none null.
  void (*load)(const SimdShape& shape, uint64_t* batch, const uint64_t* const* elements);
  void (*store)(const SimdShape& shape, uint64_t* const* elements, const uint64_t* batch);
  // out may be a or b.
  void (*multiply)(const SimdShape& shape, uint64_t* out, const uint64_t* a, const uint64_t* b);
  void (*square)(const SimdShape& shape, uint64_t* out, const uint64_t* a);
};

const SimdKernel& Avx2Kernel();
const SimdKernel& Avx512Kernel();
const SimdKernel& IfmaKernel();

}  // namespace fate::crypto
