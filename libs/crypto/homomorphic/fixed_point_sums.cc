// Sums and matrix products of fixed_point_vector.h.

#include <algorithm>

#include "base/status.h"
#include "crypto/homomorphic/checks.h"
#include "crypto/homomorphic/fixed_point_align.h"
#include "crypto/homomorphic/fixed_point_vector.h"

namespace fate::crypto {
namespace {

constexpr int32_t kNeutral = FixedPointVector::kNeutral;

// The elements of a at one exponent: as they are, or aligned in `storage`.
absl::StatusOr<const Residues*> Level(const FixedPointVector& a, int32_t exponent,
                                      Residues& storage, const Parallel& parallel) {
  const auto fits = [exponent](int32_t other) { return other == exponent || other == kNeutral; };
  if (std::all_of(a.exponents().begin(), a.exponents().end(), fits)) return &a.ciphertexts();
  storage = a.ciphertexts();
  RETURN_IF_ERROR(AlignEach(storage, a.exponents(), {&exponent, 1}, parallel));
  return &storage;
}

// The plain matrix of a product. Number i is multiplied by ciphertexts whose index in the inner
// dimension is i / block % inner.
struct PlainMatrix {
  std::span<const FixedPointNumber> numbers;
  size_t inner, block;
};

// Integers that stand for plain numbers times 16^(their line's exponent), all at one exponent.
struct Weights {
  std::vector<BigInt> integers;
  int32_t exponent = kNeutral;
};

// line_exponents: of the ciphertexts that inner index k multiplies.
absl::StatusOr<Weights> MakeWeights(const Ring& ring, const PlainMatrix& plain,
                                    std::span<const int32_t> line_exponents) {
  const size_t count = plain.numbers.size();
  Weights weights;
  std::vector<int32_t> exponents(count, kNeutral);
  for (size_t i = 0; i < count; ++i) {
    ASSIGN_OR_RETURN(BigInt integer, SignedSignificand(ring, plain.numbers[i].significand));
    const int32_t line = line_exponents[i / plain.block % plain.inner];
    if (line == kNeutral) integer = BigInt();
    if (!integer.IsZero()) {
      ASSIGN_OR_RETURN(exponents[i], AddExponents(plain.numbers[i].exponent, line));
    }
    weights.integers.push_back(std::move(integer));
  }
  weights.exponent = Smallest(exponents);
  for (size_t i = 0; i < count; ++i) {
    if (exponents[i] == kNeutral) continue;
    const int64_t digits = int64_t{exponents[i]} - weights.exponent;
    RETURN_IF_ERROR(CheckDigits(ring, digits));
    weights.integers[i] <<= static_cast<int>(kFixedPointBaseBits * digits);
  }
  return weights;
}

absl::Status CheckShape(const FixedPointVector& a, size_t plain, size_t inner) {
  if (inner > 0 && a.size() > 0 && plain > 0 && a.size() % inner == 0 && plain % inner == 0) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      "matrices of {} ciphertexts and {} plain numbers have no common dimension {}", a.size(),
      plain, inner);
}

// Ciphertexts of a product, and the exponent of each index in the inner dimension.
struct Lines {
  const Residues* elements;
  std::vector<int32_t> exponents;
};

// A single line keeps its exponents, which shift the weights instead; several lines would need
// weights of their own each.
absl::StatusOr<Lines> MakeLines(const FixedPointVector& a, size_t inner, Residues& storage,
                                const Parallel& parallel) {
  if (a.size() == inner) {
    return Lines{&a.ciphertexts(), {a.exponents().begin(), a.exponents().end()}};
  }
  const int32_t exponent = Smallest(a.exponents());
  ASSIGN_OR_RETURN(const Residues* elements, Level(a, exponent, storage, parallel));
  return Lines{elements, std::vector<int32_t>(inner, exponent)};
}

}  // namespace

