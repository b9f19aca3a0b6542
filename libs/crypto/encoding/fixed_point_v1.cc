#include "crypto/encoding/fixed_point_v1.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"
#include "crypto/encoding/fixed_point.h"

namespace fate::crypto {
namespace {

constexpr double kZeroBelow = 1e-200;

// 293973345475167247070445277780365744413
const BigInt& Q() {
  static const BigInt q = *BigInt::FromDecimal("293973345475167247070445277780365744413");
  return q;
}

}  // namespace

FixedPointV1Coder FixedPointV1Coder::ForKey(const BigInt& n) {
  return FixedPointV1Coder(n, n / BigInt(3) - 1);
}

FixedPointV1Coder FixedPointV1Coder::WithoutKeyUpTo13() { return ForKey(Q()); }

FixedPointV1Coder FixedPointV1Coder::WithoutKeyIn111() {
  return FixedPointV1Coder(Q() * Q(), Q() * Q() / BigInt(2));
}

int32_t FixedPointV1Coder::ExponentOf(double x) {
  int exponent;
  std::frexp(x, &exponent);
  return (std::numeric_limits<double>::digits - exponent) >> 2;
}

absl::StatusOr<int32_t> FixedPointV1Coder::ExponentOfPrecision(double precision) {
  if (!std::isfinite(precision) || precision < 1) {
    return InvalidArgumentError("{} is no precision of a fixed-point number; give 1 or more",
                                precision);
  }
  return std::ilogb(precision) / kFixedPointBaseBits;
}

absl::StatusOr<FixedPointV1Number> FixedPointV1Coder::Encode(const BigInt& mantissa,
                                                             int32_t exponent) const {
  if (mantissa <= max_int_ && -mantissa <= max_int_) {
    return FixedPointV1Number{mantissa.Mod(n_), exponent};
  }
  return OutOfRangeError("Integer needs to be within +/- {} but got {}", max_int_.ToDecimal(),
                         mantissa.ToDecimal());
}

absl::StatusOr<FixedPointV1Number> FixedPointV1Coder::EncodeDouble(double x) const {
  if (std::abs(x) < kZeroBelow) return FixedPointV1Number{};
  return EncodeDoubleAt(x, std::isfinite(x) ? ExponentOf(x) : 0);
}

absl::StatusOr<FixedPointV1Number> FixedPointV1Coder::EncodeDoubleAt(double x,
                                                                     int32_t exponent) const {
  if (!std::isfinite(x)) {
    return InvalidArgumentError("{} has no fixed-point form; remove it or fill it in", x);
  }
  if (std::abs(x) < kZeroBelow) return FixedPointV1Number{BigInt(0), exponent};
  const int shift = kFixedPointBaseBits * std::clamp(exponent, -1024, 1024);
  const double scaled = std::nearbyint(std::ldexp(x, shift));
  if (!std::isfinite(scaled)) {
    return OutOfRangeError("Integer needs to be within +/- {} but got {} * 16^{}",
                           max_int_.ToDecimal(), x, exponent);
  }
  BigInt mantissa;
  mpz_set_d(mantissa.mpz(), scaled);
  return Encode(mantissa, exponent);
}

absl::StatusOr<FixedPointV1Number> FixedPointV1Coder::EncodeInt64(int64_t v) const {
  return Encode(BigInt(v), 0);
}

absl::StatusOr<BigInt> FixedPointV1Coder::ToSigned(const BigInt& encoding) const {
  if (encoding >= n_ || encoding.IsNegative()) {
    return InvalidArgumentError("Attempted to decode corrupted number");
  }
  if (encoding <= max_int_) return encoding;
  if (encoding >= n_ - max_int_) return encoding - n_;
  return OutOfRangeError("Overflow detected in decode number");
}

absl::StatusOr<double> FixedPointV1Coder::DecodeDouble(const FixedPointV1Number& number) const {
  ASSIGN_OR_RETURN(const BigInt mantissa, ToSigned(number.encoding));
  return ScaledToDouble(mantissa, -int64_t{kFixedPointBaseBits} * number.exponent);
}

absl::StatusOr<FixedPointV1Number> FixedPointV1Coder::AlignTo(const FixedPointV1Number& number,
                                                              int32_t exponent) const {
  const int64_t difference = int64_t{exponent} - number.exponent;
  if (difference < 0) {
    return InvalidArgumentError("New exponent {} should be greater than old exponent {}", exponent,
                                number.exponent);
  }
  ASSIGN_OR_RETURN(const BigInt mantissa, ToSigned(number.encoding));
  if (mantissa.IsZero()) return FixedPointV1Number{mantissa, exponent};
  if (mantissa.BitLength() + kFixedPointBaseBits * difference > n_.BitLength()) {
    return OutOfRangeError(
        "Overflow: a number of {} bits at exponent {} does not fit into {} bits at exponent {}",
        mantissa.BitLength(), number.exponent, n_.BitLength(), exponent);
  }
  return Encode(mantissa << static_cast<int>(kFixedPointBaseBits * difference), exponent);
}

}  // namespace fate::crypto
