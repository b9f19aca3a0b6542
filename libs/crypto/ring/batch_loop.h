#pragma once

// The loop that most operations on vectors of elements are: lanes() elements at a time, parts of
// the vector on several threads, scratch made once per part.

#include <algorithm>

#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// Calls body(scratch, at, count) for consecutive runs [at, at + count) of [0, size), count <=
// lanes(); `scratch` has `batches` batches.
template <class Body>
void ForEachBatch(const Ring& ring, size_t size, size_t batches, const Parallel& parallel,
                  const Body& body) {
  parallel.For(size, ring.lanes(), [&](size_t begin, size_t end) {
    Batches scratch(ring, batches);
    for (size_t at = begin; at < end; at += ring.lanes()) {
      body(scratch, at, std::min(ring.lanes(), end - at));
    }
  });
}

}  // namespace fate::crypto