absl::StatusOr<FixedPointVector> MultiplyRight(const FixedPointVector& a,
                                               std::span<const FixedPointNumber> plain,
                                               size_t inner, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckShape(a, plain.size(), inner));
  Residues storage;
  ASSIGN_OR_RETURN(const Lines lines, MakeLines(a, inner, storage, parallel));
  ASSIGN_OR_RETURN(
      const Weights weights,
      MakeWeights(*a.shared_ring(), {plain, inner, plain.size() / inner}, lines.exponents));
  ASSIGN_OR_RETURN(Residues product,
                   MultiplyRight(*lines.elements, Multipliers(weights.integers), inner, parallel));
  return FixedPointVector(std::move(product), weights.exponent);
}

absl::StatusOr<FixedPointVector> MultiplyLeft(std::span<const FixedPointNumber> plain,
                                              const FixedPointVector& a, size_t inner,
                                              const Parallel& parallel) {
  RETURN_IF_ERROR(CheckShape(a, plain.size(), inner));
  Residues storage;
  ASSIGN_OR_RETURN(const Lines lines, MakeLines(a, inner, storage, parallel));
  ASSIGN_OR_RETURN(const Weights weights,
                   MakeWeights(*a.shared_ring(), {plain, inner, 1}, lines.exponents));
  ASSIGN_OR_RETURN(Residues product,
                   MultiplyLeft(Multipliers(weights.integers), *lines.elements, inner, parallel));
  return FixedPointVector(std::move(product), weights.exponent);
}

absl::StatusOr<FixedPointVector> Sum(const FixedPointVector& a, size_t step,
                                     const Parallel& parallel) {
  const Interval all{0, a.size()};
  return SumIntervals(a, {&all, 1}, step, parallel);
}

absl::StatusOr<FixedPointVector> SumIntervals(const FixedPointVector& a,
                                              std::span<const Interval> intervals, size_t step,
                                              const Parallel& parallel) {
  const int32_t exponent = Smallest(a.exponents());
  Residues storage;
  ASSIGN_OR_RETURN(const Residues* elements, Level(a, exponent, storage, parallel));
  ASSIGN_OR_RETURN(Residues sums, SumIntervals(*elements, intervals, step, parallel));
  return FixedPointVector(std::move(sums), exponent);
}

absl::Status CumulativeSum(FixedPointVector& a, std::span<const size_t> chunk_sizes, size_t step,
                           const Parallel& parallel) {
  RETURN_IF_ERROR(AlignAll(a, Smallest(a.exponents()), parallel));
  return CumulativeSum(a.ciphertexts(), chunk_sizes, step, parallel);
}

absl::Status AddContributions(FixedPointVector& sums, const FixedPointVector& a,
                              std::span<const Contribution> contributions, size_t stride,
                              const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(sums.ciphertexts(), a.ciphertexts()));
  if (contributions.empty()) return absl::OkStatus();
  const int32_t exponent = std::min(Smallest(sums.exponents()), Smallest(a.exponents()));
  Residues storage;
  ASSIGN_OR_RETURN(const Residues* elements, Level(a, exponent, storage, parallel));
  RETURN_IF_ERROR(AlignAll(sums, exponent, parallel));
  return AddContributions(sums.ciphertexts(), *elements, contributions, stride, parallel);
}

absl::StatusOr<FixedPointVector> Squeeze(const FixedPointVector& a, size_t count, int shift_bits,
                                         const Parallel& parallel) {
  const int32_t exponent = Smallest(a.exponents());
  for (const int32_t other : a.exponents()) {
    if (other == exponent || other == kNeutral) continue;
    return InvalidArgumentError("ciphertexts of exponents {} and {} cannot be squeezed into one",
                                exponent, other);
  }
  ASSIGN_OR_RETURN(Residues squeezed, Squeeze(a.ciphertexts(), count, shift_bits, parallel));
  return FixedPointVector(std::move(squeezed), exponent);
}

}  // namespace fate::crypto
