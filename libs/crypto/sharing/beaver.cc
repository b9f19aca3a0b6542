#include "crypto/sharing/beaver.h"

#include "base/status.h"

namespace fate::crypto {
namespace {

// A part of a thread's work: about this many multiplications.
constexpr size_t kGrainMultiplications = 1 << 15;

void AddMatrixRows(const ShareMatrix& a, const ShareMatrix& b, size_t begin, size_t end,
                   ShareMatrix& sum) {
  const size_t inner = a.shape.columns, columns = b.shape.columns;
  for (size_t i = begin; i < end; ++i) {
    uint64_t* row = &sum.elements[i * columns];
    for (size_t k = 0; k < inner; ++k) {
      const uint64_t factor = a.elements[i * inner + k];
      const uint64_t* b_row = &b.elements[k * columns];
      for (size_t j = 0; j < columns; ++j) row[j] += factor * b_row[j];
    }
  }
}

ShareMatrix Zeros(Shape shape) { return {shape, std::vector<uint64_t>(shape.size())}; }

ShareMatrix PlusZeroShare(ShareMatrix matrix, ZeroShares& zero) {
  const std::vector<uint64_t> share = zero.Next(matrix.elements.size());
  for (size_t i = 0; i < share.size(); ++i) matrix.elements[i] += share[i];
  return matrix;
}

std::vector<ShareMatrix> Split(const ShareMatrix& matrix, size_t parties) {
  std::vector<ShareMatrix> shares;
  for (std::vector<uint64_t>& share : SplitIntoShares(matrix.elements, parties)) {
    shares.push_back({matrix.shape, std::move(share)});
  }
  return shares;
}

absl::Status CheckOpened(std::string_view name, const ShareMatrix& opened, Shape expected) {
  if (opened.shape == expected && opened.elements.size() == expected.size()) {
    return absl::OkStatus();
  }
  return InvalidArgumentError("opened {} is {} x {} with {} elements, its triple is for {} x {}",
                              name, opened.shape.rows, opened.shape.columns, opened.elements.size(),
                              expected.rows, expected.columns);
}

// c + epsilon b + a delta: with b + delta for b, the first party's.
absl::StatusOr<ShareMatrix> Finish(ProductKind product, const BeaverTriple& triple,
                                   const ShareMatrix& b, const ShareMatrix& epsilon,
                                   const ShareMatrix& delta, const Parallel& parallel) {
  ShareMatrix share = triple.c;
  AddProduct(product, epsilon, b, share, parallel);
  AddProduct(product, triple.a, delta, share, parallel);
  return share;
}

absl::Status Check(const BeaverTriple& triple, const ShareMatrix& epsilon,
                   const ShareMatrix& delta) {
  RETURN_IF_ERROR(CheckOpened("x - a", epsilon, triple.a.shape));
  return CheckOpened("y - b", delta, triple.b.shape);
}

}  // namespace

absl::StatusOr<Shape> ProductShape(ProductKind product, Shape a, Shape b) {
  switch (product) {
    case ProductKind::kElementwise:
      if (a == b) return a;
      break;
    case ProductKind::kMatrix:
      if (a.columns == b.rows) return Shape{a.rows, b.columns};
      break;
  }
  return InvalidArgumentError("a matrix of {} x {} cannot be multiplied with one of {} x {}",
                              a.rows, a.columns, b.rows, b.columns);
}

void AddProduct(ProductKind product, const ShareMatrix& a, const ShareMatrix& b, ShareMatrix& sum,
                const Parallel& parallel) {
  if (product == ProductKind::kElementwise) {
    for (size_t i = 0; i < sum.elements.size(); ++i) {
      sum.elements[i] += a.elements[i] * b.elements[i];
    }
    return;
  }
  const size_t row_cost = a.shape.columns * b.shape.columns;
  if (row_cost == 0) return;
  parallel.For(a.shape.rows, 1 + kGrainMultiplications / row_cost,
               [&](size_t begin, size_t end) { AddMatrixRows(a, b, begin, end, sum); });
}

absl::StatusOr<BeaverTriple> DrawTriple(ProductKind product, Shape a, Shape b,
                                        RingGenerator& local) {
  ASSIGN_OR_RETURN(const Shape c, ProductShape(product, a, b));
  BeaverTriple triple{Zeros(a), Zeros(b), Zeros(c)};
  local.Fill(triple.a.elements);
  local.Fill(triple.b.elements);
  AddProduct(product, triple.a, triple.b, triple.c);
  return triple;
}

std::vector<BeaverTriple> SplitTriple(const BeaverTriple& whole, size_t parties) {
  std::vector<ShareMatrix> a = Split(whole.a, parties), b = Split(whole.b, parties),
                           c = Split(whole.c, parties);
  std::vector<BeaverTriple> triples;
  for (size_t k = 0; k < parties; ++k) {
    triples.push_back({std::move(a[k]), std::move(b[k]), std::move(c[k])});
  }
  return triples;
}

BeaverTriple TripleOfFirstParty(const BeaverTriple& whole, ZeroShares& zero) {
  ShareMatrix a = PlusZeroShare(whole.a, zero);
  ShareMatrix b = PlusZeroShare(whole.b, zero);
  return {std::move(a), std::move(b), PlusZeroShare(whole.c, zero)};
}

absl::StatusOr<BeaverTriple> TripleOfOtherParty(ProductKind product, Shape a, Shape b,
                                                ZeroShares& zero) {
  ASSIGN_OR_RETURN(const Shape c, ProductShape(product, a, b));
  return TripleOfFirstParty({Zeros(a), Zeros(b), Zeros(c)}, zero);
}

absl::StatusOr<ShareMatrix> Difference(const ShareMatrix& x, const ShareMatrix& y) {
  if (x.shape != y.shape || x.elements.size() != y.elements.size()) {
    return InvalidArgumentError("a factor is {} x {}, its triple is for {} x {}", x.shape.rows,
                                x.shape.columns, y.shape.rows, y.shape.columns);
  }
  ShareMatrix difference = x;
  for (size_t i = 0; i < difference.elements.size(); ++i) difference.elements[i] -= y.elements[i];
  return difference;
}

absl::StatusOr<ShareMatrix> FinishProductAsFirst(ProductKind product, const BeaverTriple& triple,
                                                 const ShareMatrix& epsilon,
                                                 const ShareMatrix& delta,
                                                 const Parallel& parallel) {
  RETURN_IF_ERROR(Check(triple, epsilon, delta));
  ShareMatrix b = triple.b;
  for (size_t i = 0; i < b.elements.size(); ++i) b.elements[i] += delta.elements[i];
  return Finish(product, triple, b, epsilon, delta, parallel);
}

absl::StatusOr<ShareMatrix> FinishProduct(ProductKind product, const BeaverTriple& triple,
                                          const ShareMatrix& epsilon, const ShareMatrix& delta,
                                          const Parallel& parallel) {
  RETURN_IF_ERROR(Check(triple, epsilon, delta));
  return Finish(product, triple, triple.b, epsilon, delta, parallel);
}

}  // namespace fate::crypto
