#pragma once

// Inverses of many elements by Montgomery's trick (Math. Comp. 1987, section 10.3.1): three
// multiplications each and one inversion for every 1,024.

#include "absl/status/status.h"
#include "crypto/parallel.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// out[i] = a[i]^-1; out may be a. Not constant in time. Error: kInvalidArgument naming an element
// that shares a factor with the modulus, as no ciphertext of this key does; `out` is then
// unspecified.
absl::Status InvertEach(const Ring& ring, const uint64_t* a, size_t count, uint64_t* out,
                        const Parallel& parallel = Inline());

}  // namespace fate::crypto
