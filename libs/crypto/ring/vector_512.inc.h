// What both 8-lane vectors share. Included inside the class.

using Word = __m512i;
static constexpr size_t kLanes = 8;

static Word Load(const uint64_t* from) { return _mm512_load_si512(from); }
static void Store(uint64_t* to, Word value) { _mm512_store_si512(to, value); }
static Word LoadAny(const uint64_t* from) { return _mm512_loadu_si512(from); }
static void StoreAny(uint64_t* to, Word value) { _mm512_storeu_si512(to, value); }
static Word Set(uint64_t value) { return _mm512_set1_epi64(static_cast<long long>(value)); }
static Word Add(Word a, Word b) { return _mm512_add_epi64(a, b); }
static Word And(Word a, Word b) { return _mm512_and_si512(a, b); }
static Word Xor(Word a, Word b) { return _mm512_xor_si512(a, b); }
static Word Shift(Word a) { return _mm512_srli_epi64(a, kDigitBits); }

// 8 x 8 words: pairs, then quarters, then halves.
static void Transpose(Word* r) {
  Word t[8], u[8];
  for (int i = 0; i < 8; i += 2) {
    t[i] = _mm512_unpacklo_epi64(r[i], r[i + 1]);
    t[i + 1] = _mm512_unpackhi_epi64(r[i], r[i + 1]);
  }
  for (int half = 0; half < 2; ++half) {
    for (int odd = 0; odd < 2; ++odd) {
      const Word a = t[4 * half + odd], b = t[4 * half + 2 + odd];
      u[4 * half + odd] = _mm512_shuffle_i64x2(a, b, 0x88);      // 128-bit parts 0 2 of each
      u[4 * half + 2 + odd] = _mm512_shuffle_i64x2(a, b, 0xDD);  // parts 1 3
    }
  }
  for (int odd = 0; odd < 2; ++odd) {
    r[0 + odd] = _mm512_shuffle_i64x2(u[odd], u[4 + odd], 0x88);
    r[4 + odd] = _mm512_shuffle_i64x2(u[odd], u[4 + odd], 0xDD);
    r[2 + odd] = _mm512_shuffle_i64x2(u[2 + odd], u[6 + odd], 0x88);
    r[6 + odd] = _mm512_shuffle_i64x2(u[2 + odd], u[6 + odd], 0xDD);
  }
}
