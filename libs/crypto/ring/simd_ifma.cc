// Eight lanes of 52-bit digits on AVX-512 IFMA.

#include <immintrin.h>

#include "crypto/ring/simd_kernel.h"

namespace fate::crypto {
namespace {

struct Vector {
  static constexpr int kDigitBits = 52;
#include "crypto/ring/vector_512.inc.h"

  static Word Low(Word sum, Word a, Word b) { return _mm512_madd52lo_epu64(sum, a, b); }
  static Word High(Word sum, Word a, Word b) { return _mm512_madd52hi_epu64(sum, a, b); }
  static Word Digit(Word a, Word b) { return _mm512_madd52lo_epu64(Set(0), a, b); }

  static constexpr size_t kDigitsPerWord = 1;
  static void Unpack(uint64_t* digits, Word packed) { Store(digits, packed); }
  static Word Pack(const uint64_t* digits) { return Load(digits); }
};

}  // namespace
}  // namespace fate::crypto

#include "crypto/ring/simd_montgomery.inc.h"

namespace fate::crypto {

const SimdKernel& IfmaKernel() { return kKernel; }

}  // namespace fate::crypto
