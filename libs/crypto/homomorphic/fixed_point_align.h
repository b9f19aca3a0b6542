#pragma once

// What the operations on fixed-point vectors share: bringing elements to common exponents.

#include <span>

#include "absl/status/statusor.h"
#include "crypto/homomorphic/fixed_point_vector.h"

namespace fate::crypto {

// The smallest exponent, kNeutral where there is no other.
int32_t Smallest(std::span<const int32_t> exponents);

// Element i of `elements`, at exponents[i], comes to targets[i] or, where there is one target, to
// that. Exponents are larger than their targets, or equal. Error: kInvalidArgument.
absl::Status AlignEach(Residues& elements, std::span<const int32_t> exponents,
                       std::span<const int32_t> targets, const Parallel& parallel);
// All of a to the one exponent.
absl::Status AlignAll(FixedPointVector& a, int32_t exponent, const Parallel& parallel);

// The sum of exponents, neither of which is neutral. Error: kOutOfRange.
absl::StatusOr<int32_t> AddExponents(int32_t a, int32_t b);

// The significand with its sign. Errors: FixedPointCoder's.
absl::StatusOr<BigInt> SignedSignificand(const Ring& ring, const BigInt& significand);

// Error: kInvalidArgument where 16^digits is no plaintext of the ring's keys.
absl::Status CheckDigits(const Ring& ring, int64_t digits);

}  // namespace fate::crypto
