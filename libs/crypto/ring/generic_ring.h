#pragma once

// A ring on GMP's mpn functions: one lane of 64-bit limbs, for CPUs without vector products.

#include "crypto/ring/ring.h"

namespace fate::crypto {

class GenericRing : public Ring {
 public:
  GenericRing(const BigInt& m, bool is_square, Secrecy secrecy);

  void Load(uint64_t* batch, const uint64_t* const* elements) const override;
  void Store(uint64_t* const* elements, const uint64_t* batch) const override;
  void Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) const override;
  void Square(uint64_t* out, const uint64_t* a) const override;

 private:
  void PackHalf(uint64_t* words, const BigInt& half) const override;
  void UnpackHalf(const uint64_t* words, mp_limb_t* limbs) const override;
  // out (2 limbs_) = a b, a^2
  void MultiplyHalves(uint64_t* out, const uint64_t* a, const uint64_t* b) const;
  void SquareHalf(uint64_t* out, const uint64_t* a) const;
  // out = product / R mod m, below 2 m; product (2 limbs_) is overwritten: its low half becomes
  // q with product + q m = out R.
  void Reduce(uint64_t* out, uint64_t* product) const;
  // The upper half of a square's product: (cross - q) / R mod m, below 2 m; overwrites `cross`.
  void ReduceHigh(uint64_t* out, uint64_t* cross, const uint64_t* q) const;

  Secrecy secrecy_;
  size_t limbs_;  // of one half; 2^(64 limbs_) >= 2^6 m, so that sums need no last subtraction
  std::vector<uint64_t> m_;
  uint64_t negative_inverse_;  // -1/m mod 2^64
};

}  // namespace fate::crypto
