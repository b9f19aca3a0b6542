#include <immintrin.h>

#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_radix25.h"
#include "crypto/curve/sha512_lanes.h"

namespace fate::crypto::curve25519 {
namespace {

struct Avx2 {
  using Vector = uint64_t __attribute__((vector_size(32)));
  FATE_FIELD_INLINE Vector Product(Vector a, Vector b) {
    return (Vector)_mm256_mul_epu32((__m256i)a, (__m256i)b);
  }
};

using Curve = Lanes<field25519::Radix25<Avx2>>;
using Sha512 = Sha512Lanes<Avx2>;

}  // namespace

const Kernel kAvx2Kernel = {Curve::kLanes, &Curve::Multiply<false>, &Curve::Multiply<true>,
                            &Sha512::Hash, Sha512::kMaxSize};

}  // namespace fate::crypto::curve25519
