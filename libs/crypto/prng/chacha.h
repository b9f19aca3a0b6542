#pragma once

// ChaCha (Bernstein, SASC 2008) as a generator of random words: the key stream under a 32-byte
// seed, with a 64-bit block counter from 0 and stream 0, as Rust's rand_chacha gives it (spec
// 6.7, vectors in 16.4). ChaCha20 makes the masks of secure aggregation, ChaCha12 the shuffles
// of histograms.
//
// Constant in time. Cannot be copied, for two copies would give the same words; seed and words
// are wiped when it goes. One thread at a time. About 1 ns a byte.

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

namespace fate::crypto {

template <int rounds>
class ChaCha {
 public:
  // Begins at the key stream's word of index `first_word` (32-bit words).
  explicit ChaCha(std::span<const uint8_t, 32> seed, uint64_t first_word = 0);
  ChaCha(const ChaCha&) = delete;
  ChaCha& operator=(const ChaCha&) = delete;
  ~ChaCha();

  uint32_t Next32() {
    if (next_ == words_.size()) Refill();
    return words_[next_++];
  }
  // Two 32-bit words, the low one first.
  uint64_t Next64() {
    const uint64_t low = Next32();
    return low | uint64_t{Next32()} << 32;
  }

 private:
  static constexpr size_t kBlocks = 4;  // made at once, one in each lane of a vector
  void Refill();

  std::array<uint32_t, 8> key_;
  uint64_t block_;  // the first of the next refill
  size_t next_;
  std::array<uint32_t, 16 * kBlocks> words_;
};

extern template class ChaCha<12>;
extern template class ChaCha<20>;
using ChaCha12 = ChaCha<12>;
using ChaCha20 = ChaCha<20>;

// rand_core's seed_from_u64: 32 bytes from one word by PCG32 (O'Neill 2014). It spreads a seed,
// it adds no secrecy to one.
std::array<uint8_t, 32> ExpandSeed(uint64_t seed);

}  // namespace fate::crypto
