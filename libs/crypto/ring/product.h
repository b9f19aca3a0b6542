#pragma once

// Products of many elements that lie anywhere: one multiplication a factor, all lanes and threads
// busy whatever the number and the lengths of the products. Long products are cut and their parts
// multiplied; products of like lengths go together in one batch, whose accumulators stay there
// while the factors come by.

#include <span>

#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// *out = start * factors[0] * ... * factors[count - 1]; start: null for 1, or `out` to multiply
// what is there.
struct Product {
  uint64_t* out;
  const uint64_t* start;
  const uint64_t* const* factors;
  size_t count;
};

// No `out` may be a factor, or the start of another product.
void MultiplyOut(const Ring& ring, std::span<const Product> products,
                 const Parallel& parallel = Inline());

// Elements first, first + stride, ... (in words): `count` of them.
struct Sequence {
  uint64_t* first;
  size_t count;
  size_t stride;
};

// In each sequence, every element becomes the product of all up to it: one multiplication an
// element, two where there are fewer sequences than lanes and threads.
void PrefixProducts(const Ring& ring, std::span<const Sequence> sequences,
                    const Parallel& parallel = Inline());

}  // namespace fate::crypto
