#include "crypto/prng/chacha.h"

#include <openssl/crypto.h>

#include <bit>

namespace fate::crypto {
namespace {

// One word of each of four blocks; arithmetic is per lane (a GCC and Clang extension).
using Lanes = uint32_t __attribute__((vector_size(16)));

inline Lanes RotateLeft(Lanes x, int bits) { return x << bits | x >> (32 - bits); }

inline void QuarterRound(Lanes& a, Lanes& b, Lanes& c, Lanes& d) {
  a += b, d = RotateLeft(d ^ a, 16);
  c += d, b = RotateLeft(b ^ c, 12);
  a += b, d = RotateLeft(d ^ a, 8);
  c += d, b = RotateLeft(b ^ c, 7);
}

inline void DoubleRound(Lanes* x) {
  for (int i = 0; i < 4; ++i) QuarterRound(x[i], x[4 + i], x[8 + i], x[12 + i]);
  for (int i = 0; i < 4; ++i) {
    QuarterRound(x[i], x[4 + (i + 1) % 4], x[8 + (i + 2) % 4], x[12 + (i + 3) % 4]);
  }
}

Lanes Same(uint32_t x) { return Lanes{x, x, x, x}; }

uint32_t LittleEndian32(const uint8_t* bytes) {
  return bytes[0] | uint32_t{bytes[1]} << 8 | uint32_t{bytes[2]} << 16 | uint32_t{bytes[3]} << 24;
}

}  // namespace

template <int rounds>
ChaCha<rounds>::ChaCha(std::span<const uint8_t, 32> seed, uint64_t first_word)
    : block_(first_word / 16) {
  for (size_t i = 0; i < key_.size(); ++i) key_[i] = LittleEndian32(&seed[4 * i]);
  Refill();
  next_ = first_word % 16;
}

template <int rounds>
ChaCha<rounds>::~ChaCha() {
  OPENSSL_cleanse(key_.data(), sizeof(key_));
  OPENSSL_cleanse(words_.data(), sizeof(words_));
}

template <int rounds>
void ChaCha<rounds>::Refill() {
  Lanes start[16] = {Same(0x61707865), Same(0x3320646e), Same(0x79622d32), Same(0x6b206574)};
  for (size_t i = 0; i < key_.size(); ++i) start[4 + i] = Same(key_[i]);
  for (size_t lane = 0; lane < kBlocks; ++lane) {
    start[12][lane] = static_cast<uint32_t>(block_ + lane);
    start[13][lane] = static_cast<uint32_t>((block_ + lane) >> 32);
  }
  Lanes x[16];
  for (int i = 0; i < 16; ++i) x[i] = start[i];
  for (int i = 0; i < rounds / 2; ++i) DoubleRound(x);
  for (size_t i = 0; i < 16; ++i) {
    x[i] += start[i];
    for (size_t lane = 0; lane < kBlocks; ++lane) words_[16 * lane + i] = x[i][lane];
  }
  block_ += kBlocks;
  next_ = 0;
}

template class ChaCha<12>;
template class ChaCha<20>;

std::array<uint8_t, 32> ExpandSeed(uint64_t seed) {
  std::array<uint8_t, 32> bytes;
  for (size_t i = 0; i < bytes.size(); i += 4) {
    seed = seed * 6364136223846793005u + 11634580027462260723u;
    const auto folded = static_cast<uint32_t>(((seed >> 18) ^ seed) >> 27);
    const uint32_t word = std::rotr(folded, static_cast<int>(seed >> 59));
    for (size_t k = 0; k < 4; ++k) bytes[i + k] = static_cast<uint8_t>(word >> 8 * k);
  }
  return bytes;
}

}  // namespace fate::crypto
