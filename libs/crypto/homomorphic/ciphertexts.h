#pragma once

// Arithmetic on vectors of ciphertexts of any additive scheme whose ciphertexts multiply in a
// ring: Paillier modulo n^2, Okamoto-Uchiyama modulo n (spec/federated-algorithms.md 6.1, 6.5).
// A sum of plaintexts is a product of ciphertexts, a multiple a power. Nothing here knows a key,
// a mask or an encoding: the result is as masked as what went in, and the sum of nothing is the
// element 1, an unmasked zero.
//
// Vectors stay in the ring's form from Parse to Serialize. Functions are free of state; `parallel`
// says where they run. Costs are in multiplications of the ring (0.4 us modulo 4096 bits with
// AVX-512 IFMA). Error everywhere: kInvalidArgument when sizes do not fit or vectors come from
// rings of different moduli; and from what subtracts or takes negative multipliers, when an element
// cannot be inverted (named by its index): then it was not made with this key.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/parallel.h"
#include "crypto/ring/exponents.h"
#include "crypto/ring/ring.h"

namespace fate::crypto {

// Signed integers to multiply plaintexts by.
class Multipliers {
 public:
  explicit Multipliers(std::span<const int64_t> values);
  explicit Multipliers(std::span<const BigInt> values);

  size_t size() const { return is_negative_.size(); }
  bool IsNegative(size_t index) const { return is_negative_[index]; }
  const Exponents& magnitudes() const { return magnitudes_; }

 private:
  Exponents magnitudes_;
  std::vector<bool> is_negative_;
};

// ---- element by element; b: as many as a, or one for all ----

// One multiplication each.
absl::StatusOr<Residues> Add(const Residues& a, const Residues& b,
                             const Parallel& parallel = Inline());
// a - b. Four multiplications each, one where b is one for all.
absl::StatusOr<Residues> Subtract(const Residues& a, const Residues& b,
                                  const Parallel& parallel = Inline());
// Three multiplications each.
absl::StatusOr<Residues> Negate(const Residues& a, const Parallel& parallel = Inline());
// a[at + i] += b[i], a[at + i] -= b[i] for all of b; b is not a.
absl::Status AddInto(Residues& a, size_t at, const Residues& b,
                     const Parallel& parallel = Inline());
absl::Status SubtractFrom(Residues& a, size_t at, const Residues& b,
                          const Parallel& parallel = Inline());
// a[i] += a[i] for first <= i < first + count.
absl::Status Double(Residues& a, size_t first, size_t count, const Parallel& parallel = Inline());
// Whether all have an inverse, as ciphertexts of this key do: for what comes from outside. One
// multiplication each.
absl::Status CheckInvertible(const Residues& a, const Parallel& parallel = Inline());
// a[i] times multipliers[i]; one multiplier serves all. About one squaring a bit and a third of a
// multiplication; three multiplications more for a negative one. Public: a multiplier shows in
// the time.
absl::StatusOr<Residues> MultiplyPlain(const Residues& a, const Multipliers& multipliers,
                                       const Parallel& parallel = Inline());

// ---- sums ----

// Sum of weights[i] a[i], one ciphertext (multi_exp.h). 1,024 terms of 53 bits cost 10 each,
// 100,000 of 24 bits 2.2.
absl::StatusOr<Residues> WeightedSum(const Residues& a, const Multipliers& weights,
                                     const Parallel& parallel = Inline());

// Products of matrices in row-major order; `inner` is what both have in common.
//   MultiplyRight   a (rows x inner) times plain (inner x columns)
//   MultiplyLeft    plain (rows x inner) times a (inner x columns)
absl::StatusOr<Residues> MultiplyRight(const Residues& a, const Multipliers& plain, size_t inner,
                                       const Parallel& parallel = Inline());
absl::StatusOr<Residues> MultiplyLeft(const Multipliers& plain, const Residues& a, size_t inner,
                                      const Parallel& parallel = Inline());

// `step` sums: sum k is that of a[k], a[k + step], ... One multiplication each.
absl::StatusOr<Residues> Sum(const Residues& a, size_t step = 1,
                             const Parallel& parallel = Inline());
// The same for each of several intervals, begin <= end <= a.size(): `step` sums for each.
struct Interval {
  size_t begin, end;
};
absl::StatusOr<Residues> SumIntervals(const Residues& a, std::span<const Interval> intervals,
                                      size_t step = 1, const Parallel& parallel = Inline());
// In place: a[i] becomes a[i] + a[i - step] + a[i - 2 step] ... within its chunk; the chunks'
// sizes add up to at most a.size(). One multiplication each, two where few sequences are long.
absl::Status CumulativeSum(Residues& a, std::span<const size_t> chunk_sizes, size_t step = 1,
                           const Parallel& parallel = Inline());

// ---- histograms ----

// Rows into bins: sum f * bins + b of features * bins sums is that of a[r] over the rows with
// row_bins[r * features + f] == b. A negative bin: not counted. One multiplication for each row
// and feature.
absl::StatusOr<Residues> Histogram(const Residues& a, std::span<const int32_t> row_bins,
                                   size_t features, size_t bins,
                                   const Parallel& parallel = Inline());
// sums[target] += a[source] for each pair. With a stride both count runs of `stride` ciphertexts.
struct Contribution {
  uint32_t source, target;
};
absl::Status AddContributions(Residues& sums, const Residues& a,
                              std::span<const Contribution> contributions, size_t stride = 1,
                              const Parallel& parallel = Inline());

// Every `count` ciphertexts become one: (... (c0 2^shift + c1) 2^shift + ...) (spec 6.3). The
// last one takes what is left. shift squarings for each ciphertext.
absl::StatusOr<Residues> Squeeze(const Residues& a, size_t count, int shift_bits,
                                 const Parallel& parallel = Inline());

// ---- order ----

// The element 1, `count` times: what sums start from.
Residues Zeros(std::shared_ptr<const Ring> ring, size_t count);
absl::StatusOr<Residues> Slice(const Residues& a, size_t first, size_t count);
// a[indices[0]], a[indices[1]], ...; a shuffle is a gather by a permutation.
absl::StatusOr<Residues> Gather(const Residues& a, std::span<const size_t> indices);
absl::StatusOr<Residues> Concatenate(std::span<const Residues* const> parts);

// ---- bytes ----

// Of one ciphertext: two halves of the base's whole bytes for a square, else the modulus'.
size_t CiphertextBytes(const Ring& ring);
// Least non-negative residues, big-endian, CiphertextBytes each.
std::string Serialize(const Residues& a, const Parallel& parallel = Inline());
// Error: kInvalidArgument unless `bytes` is a multiple of that and each is in [1, modulus).
absl::StatusOr<Residues> Parse(const std::shared_ptr<const Ring>& ring, std::string_view bytes,
                               const Parallel& parallel = Inline());

}  // namespace fate::crypto
