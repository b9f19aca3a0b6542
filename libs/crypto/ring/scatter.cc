#include "crypto/ring/scatter.h"

#include <algorithm>
#include <cstdlib>

#include "crypto/ring/product.h"

namespace fate::crypto {
namespace {

// Rows of a block: 640 KiB at 4096 bits, a third of a common L2 cache.
constexpr size_t kBlockBytes = size_t{640} << 10;
// Entries of a block for each accumulator: fewer, and loading accumulators costs more than it
// saves.
constexpr size_t kEntriesPerAccumulator = 8;

// What all blocks of one call share.
struct Call {
  const Ring& ring;
  const uint64_t* sources;
  uint64_t* accumulators;
  size_t runs, stride;
  const Parallel& parallel;
};

// Multiplies one block in: the factors of each target side by side, then one product for each.
template <class PairAt>
void ScatterBlock(const Call& call, size_t begin, size_t end, const PairAt& pair_at,
                  std::vector<size_t>& ends, std::vector<const uint64_t*>& factors) {
  const size_t words = call.ring.words();
  std::vector<Product> products;
  for (size_t k = 0; k < call.stride; ++k) {
    ends.assign(call.runs + 1, 0);
    for (size_t i = begin; i < end; ++i) {
      const ScatterPair pair = pair_at(i);
      if (pair.target == kNoTarget) continue;
      if (pair.target >= call.runs) std::abort();  // a caller's mistake
      ++ends[pair.target + 1];
    }
    for (size_t target = 0; target < call.runs; ++target) ends[target + 1] += ends[target];
    factors.resize(ends[call.runs]);
    for (size_t i = begin; i < end; ++i) {
      const ScatterPair pair = pair_at(i);
      if (pair.target == kNoTarget) continue;
      factors[ends[pair.target]++] = call.sources + (pair.source * call.stride + k) * words;
    }
    products.clear();
    for (size_t target = 0, first = 0; target < call.runs; first = ends[target++]) {
      if (ends[target] == first) continue;
      uint64_t* const accumulator = call.accumulators + (target * call.stride + k) * words;
      products.push_back({accumulator, accumulator, factors.data() + first, ends[target] - first});
    }
    MultiplyOut(call.ring, products, call.parallel);
  }
}

template <class PairAt>
void ScatterAll(const Call& call, size_t entries, size_t per_row, const PairAt& pair_at) {
  const size_t row_bytes = call.stride * call.ring.words() * sizeof(uint64_t);
  const size_t rows = std::max(kBlockBytes / row_bytes, size_t{1});
  const size_t block = std::max(rows * per_row, kEntriesPerAccumulator * call.runs);
  std::vector<size_t> ends;
  std::vector<const uint64_t*> factors;
  for (size_t begin = 0; begin < entries; begin += block) {
    ScatterBlock(call, begin, std::min(begin + block, entries), pair_at, ends, factors);
  }
}

}  // namespace

void Scatter(const Ring& ring, const ScatterShape& shape, const uint64_t* sources,
             std::span<const uint32_t> targets, uint64_t* accumulators, const Parallel& parallel) {
  if (targets.size() != shape.rows * shape.per_row) std::abort();  // a caller's mistake
  ScatterAll({ring, sources, accumulators, shape.accumulators, shape.stride, parallel},
             targets.size(), shape.per_row, [&](size_t i) {
               return ScatterPair{static_cast<uint32_t>(i / shape.per_row), targets[i]};
             });
}

void ScatterPairs(const Ring& ring, const uint64_t* sources, std::span<const ScatterPair> pairs,
                  size_t stride, uint64_t* accumulators, size_t accumulator_runs,
                  const Parallel& parallel) {
  ScatterAll({ring, sources, accumulators, accumulator_runs, stride, parallel}, pairs.size(), 1,
             [&](size_t i) { return pairs[i]; });
}

}  // namespace fate::crypto
