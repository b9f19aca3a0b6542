#pragma once

// The shuffle of FATE 2.x's histograms (spec 6.7): Fisher and Yates from the last element down
// under ChaCha12. A host hides by it which split belongs to which feature, and inverts it
// when the guest has chosen.

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace fate::crypto {

// The order in which [0, count) comes out: result[i] stands at place i after the shuffle.
// Bit-exact with `fate_utils`, that is rand 0.8's StdRng::seed_from_u64 and SliceRandom::shuffle.
// The seed must be the host's secret, fresh for each tree.
std::vector<size_t> Shuffled(size_t count, uint64_t seed);

// result[order[i]] = i; `order` is a permutation.
std::vector<size_t> Inverse(std::span<const size_t> order);

// A permutation of runs of `step` elements, spelled out element by element.
std::vector<size_t> WithStep(std::span<const size_t> order, size_t step);

}  // namespace fate::crypto
