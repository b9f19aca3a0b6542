#include <immintrin.h>

#include "crypto/ring/select.h"

namespace fate::crypto {

void SelectAvx2(uint64_t* out, const uint64_t* table, size_t entries, size_t words, size_t index) {
  const __m256i wanted = _mm256_set1_epi64x(static_cast<long long>(index));
  for (size_t word = 0; word < words; word += 4) {
    __m256i sum = _mm256_setzero_si256();
    for (size_t entry = 0; entry < entries; ++entry) {
      const __m256i mask =
          _mm256_cmpeq_epi64(_mm256_set1_epi64x(static_cast<long long>(entry)), wanted);
      const __m256i value = _mm256_load_si256(
          reinterpret_cast<const __m256i*>(table + entry * words + word));  // NOLINT
      sum = _mm256_or_si256(sum, _mm256_and_si256(mask, value));
    }
    _mm256_store_si256(reinterpret_cast<__m256i*>(out + word), sum);  // NOLINT
  }
}

}  // namespace fate::crypto
