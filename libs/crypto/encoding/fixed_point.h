#pragma once

// The fixed point of FATE 2.x (spec/federated-algorithms.md 6.2): a number is
// significand * 16^exponent, and the significand lives in Z_n, negatives in the upper half.
//
// A double's own exponent keeps all of its 53 bits, and tells its magnitude to whoever sees it.
// FATE sends that exponent in the clear beside every ciphertext; what leaves a party should be
// encoded by vector_encoder.h, with one exponent for a whole vector.

#include <cstdint>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

inline constexpr int kFixedPointBaseBits = 4;  // 16 = 2^4

// value = significand * 16^exponent. Of a ciphertext, `significand` is the encrypted integer.
struct FixedPointNumber {
  BigInt significand;
  int32_t exponent = 0;
  friend bool operator==(const FixedPointNumber&, const FixedPointNumber&) = default;
};

// The exponent FATE gives a double: floor((E - 53) / 4), E of frexp. Of 0: -14.
int32_t FixedPointExponent(double x);

// integer * 2^shift, rounded once to 53 bits, ties to even. Error: kOutOfRange beyond doubles.
absl::StatusOr<double> ScaledToDouble(const BigInt& integer, int64_t shift);

class FixedPointCoder {
 public:
  // n: size of the message space, 3 or more. Numbers reach from -floor(n/2) to floor(n/2).
  explicit FixedPointCoder(BigInt n) : n_(std::move(n)), max_int_(n_ / BigInt(2)) {}

  const BigInt& n() const { return n_; }
  const BigInt& max_int() const { return max_int_; }

  // Exact. The significand keeps its sign, as FATE's does; encryption reduces it modulo n.
  // Errors: kInvalidArgument for infinities and NaN; kOutOfRange "Integer needs to be within
  // +/- ..." where n is too small.
  absl::StatusOr<FixedPointNumber> EncodeDouble(double x) const;
  absl::StatusOr<FixedPointNumber> EncodeFloat(float x) const { return EncodeDouble(x); }
  // Exponent 0; a negative v becomes n + v.
  absl::StatusOr<FixedPointNumber> EncodeInt64(int64_t v) const;

  // The significand as a signed integer. Errors: kOutOfRange "Overflow detected in decrypted
  // number", kInvalidArgument "Attempted to decode corrupted number" above n.
  absl::StatusOr<BigInt> ToSigned(const BigInt& significand) const;
  absl::StatusOr<double> DecodeDouble(const FixedPointNumber& number) const;
  absl::StatusOr<float> DecodeFloat(const FixedPointNumber& number) const;
  // floor(value) modulo 2^64, on which FATE's multi-party arithmetic relies. Error: kOutOfRange
  // beyond 128 bits.
  absl::StatusOr<int64_t> DecodeInt64(const FixedPointNumber& number) const;
  // Truncated towards zero. Error: kOutOfRange beyond 32 bits.
  absl::StatusOr<int32_t> DecodeInt32(const FixedPointNumber& number) const;

  // The same value at a smaller exponent: two numbers add at the smaller of theirs. Errors:
  // kInvalidArgument if `exponent` is larger, kOutOfRange if the significand leaves the range.
  absl::StatusOr<FixedPointNumber> AlignTo(const FixedPointNumber& number, int32_t exponent) const;

 private:
  absl::Status CheckRange(const BigInt& significand) const;

  BigInt n_, max_int_;
};

}  // namespace fate::crypto
