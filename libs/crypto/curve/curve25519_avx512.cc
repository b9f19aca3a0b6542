#include <immintrin.h>

#include "crypto/curve/curve25519_lanes.h"
#include "crypto/curve/field25519_radix25.h"
#include "crypto/curve/sha512_lanes.h"

namespace fate::crypto::curve25519 {
namespace {

struct Avx512 {
  using Vector = uint64_t __attribute__((vector_size(64)));
  FATE_FIELD_INLINE Vector Product(Vector a, Vector b) {
    return (Vector)_mm512_maskz_mul_epu32(0xff, (__m512i)a, (__m512i)b);
  }
};

using Curve = Lanes<field25519::Radix25<Avx512>>;
using Sha512 = Sha512Lanes<Avx512>;

}  // namespace

const Kernel kAvx512Kernel = {Curve::kLanes, &Curve::Multiply<false>, &Curve::Multiply<true>,
                              &Sha512::Hash, Sha512::kMaxSize};

}  // namespace fate::crypto::curve25519
