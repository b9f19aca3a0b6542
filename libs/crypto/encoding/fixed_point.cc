#include "crypto/encoding/fixed_point.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"

namespace fate::crypto {
namespace {

constexpr int kMantissaBits = std::numeric_limits<double>::digits;
// No significand of a ring's size survives larger shifts, and GMP must not be asked to try.
constexpr int64_t kMaxShift = int64_t{1} << 20;

// The top 53 bits of |integer|, ties to even, and the power of two that was taken out.
BigInt RoundToMantissa(const BigInt& integer, int64_t* shift) {
  const int excess = integer.BitLength() - kMantissaBits;
  if (excess <= 0) return integer;
  BigInt magnitude = integer.IsNegative() ? -integer : integer;
  const bool beyond_half = mpz_scan1(magnitude.mpz(), 0) < static_cast<mp_bitcnt_t>(excess) - 1;
  const bool half = magnitude.Bit(excess - 1);
  magnitude >>= excess;
  if (half && (beyond_half || magnitude.IsOdd())) magnitude += 1;
  *shift += excess;
  return integer.IsNegative() ? -magnitude : magnitude;
}

// floor(integer * 2^shift).
BigInt Shifted(const BigInt& integer, int64_t shift) {
  if (shift >= 0) return integer << static_cast<int>(shift);
  return integer >> static_cast<int>(std::min(-shift, kMaxShift));
}

}  // namespace

int32_t FixedPointExponent(double x) {
  int exponent;
  std::frexp(x, &exponent);
  return (exponent - kMantissaBits) >> 2;  // an arithmetic shift is the floor of the quotient
}

absl::StatusOr<double> ScaledToDouble(const BigInt& integer, int64_t shift) {
  const BigInt mantissa = RoundToMantissa(integer, &shift);
  const auto bounded = static_cast<int>(std::clamp(shift, -kMaxShift, kMaxShift));
  const double value = std::ldexp(static_cast<double>(mantissa.ToInt64()), bounded);
  if (std::isfinite(value)) return value;
  return OutOfRangeError("a fixed-point number of {} bits times 2^{} is too large for a double",
                         integer.BitLength(), shift);
}

absl::Status FixedPointCoder::CheckRange(const BigInt& significand) const {
  if (significand <= max_int_ && -significand <= max_int_) return absl::OkStatus();
  return OutOfRangeError("Integer needs to be within +/- {} but got {}", max_int_.ToDecimal(),
                         significand.ToDecimal());
}

absl::StatusOr<FixedPointNumber> FixedPointCoder::EncodeDouble(double x) const {
  if (!std::isfinite(x)) {
    return InvalidArgumentError("{} has no fixed-point form; remove it or fill it in", x);
  }
  const int32_t exponent = FixedPointExponent(x);
  // 53 to 56 bits, of which the lowest are zeros: nothing is rounded.
  const auto significand = static_cast<int64_t>(std::ldexp(x, -kFixedPointBaseBits * exponent));
  FixedPointNumber number{BigInt(significand), exponent};
  RETURN_IF_ERROR(CheckRange(number.significand));
  return number;
}

absl::StatusOr<FixedPointNumber> FixedPointCoder::EncodeInt64(int64_t v) const {
  const BigInt value(v);
  RETURN_IF_ERROR(CheckRange(value));
  return FixedPointNumber{value.IsNegative() ? n_ + value : value, 0};
}

absl::StatusOr<BigInt> FixedPointCoder::ToSigned(const BigInt& significand) const {
  if (significand > n_) return InvalidArgumentError("Attempted to decode corrupted number");
  if (significand <= max_int_ && -significand <= max_int_) return significand;
  if (significand >= n_ - max_int_) return significand - n_;
  return OutOfRangeError("Overflow detected in decrypted number");
}

absl::StatusOr<double> FixedPointCoder::DecodeDouble(const FixedPointNumber& number) const {
  ASSIGN_OR_RETURN(const BigInt significand, ToSigned(number.significand));
  return ScaledToDouble(significand, int64_t{kFixedPointBaseBits} * number.exponent);
}

absl::StatusOr<float> FixedPointCoder::DecodeFloat(const FixedPointNumber& number) const {
  ASSIGN_OR_RETURN(const double value, DecodeDouble(number));
  const auto narrow = static_cast<float>(value);
  if (std::isfinite(narrow)) return narrow;
  return OutOfRangeError("the fixed-point number {} is too large for a float", value);
}

absl::StatusOr<int64_t> FixedPointCoder::DecodeInt64(const FixedPointNumber& number) const {
  ASSIGN_OR_RETURN(const BigInt significand, ToSigned(number.significand));
  const int64_t shift = int64_t{kFixedPointBaseBits} * number.exponent;
  if (significand.IsZero()) return 0;
  if (significand.BitLength() + shift <= 127) {
    const BigInt low = Shifted(significand, shift).Mod(BigInt::PowerOfTwo(64));
    return static_cast<int64_t>(mpz_get_ui(low.mpz()));
  }
  return OutOfRangeError("Overflow: a fixed-point number of {} bits times 16^{} exceeds 128 bits",
                         significand.BitLength(), number.exponent);
}

absl::StatusOr<int32_t> FixedPointCoder::DecodeInt32(const FixedPointNumber& number) const {
  ASSIGN_OR_RETURN(const double value, DecodeDouble(number));
  const double truncated = std::trunc(value);
  if (truncated >= std::numeric_limits<int32_t>::min() &&
      truncated <= std::numeric_limits<int32_t>::max()) {
    return static_cast<int32_t>(truncated);
  }
  return OutOfRangeError("Overflow: the fixed-point number {} exceeds 32 bits", value);
}

absl::StatusOr<FixedPointNumber> FixedPointCoder::AlignTo(const FixedPointNumber& number,
                                                          int32_t exponent) const {
  const int64_t difference = int64_t{number.exponent} - exponent;
  if (difference < 0) {
    return InvalidArgumentError("a number of exponent {} has no exact form at exponent {}",
                                number.exponent, exponent);
  }
  ASSIGN_OR_RETURN(const BigInt significand, ToSigned(number.significand));
  if (significand.IsZero()) return FixedPointNumber{significand, exponent};
  if (significand.BitLength() + kFixedPointBaseBits * difference > n_.BitLength()) {
    return OutOfRangeError(
        "Overflow: a number of {} bits at exponent {} does not fit into {} bits at exponent {}",
        significand.BitLength(), number.exponent, n_.BitLength(), exponent);
  }
  FixedPointNumber aligned{Shifted(significand, kFixedPointBaseBits * difference), exponent};
  RETURN_IF_ERROR(CheckRange(aligned.significand));
  return aligned;
}

}  // namespace fate::crypto
