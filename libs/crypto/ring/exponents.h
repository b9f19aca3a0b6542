#pragma once

// Non-negative integers as the powers of this folder read them: all of one width, little-endian
// words one behind the other. Overwritten with zeros when they go, since masks pass through here.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "crypto/big_int.h"

namespace fate::crypto {

class Exponents {
 public:
  explicit Exponents(std::span<const uint64_t> values);
  // values: not negative (checked). As wide as the longest.
  explicit Exponents(std::span<const BigInt> values);
  // words: `width` >= 1 words for each exponent.
  Exponents(std::vector<uint64_t> words, size_t width);
  // Uniform below 2^bits.
  static Exponents Random(size_t count, int bits);
  // Uniform below bound >= 1, which may be secret: of the draws, only their number tells.
  static Exponents RandomBelow(size_t count, const BigInt& bound);
  Exponents(Exponents&&) = default;
  Exponents& operator=(Exponents&&) = default;
  ~Exponents();

  size_t size() const { return words_.size() / width_; }
  size_t width() const { return width_; }
  // Of the longest one; 0 when all are 0.
  int bits() const;
  int bits(size_t index) const;
  BigInt ToBigInt(size_t index) const;
  // Bits position .. position + count - 1, for count <= 32; those beyond the width are 0.
  uint32_t Digit(size_t index, int position, int count) const {
    const auto word = static_cast<size_t>(position) / 64;
    const int shift = position % 64;
    if (word >= width_) return 0;
    const uint64_t* const words = words_.data() + index * width_ + word;
    uint64_t digit = words[0] >> shift;
    if (shift + count > 64 && word + 1 < width_) digit |= words[1] << (64 - shift);
    return static_cast<uint32_t>(digit & ((uint64_t{1} << count) - 1));
  }

 private:
  std::vector<uint64_t> words_;
  size_t width_;
};

}  // namespace fate::crypto
