#pragma once

// Vectors of ciphertexts of fixed-point numbers, each with an exponent in the clear, as FATE 2.x
// has them (spec/federated-algorithms.md 6.2): element i is Dec(ciphertexts[i]) 16^exponents[i].
// The operations are those of ciphertexts.h with exponents on top, for Paillier and
// Okamoto-Uchiyama alike.
//
// Two elements meet at the smaller exponent: the other's ciphertext is raised to 16^difference,
// four squarings a digit. Operations that bring many elements together bring all of them to the
// smallest exponent. Where exponents are equal, as in vectors that were encoded to hide magnitudes
// (encoding/vector_encoder.h), that costs nothing but a look at them.
//
// Exponents that differ by more than a key's plaintexts have digits are refused; but a sum that
// grows beyond the plaintexts wraps around, which nobody without the private key can see.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/encoding/fixed_point.h"
#include "crypto/homomorphic/ciphertexts.h"

namespace fate::crypto {

class FixedPointVector {
 public:
  // The exponent of a zero that any other number takes over: FATE's ciphertext 1 of exponent 0.
  // Multiples of zero have it too.
  static constexpr int32_t kNeutral = INT32_MAX;

  FixedPointVector() = default;
  // exponents: one for each ciphertext (checked).
  FixedPointVector(Residues ciphertexts, std::vector<int32_t> exponents);
  FixedPointVector(Residues ciphertexts, int32_t exponent);
  // Neutral zeros, unmasked.
  static FixedPointVector Zeros(std::shared_ptr<const Ring> ring, size_t count);

  size_t size() const { return exponents_.size(); }
  const Residues& ciphertexts() const { return ciphertexts_; }
  std::span<const int32_t> exponents() const { return exponents_; }
  const std::shared_ptr<const Ring>& shared_ring() const { return ciphertexts_.shared_ring(); }

  // For operations in place: keep the sizes equal.
  Residues& ciphertexts() { return ciphertexts_; }
  std::vector<int32_t>& exponents() { return exponents_; }

 private:
  Residues ciphertexts_;
  std::vector<int32_t> exponents_;
};

// ---- element by element; b: as many as a, or one for all ----

absl::StatusOr<FixedPointVector> Add(const FixedPointVector& a, const FixedPointVector& b,
                                     const Parallel& parallel = Inline());
absl::StatusOr<FixedPointVector> Subtract(const FixedPointVector& a, const FixedPointVector& b,
                                          const Parallel& parallel = Inline());
absl::StatusOr<FixedPointVector> Negate(const FixedPointVector& a,
                                        const Parallel& parallel = Inline());
// a[at + i] += b[i], a[at + i] -= b[i] for all of b; b is not a.
absl::Status AddInto(FixedPointVector& a, size_t at, const FixedPointVector& b,
                     const Parallel& parallel = Inline());
absl::Status SubtractFrom(FixedPointVector& a, size_t at, const FixedPointVector& b,
                          const Parallel& parallel = Inline());
// a[to + k] += a[from + k], or -=, for k = 0 ... count - 1 in this order, from <= to. What was
// changed is read again where the two overlap: from = to doubles, or leaves zeros.
absl::Status AddWithin(FixedPointVector& a, size_t from, size_t to, size_t count,
                       const Parallel& parallel = Inline());
absl::Status SubtractWithin(FixedPointVector& a, size_t from, size_t to, size_t count,
                            const Parallel& parallel = Inline());

// a[i] times numbers[i], or numbers[0]; exponents add. Significands are signed, or for Paillier
// also residues modulo n. Errors beside kInvalidArgument: kOutOfRange for a significand beyond n.
absl::StatusOr<FixedPointVector> MultiplyPlain(const FixedPointVector& a,
                                               std::span<const FixedPointNumber> numbers,
                                               const Parallel& parallel = Inline());

// ---- sums ----

// Products of matrices in row-major order, as in ciphertexts.h; all results have one exponent.
absl::StatusOr<FixedPointVector> MultiplyRight(const FixedPointVector& a,
                                               std::span<const FixedPointNumber> plain,
                                               size_t inner, const Parallel& parallel = Inline());
absl::StatusOr<FixedPointVector> MultiplyLeft(std::span<const FixedPointNumber> plain,
                                              const FixedPointVector& a, size_t inner,
                                              const Parallel& parallel = Inline());
absl::StatusOr<FixedPointVector> Sum(const FixedPointVector& a, size_t step = 1,
                                     const Parallel& parallel = Inline());
absl::StatusOr<FixedPointVector> SumIntervals(const FixedPointVector& a,
                                              std::span<const Interval> intervals, size_t step = 1,
                                              const Parallel& parallel = Inline());
absl::Status CumulativeSum(FixedPointVector& a, std::span<const size_t> chunk_sizes,
                           size_t step = 1, const Parallel& parallel = Inline());
absl::Status AddContributions(FixedPointVector& sums, const FixedPointVector& a,
                              std::span<const Contribution> contributions, size_t stride = 1,
                              const Parallel& parallel = Inline());
// All elements must have one exponent (kInvalidArgument): shifts count from the lowest bit.
absl::StatusOr<FixedPointVector> Squeeze(const FixedPointVector& a, size_t count, int shift_bits,
                                         const Parallel& parallel = Inline());

// ---- order ----

absl::StatusOr<FixedPointVector> Slice(const FixedPointVector& a, size_t first, size_t count);
absl::StatusOr<FixedPointVector> Slice(const FixedPointVector& a,
                                       std::span<const Interval> intervals);
absl::StatusOr<FixedPointVector> Gather(const FixedPointVector& a, std::span<const size_t> indices);
absl::StatusOr<FixedPointVector> Concatenate(std::span<const FixedPointVector* const> parts);

// ---- FATE's bytes (spec 6.4) ----

std::string SerializeToFate(const FixedPointVector& a, const Parallel& parallel = Inline());

struct ReceivedVector {
  FixedPointVector vector;
  size_t negatives = 0;  // of the ciphertexts: what tells that a sender does not hide signs
};
absl::StatusOr<ReceivedVector> ParseFromFate(const std::shared_ptr<const Ring>& ring,
                                             std::string_view bytes,
                                             const Parallel& parallel = Inline());

}  // namespace fate::crypto
