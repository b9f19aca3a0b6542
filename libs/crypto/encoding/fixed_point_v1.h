#pragma once

// The fixed point of FATE 1.x (spec/federated-algorithms.md 6.6). Its exponent counts hexadecimal
// digits of the fraction: value = mantissa * 16^(-exponent), the opposite sign of 2.x, and numbers
// add at the larger exponent. The mantissa lives in Z_n, negatives in the upper part.

#include <cstdint>

#include "absl/status/statusor.h"
#include "crypto/big_int.h"

namespace fate::crypto {

struct FixedPointV1Number {
  BigInt encoding;
  int32_t exponent = 0;
  friend bool operator==(const FixedPointV1Number&, const FixedPointV1Number&) = default;
};

class FixedPointV1Coder {
 public:
  // Mantissas from -max_int to max_int modulo n.
  FixedPointV1Coder(BigInt n, BigInt max_int) : n_(std::move(n)), max_int_(std::move(max_int)) {}
  // Of a Paillier key: floor(n/3) - 1.
  static FixedPointV1Coder ForKey(const BigInt& n);
  // The field where no key is at hand: the prime Q with Q/3 - 1 up to 1.3, Q^2 with Q^2/2 in 1.11.
  static FixedPointV1Coder WithoutKeyUpTo13();
  static FixedPointV1Coder WithoutKeyIn111();

  const BigInt& n() const { return n_; }
  const BigInt& max_int() const { return max_int_; }

  // The exponent FATE gives a double: floor((53 - E) / 4), E of frexp.
  static int32_t ExponentOf(double x);
  // floor(log16(precision)); precision >= 1 (1e-6 is asked for as 1e6). Error: kInvalidArgument.
  static absl::StatusOr<int32_t> ExponentOfPrecision(double precision);

  // Rounded to 50 bits or more, ties to even; |x| < 1e-200 becomes the integer 0. Errors:
  // kInvalidArgument for infinities and NaN, kOutOfRange "Integer needs to be within +/- ...".
  absl::StatusOr<FixedPointV1Number> EncodeDouble(double x) const;
  absl::StatusOr<FixedPointV1Number> EncodeDoubleAt(double x, int32_t exponent) const;
  absl::StatusOr<FixedPointV1Number> EncodeInt64(int64_t v) const;

  // Errors: "Attempted to decode corrupted number", "Overflow detected in decode number".
  absl::StatusOr<BigInt> ToSigned(const BigInt& encoding) const;
  absl::StatusOr<double> DecodeDouble(const FixedPointV1Number& number) const;

  // The same value at a larger exponent. Errors: kInvalidArgument if `exponent` is smaller,
  // kOutOfRange if the mantissa leaves the range.
  absl::StatusOr<FixedPointV1Number> AlignTo(const FixedPointV1Number& number,
                                             int32_t exponent) const;

 private:
  absl::StatusOr<FixedPointV1Number> Encode(const BigInt& mantissa, int32_t exponent) const;

  BigInt n_, max_int_;
};

}  // namespace fate::crypto
