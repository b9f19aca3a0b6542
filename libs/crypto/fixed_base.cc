#include "crypto/fixed_base.h"

#include <bit>

namespace fate::crypto {

// Bit (row * columns_ + column) of the exponent stands in row `row`, column `column`; column
// c = block * block_columns_ + k is looked up in the table of `block` after k squarings.
FixedBase::FixedBase(const Montgomery& modulus, const BigInt& base, int exponent_bits)
    : modulus_(modulus),
      exponent_bits_(exponent_bits),
      block_columns_((exponent_bits + kTeeth * kBlocks - 1) / (kTeeth * kBlocks)),
      columns_(block_columns_ * kBlocks),
      table_(kBlocks * kEntries * modulus.limbs()) {
  const size_t limbs = modulus.limbs();
  Montgomery::Element power = modulus.Enter(base), scratch(2 * limbs);
  // powers[row][block] = base^(2^(row * columns + block * block_columns))
  for (int row = 0; row < kTeeth; ++row) {
    for (int block = 0; block < kBlocks; ++block) {
      mp_limb_t* entries = table_.data() + static_cast<size_t>(block) * kEntries * limbs;
      mpn_copyi(entries + (size_t{1} << row) * limbs, power.data(), static_cast<mp_size_t>(limbs));
      for (int k = 0; k < block_columns_; ++k) {
        modulus.Square(power.data(), power.data(), scratch.data());
      }
    }
  }
  for (int block = 0; block < kBlocks; ++block) {
    mp_limb_t* entries = table_.data() + static_cast<size_t>(block) * kEntries * limbs;
    mpn_copyi(entries, modulus.one().data(), static_cast<mp_size_t>(limbs));
    for (size_t index = 3; index < kEntries; ++index) {
      const size_t low = index & (index - 1), bit = index ^ low;
      if (low == 0) continue;
      modulus.Multiply(entries + index * limbs, entries + low * limbs, entries + bit * limbs,
                       scratch.data());
    }
  }
}

size_t FixedBase::Column(const BigInt& exponent, int column) const {
  size_t index = 0;
  for (int row = 0; row < kTeeth; ++row) {
    index |= static_cast<size_t>(exponent.Bit(row * columns_ + column)) << row;
  }
  return index;
}

Montgomery::Element FixedBase::Power(const BigInt& exponent) const {
  Montgomery::Element result = modulus_.one(), scratch(2 * modulus_.limbs());
  for (int k = block_columns_ - 1; k >= 0; --k) {
    modulus_.Square(result.data(), result.data(), scratch.data());
    for (int block = 0; block < kBlocks; ++block) {
      const size_t index = Column(exponent, block * block_columns_ + k);
      modulus_.Multiply(result.data(), result.data(), Entry(block, index), scratch.data());
    }
  }
  return result;
}

}  // namespace fate::crypto
