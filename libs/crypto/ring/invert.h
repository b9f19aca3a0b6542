#pragma once

// Inverses of many elements by Montgomery's trick (Math. Comp. 1987, section 10.3.1): three
// multiplications each and one inversion for every 1,024. Not constant in time.

#include <optional>
#include <span>

#include "absl/status/status.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// out[i] = a[i]^-1; out may be a. Error: kInvalidArgument naming an element that shares a factor
// with the modulus, as no ciphertext of this key does; `out` is then unspecified.
absl::Status InvertEach(const Ring& ring, const uint64_t* a, size_t count, uint64_t* out,
                        const Parallel& parallel = Inline());

// In place, wherever the elements lie. The index of one that has no inverse, if there is one; the
// others are then unspecified.
std::optional<size_t> InvertInPlace(const Ring& ring, std::span<uint64_t* const> elements,
                                    const Parallel& parallel = Inline());

// Finds an element without inverse, or none: one multiplication each, and one greatest common
// divisor for every 1,024.
std::optional<size_t> FindNotInvertible(const Ring& ring, const uint64_t* a, size_t count,
                                        const Parallel& parallel = Inline());

// kInvalidArgument "element 7 has no inverse ...".
absl::Status NotInvertibleError(const Ring& ring, size_t index);

}  // namespace fate::crypto
