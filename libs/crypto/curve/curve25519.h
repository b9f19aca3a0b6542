#pragma once

// The commutative cipher of FATE's PSI: x-only multiplication on Curve25519
// (spec/federated-algorithms.md 5.1, vectors in 16.3). Neither X25519 (the scalar is not
// clamped) nor RFC 9380 (the hash has no domain separation), but bit-exact with FATE 2.
//
//   guest                                           host
//   FirstSign(ids)       -- a H(id) -->             SecondSign  -> a b H(id)
//   SecondSign           <-- b H(id) --             FirstSign(ids)
//
// Points are multiplied as many at once as the CPU's vectors hold, in constant time; a batch of
// fewer costs as much as a full vector. Immutable; may be shared between threads.

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "crypto/cpu.h"
#include "crypto/parallel.h"

namespace fate::crypto {

// A u-coordinate, 32 bytes little-endian.
using CurvePoint = std::array<uint8_t, 32>;
static_assert(sizeof(CurvePoint) == 32);

namespace curve25519 {
struct Kernel;
}

// u of 8 Elligator2(SHA-512(id)).
CurvePoint HashToCurve(std::string_view id, Isa isa = BestIsa());

class PsiSecret {
 public:
  // A random scalar below the group order and divisible by 8, so that a hostile peer's point
  // of small order tells nothing about it.
  static PsiSecret Random();
  // Little-endian, reduced modulo the group order. isa: supported by this CPU.
  explicit PsiSecret(const std::array<uint8_t, 32>& bytes, Isa isa = BestIsa());
  ~PsiSecret();

  const std::array<uint8_t, 32>& bytes() const { return scalar_; }

  // out[i] = secret * HashToCurve(ids[i]). An id takes 5 us with AVX-512 IFMA, 20 with AVX2 and
  // 35 without, in batches of 64 and more.
  std::vector<CurvePoint> FirstSign(std::span<const std::string_view> ids,
                                    const Parallel& parallel = Inline()) const;
  // out[i] = secret * points[i]. As FATE does: bit 255 is ignored, any u is taken (twist or
  // curve), and the point at infinity is 32 zero bytes. That is what a point of small order
  // becomes under a secret from Random(); only a peer who cheats sends one.
  std::vector<CurvePoint> SecondSign(std::span<const CurvePoint> points,
                                     const Parallel& parallel = Inline()) const;

 private:
  const curve25519::Kernel* kernel_;
  std::array<uint8_t, 32> scalar_;
};

}  // namespace fate::crypto
