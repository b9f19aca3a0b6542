#pragma once

// Powers of many elements at once; `out` may be `a`.
//
// Public exponents: memory is addressed, and work skipped, by their bits. b bits cost b squarings
// and, with windows of w bits, b / w multiplications beside a table of 2^w: 23 bits take 34
// products, 53 bits 74. PowerSecret is constant in time.

#include <span>

#include "crypto/parallel.h"
#include "crypto/ring/exponents.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// out[i] = a[i]^exponents[i]; a, out: exponents.size() elements.
void PowerEach(const Ring& ring, const uint64_t* a, const Exponents& exponents, uint64_t* out,
               const Parallel& parallel = Inline());

// out[i] = a[i]^exponent, 0 <= exponent, public. A power of two costs its squarings only.
void PowerAll(const Ring& ring, const uint64_t* a, size_t count, const BigInt& exponent,
              uint64_t* out, const Parallel& parallel = Inline());

// out[i] = a[i]^exponent for a secret 0 <= exponent < 2^bits: windows of 4 bits, the table read
// whole at each, so that instructions and addresses depend on `bits` alone.
void PowerSecret(const Ring& ring, const uint64_t* a, size_t count, const BigInt& exponent,
                 int bits, uint64_t* out, const Parallel& parallel = Inline());

}  // namespace fate::crypto
