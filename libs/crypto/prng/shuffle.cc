#include "crypto/prng/shuffle.h"

#include <bit>
#include <limits>
#include <numeric>
#include <utility>

#include "crypto/prng/chacha.h"

namespace fate::crypto {
namespace {

__extension__ using Uint128 = unsigned __int128;

// rand 0.8's gen_range(0..bound): the high half of word * bound, unless the low half lies beyond
// the last whole multiple of bound (Lemire 2019, with a zone that is quick to find).
uint64_t Below(ChaCha12& words, uint64_t bound) {
  if (bound <= std::numeric_limits<uint32_t>::max()) {
    const auto narrow = static_cast<uint32_t>(bound);
    const uint32_t zone = (narrow << std::countl_zero(narrow)) - 1;
    while (true) {
      const uint64_t product = uint64_t{words.Next32()} * narrow;
      if (static_cast<uint32_t>(product) <= zone) return product >> 32;
    }
  }
  const uint64_t zone = (bound << std::countl_zero(bound)) - 1;
  while (true) {
    const Uint128 product = Uint128{words.Next64()} * bound;
    if (static_cast<uint64_t>(product) <= zone) return static_cast<uint64_t>(product >> 64);
  }
}

}  // namespace

std::vector<size_t> Shuffled(size_t count, uint64_t seed) {
  ChaCha12 words(ExpandSeed(seed));
  std::vector<size_t> order(count);
  std::iota(order.begin(), order.end(), size_t{0});
  for (size_t i = count; i > 1; --i) std::swap(order[i - 1], order[Below(words, i)]);
  return order;
}

std::vector<size_t> Inverse(std::span<const size_t> order) {
  std::vector<size_t> inverse(order.size());
  for (size_t i = 0; i < order.size(); ++i) inverse[order[i]] = i;
  return inverse;
}

std::vector<size_t> WithStep(std::span<const size_t> order, size_t step) {
  std::vector<size_t> elements;
  elements.reserve(order.size() * step);
  for (const size_t run : order) {
    for (size_t k = 0; k < step; ++k) elements.push_back(run * step + k);
  }
  return elements;
}

}  // namespace fate::crypto
