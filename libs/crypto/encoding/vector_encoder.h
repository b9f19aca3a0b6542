#pragma once

// Vectors of doubles under one exponent (fixed_point.h has one for every number).
//
// The exponent goes in the clear beside the ciphertexts. FATE 2.x lets each element keep its own,
// from which the other party reads every magnitude to a factor of 16. With one exponent for the
// vector it learns
//   EncodeWithin      nothing: the bound is part of the protocol (1 for a logistic gradient)
//   EncodeByMaximum   the largest magnitude, to a factor of 16, and no other
// The price is absolute precision: every element is off by up to bound * 2^-53, so elements far
// below the bound lose digits that FATE's encoding keeps.

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/encoding/fixed_point.h"

namespace fate::crypto {

// value[i] = significands[i] * 16^exponent.
struct EncodedVector {
  std::vector<int64_t> significands;
  int32_t exponent = 0;
};

// Each value rounded to a multiple of 16^exponent, halves away from zero. Errors: kInvalidArgument
// for infinities and NaN, kOutOfRange for |value| beyond 2^62 * 16^exponent; both name the index.
absl::StatusOr<EncodedVector> EncodeAt(std::span<const double> values, int32_t exponent);

// The exponent of `bound`, a finite number above 0 that the data has no influence on; at most 56
// bits a significand. Error: kOutOfRange where |value| > bound.
absl::StatusOr<EncodedVector> EncodeWithin(std::span<const double> values, double bound);

// The same with the vector's own maximum for a bound.
absl::StatusOr<EncodedVector> EncodeByMaximum(std::span<const double> values);

}  // namespace fate::crypto
