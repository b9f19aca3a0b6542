#pragma once

// Products of powers, base[1]^e[1] base[2]^e[2] ..., with public exponents: memory is addressed
// and work skipped by their bits.
//
// Two ways, whichever takes fewer multiplications:
//   Pippenger (SIAM J. Comput. 1980): the exponents are cut into windows of c bits, and bases that
//   have the same digit in a window meet in one bucket; the buckets' own digits are cut in two
//   again and again until single bits are left. With many bases the cost of each falls to one
//   multiplication for a window: 1,024 bases and 53 bits take 10 each, 100,000 and 24 bits 2.2.
//   Straus (Amer. Math. Monthly 1964): a table of each base's small powers, shared by all
//   products, which pays when many products have few bases in common.

#include <span>

#include "crypto/parallel.h"
#include "crypto/ring/exponents.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// *out = the product of bases[i]^exponents[i].
void MultiplyPowers(const Ring& ring, const uint64_t* bases, const Exponents& exponents,
                    uint64_t* out, const Parallel& parallel = Inline());

// One of many such products: the bases and exponents it takes, by index.
struct PowerTerm {
  uint32_t base;
  uint32_t exponent;
};
struct PowerProduct {
  uint64_t* out;  // no base
  std::span<const PowerTerm> terms;
};
void MultiplyPowers(const Ring& ring, const uint64_t* bases, size_t base_count,
                    const Exponents& exponents, std::span<const PowerProduct> products,
                    const Parallel& parallel = Inline());

}  // namespace fate::crypto
