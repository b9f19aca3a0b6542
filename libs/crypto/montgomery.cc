#include "crypto/montgomery.h"

namespace fate::crypto {

Montgomery::Montgomery(const BigInt& modulus)
    : modulus_(modulus), n_(mpz_size(modulus.mpz())), negative_inverse_(1) {
  static_assert(GMP_NUMB_BITS == 64);
  mpn_copyi(n_.data(), mpz_limbs_read(modulus.mpz()), static_cast<mp_size_t>(n_.size()));
  for (int i = 0; i < 6; ++i) negative_inverse_ *= 2 - n_[0] * negative_inverse_;  // Newton
  negative_inverse_ = -negative_inverse_;
  const int r_bits = 64 * static_cast<int>(n_.size());
  one_ = Plain(BigInt::PowerOfTwo(r_bits).Mod(modulus_));
  r_squared_ = Plain(BigInt::PowerOfTwo(2 * r_bits).Mod(modulus_));
}

Montgomery::Element Montgomery::Plain(const BigInt& value) const {
  Element limbs(n_.size());
  const size_t size = mpz_size(value.mpz());
  if (size > 0) mpn_copyi(limbs.data(), mpz_limbs_read(value.mpz()), static_cast<mp_size_t>(size));
  return limbs;
}

BigInt Montgomery::ToBigInt(const mp_limb_t* plain) const {
  BigInt value;
  const auto size = static_cast<mp_size_t>(n_.size());
  mpn_copyi(mpz_limbs_write(value.mpz(), size), plain, size);
  mpz_limbs_finish(value.mpz(), size);
  return value;
}

Montgomery::Element Montgomery::Enter(const BigInt& value) const {
  Element element = Plain(value), scratch(2 * n_.size());
  Multiply(element.data(), element.data(), r_squared_.data(), scratch.data());
  return element;
}

BigInt Montgomery::Leave(const Element& element) const {
  Element plain_one(n_.size()), result(n_.size()), scratch(2 * n_.size());
  plain_one[0] = 1;
  Multiply(result.data(), element.data(), plain_one.data(), scratch.data());
  return ToBigInt(result.data());
}

void Montgomery::Multiply(mp_limb_t* out, const mp_limb_t* a, const mp_limb_t* b,
                          mp_limb_t* scratch) const {
  mpn_mul_n(scratch, a, b, static_cast<mp_size_t>(n_.size()));
  Reduce(out, scratch);
}

void Montgomery::Square(mp_limb_t* out, const mp_limb_t* a, mp_limb_t* scratch) const {
  mpn_sqr(scratch, a, static_cast<mp_size_t>(n_.size()));
  Reduce(out, scratch);
}

// Word by word; the carry of each step is kept in the limb that the step has cleared.
void Montgomery::Reduce(mp_limb_t* out, mp_limb_t* product) const {
  const auto size = static_cast<mp_size_t>(n_.size());
  for (mp_size_t i = 0; i < size; ++i) {
    product[i] = mpn_addmul_1(product + i, n_.data(), size, product[i] * negative_inverse_);
  }
  const mp_limb_t carry = mpn_add_n(out, product + size, product, size);
  if (carry != 0 || mpn_cmp(out, n_.data(), size) >= 0) mpn_sub_n(out, out, n_.data(), size);
}

}  // namespace fate::crypto
