#include "crypto/ring/simd_ring.h"

#include "crypto/ring/generic_ring.h"

namespace fate::crypto {

std::shared_ptr<const Ring> MakeSimdRing(const BigInt& m, bool is_square, Isa /*isa*/) {
  return std::make_shared<const GenericRing>(m, is_square);
}

}  // namespace fate::crypto
