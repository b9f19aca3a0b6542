// Eight lanes of 27-bit digits on AVX-512 without IFMA.

#include <immintrin.h>

#include "crypto/ring/simd_kernel.h"

namespace fate::crypto {
namespace {

struct Vector {
  static constexpr int kDigitBits = 27;
#include "crypto/ring/vector_512.inc.h"

  static Word Low(Word sum, Word a, Word b) { return Add(sum, _mm512_mul_epu32(a, b)); }
  static Word High(Word sum, Word /*a*/, Word /*b*/) { return sum; }
  static Word Digit(Word a, Word b) {
    return And(_mm512_mul_epu32(a, b), Set((uint64_t{1} << kDigitBits) - 1));
  }

  static constexpr size_t kDigitsPerWord = 2;
  static void Unpack(uint64_t* digits, Word packed) {
    Store(digits, And(packed, Set(0xFFFFFFFF)));
    Store(digits + kLanes, _mm512_srli_epi64(packed, 32));
  }
  static Word Pack(const uint64_t* digits) {
    return Add(Load(digits), _mm512_slli_epi64(Load(digits + kLanes), 32));
  }
};

}  // namespace
}  // namespace fate::crypto

#include "crypto/ring/simd_montgomery.inc.h"

namespace fate::crypto {

const SimdKernel& Avx512Kernel() { return kKernel; }

}  // namespace fate::crypto
