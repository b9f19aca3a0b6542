// Four lanes of 27-bit digits on AVX2.

#include <immintrin.h>

#include "crypto/ring/simd_kernel.h"

namespace fate::crypto {
namespace {

struct Vector {
  static constexpr int kDigitBits = 27;
  using Word = __m256i;
  static constexpr size_t kLanes = 4;

  static Word Load(const uint64_t* from) {
    return _mm256_load_si256(reinterpret_cast<const Word*>(from));
  }
  static void Store(uint64_t* to, Word value) {
    _mm256_store_si256(reinterpret_cast<Word*>(to), value);
  }
  static Word LoadAny(const uint64_t* from) {
    return _mm256_loadu_si256(reinterpret_cast<const Word*>(from));
  }
  static void StoreAny(uint64_t* to, Word value) {
    _mm256_storeu_si256(reinterpret_cast<Word*>(to), value);
  }
  static Word Set(uint64_t value) { return _mm256_set1_epi64x(static_cast<long long>(value)); }
  static Word Add(Word a, Word b) { return _mm256_add_epi64(a, b); }
  static Word And(Word a, Word b) { return _mm256_and_si256(a, b); }
  static Word Xor(Word a, Word b) { return _mm256_xor_si256(a, b); }
  static Word Shift(Word a) { return _mm256_srli_epi64(a, kDigitBits); }
  static Word Low(Word sum, Word a, Word b) { return Add(sum, _mm256_mul_epu32(a, b)); }
  static Word High(Word sum, Word /*a*/, Word /*b*/) { return sum; }
  static Word Digit(Word a, Word b) {
    return And(_mm256_mul_epu32(a, b), Set((uint64_t{1} << kDigitBits) - 1));
  }

  static constexpr size_t kDigitsPerWord = 2;
  static void Unpack(uint64_t* digits, Word packed) {
    Store(digits, And(packed, Set(0xFFFFFFFF)));
    Store(digits + kLanes, _mm256_srli_epi64(packed, 32));
  }
  static Word Pack(const uint64_t* digits) {
    return Add(Load(digits), _mm256_slli_epi64(Load(digits + kLanes), 32));
  }

  static void Transpose(Word* r) {
    const Word a = _mm256_unpacklo_epi64(r[0], r[1]), b = _mm256_unpackhi_epi64(r[0], r[1]);
    const Word c = _mm256_unpacklo_epi64(r[2], r[3]), d = _mm256_unpackhi_epi64(r[2], r[3]);
    r[0] = _mm256_permute2x128_si256(a, c, 0x20);
    r[1] = _mm256_permute2x128_si256(b, d, 0x20);
    r[2] = _mm256_permute2x128_si256(a, c, 0x31);
    r[3] = _mm256_permute2x128_si256(b, d, 0x31);
  }
};

}  // namespace
}  // namespace fate::crypto

#include "crypto/ring/simd_montgomery.inc.h"

namespace fate::crypto {

const SimdKernel& Avx2Kernel() { return kKernel; }

}  // namespace fate::crypto
