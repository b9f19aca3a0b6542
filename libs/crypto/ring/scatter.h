#pragma once

// Histograms of elements: each source is multiplied into a few of many accumulators, one
// multiplication each.
//
// A few thousand rows are taken at a time, so that they stay in the cache while every accumulator
// collects its sources: these are sorted by target first, and the lanes multiply for different
// targets (product.h).

#include <span>

#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// A target that nothing is multiplied into.
inline constexpr uint32_t kNoTarget = UINT32_MAX;

// Elements come in runs of `stride` (1: one by one). Row r of `sources`, a run, is multiplied
// into the runs targets[r * per_row + k] of `accumulators` for 0 <= k < per_row.
struct ScatterShape {
  size_t rows;
  size_t per_row;
  size_t accumulators;  // runs; targets are below (checked) or kNoTarget
  size_t stride = 1;
};
void Scatter(const Ring& ring, const ScatterShape& shape, const uint64_t* sources,
             std::span<const uint32_t> targets, uint64_t* accumulators,
             const Parallel& parallel = Inline());

// The same for any list: run `source` into run `target`.
struct ScatterPair {
  uint32_t source;
  uint32_t target;
};
void ScatterPairs(const Ring& ring, const uint64_t* sources, std::span<const ScatterPair> pairs,
                  size_t stride, uint64_t* accumulators, size_t accumulator_runs,
                  const Parallel& parallel = Inline());

}  // namespace fate::crypto
