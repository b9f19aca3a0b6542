#pragma once

// Multiplication modulo one odd number in Montgomery's form (Math. Comp. 1985): with R = 2^(64
// limbs), Multiply(a, b) = a b / R mod n, which needs no division. An element is `limbs()` limbs,
// least significant first, below n. Immutable; may be shared between threads.

#include <gmp.h>

#include <vector>

#include "crypto/big_int.h"

namespace fate::crypto {

class Montgomery {
 public:
  using Element = std::vector<mp_limb_t>;

  // modulus: odd, above 1.
  explicit Montgomery(const BigInt& modulus);

  const BigInt& modulus() const { return modulus_; }
  size_t limbs() const { return n_.size(); }
  // R mod n: the form of 1.
  const Element& one() const { return one_; }

  // The limbs as they are, without a factor R; 0 <= value < n.
  Element Plain(const BigInt& value) const;
  BigInt ToBigInt(const mp_limb_t* plain) const;
  // value R mod n.
  Element Enter(const BigInt& value) const;
  // The value whose form is given.
  BigInt Leave(const Element& element) const;

  // out = a b / R mod n; out may be a or b. scratch: 2 limbs() limbs.
  void Multiply(mp_limb_t* out, const mp_limb_t* a, const mp_limb_t* b, mp_limb_t* scratch) const;
  void Square(mp_limb_t* out, const mp_limb_t* a, mp_limb_t* scratch) const;

 private:
  void Reduce(mp_limb_t* out, mp_limb_t* product) const;

  BigInt modulus_;
  Element n_, one_, r_squared_;
  mp_limb_t negative_inverse_;  // -1/n mod 2^64
};

}  // namespace fate::crypto
