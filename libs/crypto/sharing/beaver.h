#pragma once

// Products of shared matrices in Z_2^64 by Beaver's triples (CRYPTO '91): with shares of random
// a, b and of c = a b, parties open x - a and y - b, which hide x and y, and each computes its
// share of x y.
//
//   every party                               every party
//   Difference(x, triple.a), (y, triple.b)    -- both ways; Sum gives epsilon and delta -->
//   FinishProduct(..., whether it is the first party)
//   TruncateShare, if both factors were encoded
//
// A triple serves one product. Parties follow the protocol: nothing here detects one that lies.

#include <cstdint>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/parallel.h"
#include "crypto/sharing/ring_shares.h"

namespace fate::crypto {

struct Shape {
  size_t rows = 0, columns = 0;
  size_t size() const { return rows * columns; }
  friend bool operator==(const Shape&, const Shape&) = default;
};

// Elements of Z_2^64, or shares of them, row by row.
struct ShareMatrix {
  Shape shape;
  std::vector<uint64_t> elements;
  friend bool operator==(const ShareMatrix&, const ShareMatrix&) = default;
};

enum class ProductKind { kElementwise, kMatrix };

// The shape of a product. Error: kInvalidArgument when factors of these shapes have none.
absl::StatusOr<Shape> ProductShape(ProductKind product, Shape a, Shape b);
// sum += a b, all of fitting shapes. About 1 ns a multiplication.
void AddProduct(ProductKind product, const ShareMatrix& a, const ShareMatrix& b, ShareMatrix& sum,
                const Parallel& parallel = Inline());

// One party's shares of a, b and c; of the whole triple, if it dealt it.
struct BeaverTriple {
  ShareMatrix a, b, c;
};

// Random a and b of the given shapes and their product, in clear: for the dealer.
absl::StatusOr<BeaverTriple> DrawTriple(ProductKind product, Shape a, Shape b,
                                        RingGenerator& local);
// A third party deals: one triple for each of the parties.
std::vector<BeaverTriple> SplitTriple(const BeaverTriple& whole, size_t parties);
// FATE's trusted first party deals: it shares what it drew, the others know the shapes alone;
// nothing is sent. It knows a and b, so the others' factors are open to it.
BeaverTriple TripleOfFirstParty(const BeaverTriple& whole, ZeroShares& zero);
absl::StatusOr<BeaverTriple> TripleOfOtherParty(ProductKind product, Shape a, Shape b,
                                                ZeroShares& zero);

// x - y, what a party sends to open a factor. Error: kInvalidArgument when shapes differ.
absl::StatusOr<ShareMatrix> Difference(const ShareMatrix& x, const ShareMatrix& y);

// A party's share of x y from the opened epsilon = x - a and delta = y - b. Exactly one party is
// the first. Error: kInvalidArgument when shapes do not fit.
absl::StatusOr<ShareMatrix> FinishProductAsFirst(ProductKind product, const BeaverTriple& triple,
                                                 const ShareMatrix& epsilon,
                                                 const ShareMatrix& delta,
                                                 const Parallel& parallel = Inline());
absl::StatusOr<ShareMatrix> FinishProduct(ProductKind product, const BeaverTriple& triple,
                                          const ShareMatrix& epsilon, const ShareMatrix& delta,
                                          const Parallel& parallel = Inline());

}  // namespace fate::crypto
