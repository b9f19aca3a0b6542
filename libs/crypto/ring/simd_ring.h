#pragma once

// A ring on vector products: 4 or 8 lanes of digits of 27 or 52 bits (simd_kernel.h).

#include "crypto/ring/ring.h"
#include "crypto/ring/simd_kernel.h"

namespace fate::crypto {

class SimdRing : public Ring {
 public:
  // isa: not kGeneric, supported by this CPU.
  SimdRing(const BigInt& m, bool is_square, Isa isa);

  void Load(uint64_t* batch, const uint64_t* const* elements) const override;
  void Store(uint64_t* const* elements, const uint64_t* batch) const override {
    kernel_.store(shape_, elements, batch);
  }
  void Multiply(uint64_t* out, const uint64_t* a, const uint64_t* b) const override {
    kernel_.multiply(shape_, out, a, b);
  }
  void Square(uint64_t* out, const uint64_t* a) const override { kernel_.square(shape_, out, a); }

 private:
  SimdRing(const BigInt& m, const SimdKernel& kernel, const SimdShape& shape, Isa isa);
  void PackHalf(uint64_t* words, const BigInt& half) const override;
  void UnpackHalf(const uint64_t* words, mp_limb_t* limbs) const override;
  size_t HalfWords() const { return shape_.digits / kernel_.digits_per_word; }

  const SimdKernel& kernel_;
  SimdShape shape_;
  Batches constants_;  // m, m - 1
};

}  // namespace fate::crypto
