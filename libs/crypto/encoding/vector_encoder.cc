#include "crypto/encoding/vector_encoder.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

// Significands leave a bit for the sum of two.
constexpr double kMaxSignificand = 0x1p62;

absl::Status CheckFinite(std::span<const double> values) {
  const auto at = std::find_if_not(values.begin(), values.end(),
                                   [](double value) { return std::isfinite(value); });
  if (at == values.end()) return absl::OkStatus();
  return InvalidArgumentError("{} at index {} has no fixed-point form; remove it or fill it in",
                              *at, at - values.begin());
}

double Maximum(std::span<const double> values) {
  double maximum = 0;
  for (const double value : values) maximum = std::max(maximum, std::abs(value));
  return maximum;
}

}  // namespace

absl::StatusOr<EncodedVector> EncodeAt(std::span<const double> values, int32_t exponent) {
  RETURN_IF_ERROR(CheckFinite(values));
  EncodedVector encoded{std::vector<int64_t>(values.size()), exponent};
  for (size_t i = 0; i < values.size(); ++i) {
    const int shift = -kFixedPointBaseBits * std::clamp(exponent, -1024, 1024);
    const double significand = std::round(std::ldexp(values[i], shift));
    if (std::abs(significand) > kMaxSignificand) {
      return OutOfRangeError(
          "the value at index {} exceeds 2^62 * 16^{}; encode it with a larger "
          "exponent or bound",
          i, exponent);
    }
    encoded.significands[i] = static_cast<int64_t>(significand);
  }
  return encoded;
}

absl::StatusOr<EncodedVector> EncodeWithin(std::span<const double> values, double bound) {
  if (!std::isfinite(bound) || bound <= 0) {
    return InvalidArgumentError("{} bounds no fixed-point numbers; give a finite bound above 0",
                                bound);
  }
  RETURN_IF_ERROR(CheckFinite(values));
  const auto beyond = std::find_if(values.begin(), values.end(),
                                   [bound](double value) { return std::abs(value) > bound; });
  if (beyond != values.end()) {
    return OutOfRangeError("the value at index {} exceeds the bound {}; clip it or raise the bound",
                           beyond - values.begin(), bound);
  }
  return EncodeAt(values, FixedPointExponent(bound));
}

absl::StatusOr<EncodedVector> EncodeByMaximum(std::span<const double> values) {
  RETURN_IF_ERROR(CheckFinite(values));
  return EncodeAt(values, FixedPointExponent(Maximum(values)));
}

}  // namespace fate::crypto
