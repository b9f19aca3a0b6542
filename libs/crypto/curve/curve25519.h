#pragma once

// The commutative cipher of FATE's PSI: x-only multiplication on Curve25519
// (spec/federated-algorithms.md 5.1, vectors in 16.3). Neither X25519 (the scalar is not
// clamped) nor RFC 9380 (the hash has no domain separation), but bit-exact with FATE 2.
//
//   guest                                           host
//   FirstSign(ids)       -- a H(id) -->             SecondSign  -> a b H(id)
//   SecondSign           <-- b H(id) --             FirstSign(ids)
//
// Constant time in scalars and points. Immutable; may be shared between threads.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace fate::crypto {

// A u-coordinate, 32 bytes little-endian.
using CurvePoint = std::array<uint8_t, 32>;
static_assert(sizeof(CurvePoint) == 32);

// u of 8 Elligator2(SHA-512(id)).
CurvePoint HashToCurve(std::string_view id);

class PsiSecret {
 public:
  // A random scalar below the group order and divisible by 8, so that a hostile peer's point
  // of small order tells nothing about it.
  static PsiSecret Random();
  // Little-endian, reduced modulo the group order.
  explicit PsiSecret(const std::array<uint8_t, 32>& bytes);
  ~PsiSecret();

  const std::array<uint8_t, 32>& bytes() const { return scalar_; }

  // out[i] = secret * HashToCurve(ids[i]). About 50 us an id; batches of 100 and more share
  // their inversions.
  std::vector<CurvePoint> FirstSign(std::span<const std::string_view> ids) const;
  // out[i] = secret * points[i].
  std::vector<CurvePoint> SecondSign(std::span<const CurvePoint> points) const;

 private:
  std::array<uint8_t, 32> scalar_;
};

}  // namespace fate::crypto
