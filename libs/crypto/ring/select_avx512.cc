#include <immintrin.h>

#include "crypto/ring/select.h"

namespace fate::crypto {

void SelectAvx512(uint64_t* out, const uint64_t* table, size_t entries, size_t words,
                  size_t index) {
  const __m512i wanted = _mm512_set1_epi64(static_cast<long long>(index));
  for (size_t word = 0; word < words; word += 8) {
    __m512i sum = _mm512_setzero_si512();
    for (size_t entry = 0; entry < entries; ++entry) {
      const __mmask8 mask =
          _mm512_cmpeq_epi64_mask(_mm512_set1_epi64(static_cast<long long>(entry)), wanted);
      const __m512i value = _mm512_load_si512(table + entry * words + word);
      sum = _mm512_mask_mov_epi64(sum, mask, value);
    }
    _mm512_store_si512(out + word, sum);
  }
}

}  // namespace fate::crypto
