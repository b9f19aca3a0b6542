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

// Multiplies the pairs of rows [begin, end) in: the factors of each target side by side, then one
// product for each. pairs(begin, end, use) calls use(source, target) for each.
template <class Pairs>
void ScatterBlock(const Call& call, size_t begin, size_t end, const Pairs& pairs,
                  std::vector<uint32_t>& ends, std::vector<const uint64_t*>& factors) {
  const size_t words = call.ring.words();
  std::vector<Product> products;
  ends.assign(call.runs, 0);
  pairs(begin, end, [&](size_t, uint32_t target) {
    if (target >= call.runs) std::abort();  // a caller's mistake
    ++ends[target];
  });
  uint32_t sum = 0;
  for (uint32_t& first : ends) sum += first, first = sum - first;
  factors.resize(sum);
  pairs(begin, end, [&](size_t source, uint32_t target) {
    factors[ends[target]++] = call.sources + source * call.stride * words;
  });
  for (size_t k = 0; k < call.stride; ++k) {
    products.clear();
    for (size_t target = 0, first = 0; target < call.runs; first = ends[target++]) {
      if (ends[target] == first) continue;
      uint64_t* const accumulator = call.accumulators + (target * call.stride + k) * words;
      products.push_back({accumulator, accumulator, factors.data() + first, ends[target] - first});
    }
    MultiplyOut(call.ring, products, call.parallel);
    for (const uint64_t*& factor : factors) factor += words;  // the next of each run
  }
}

template <class Pairs>
void ScatterAll(const Call& call, size_t rows, size_t per_row, const Pairs& pairs) {
  const size_t row_bytes = call.stride * call.ring.words() * sizeof(uint64_t);
  const size_t block =
      std::max({kBlockBytes / row_bytes, size_t{1},
                kEntriesPerAccumulator * call.runs / std::max(per_row, size_t{1})});
  std::vector<uint32_t> ends;
  std::vector<const uint64_t*> factors;
  for (size_t begin = 0; begin < rows; begin += block) {
    ScatterBlock(call, begin, std::min(begin + block, rows), pairs, ends, factors);
  }
}

}  // namespace

void Scatter(const Ring& ring, const ScatterShape& shape, const uint64_t* sources,
             std::span<const uint32_t> targets, uint64_t* accumulators, const Parallel& parallel) {
  if (targets.size() != shape.rows * shape.per_row) std::abort();  // a caller's mistake
  ScatterAll({ring, sources, accumulators, shape.accumulators, shape.stride, parallel}, shape.rows,
             shape.per_row, [&](size_t begin, size_t end, const auto& use) {
               for (size_t row = begin; row < end; ++row) {
                 for (const uint32_t target : targets.subspan(row * shape.per_row, shape.per_row)) {
                   if (target != kNoTarget) use(row, target);
                 }
               }
             });
}

void ScatterPairs(const Ring& ring, const uint64_t* sources, std::span<const ScatterPair> pairs,
                  size_t stride, uint64_t* accumulators, size_t accumulator_runs,
                  const Parallel& parallel) {
  ScatterAll({ring, sources, accumulators, accumulator_runs, stride, parallel}, pairs.size(), 1,
             [&](size_t begin, size_t end, const auto& use) {
               for (const ScatterPair& pair : pairs.subspan(begin, end - begin)) {
                 use(pair.source, pair.target);
               }
             });
}

}  // namespace fate::crypto
