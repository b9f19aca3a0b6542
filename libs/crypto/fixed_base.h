#pragma once

// Many powers of one base modulo one odd number: the comb of Lim and Lee (CRYPTO '94). The
// exponent's bits are laid out in `teeth` rows; one table entry holds the product of the base's
// powers for one column of bits. An exponentiation of 1024 bits costs 143 multiplications and
// 15 squarings of which a plain one needs 1200; the table takes 8 * 255 elements (1 MiB for a
// 4096-bit modulus) and about 3000 multiplications to make. Immutable; share between threads.

#include <vector>

#include "crypto/montgomery.h"

namespace fate::crypto {

class FixedBase {
 public:
  // 0 <= base < modulus. `modulus` must outlive this.
  FixedBase(const Montgomery& modulus, const BigInt& base, int exponent_bits);

  int exponent_bits() const { return exponent_bits_; }
  // base^exponent in Montgomery form; 0 <= exponent < 2^exponent_bits. Every table index costs
  // the same multiplications, whatever the exponent.
  Montgomery::Element Power(const BigInt& exponent) const;

 private:
  static constexpr int kTeeth = 8, kBlocks = 8;
  static constexpr size_t kEntries = size_t{1} << kTeeth;

  const mp_limb_t* Entry(int block, size_t index) const {
    return table_.data() + (static_cast<size_t>(block) * kEntries + index) * modulus_.limbs();
  }
  size_t Column(const BigInt& exponent, int column) const;

  const Montgomery& modulus_;
  int exponent_bits_, block_columns_, columns_;
  std::vector<mp_limb_t> table_;
};

}  // namespace fate::crypto
