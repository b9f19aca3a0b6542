#pragma once

// A ring on vector products: 4 or 8 lanes of digits of 27 or 52 bits (simd_kernel.h).

#include <memory>

#include "crypto/ring/ring.h"

namespace fate::crypto {

// isa: kAvx2, kAvx512 or kIfma, supported.
std::shared_ptr<const Ring> MakeSimdRing(const BigInt& m, bool is_square, Isa isa);

}  // namespace fate::crypto
