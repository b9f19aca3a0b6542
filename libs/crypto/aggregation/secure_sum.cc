#include "crypto/aggregation/secure_sum.h"

#include <bit>
#include <cmath>
#include <numeric>

#include "base/status.h"
#include "crypto/prng/chacha.h"

namespace fate::crypto {
namespace {

// With the masks of 10^8 clients on top, integers stay exact in a double's 53 bits.
constexpr double kMaxMagnitude = 0x1p51;

constexpr size_t kGrain = 4096;  // draws of one part: setting the generator up costs a few

bool IsWeight(double weight) { return weight > 0 && std::isfinite(weight); }

}  // namespace

double MaskDraw(uint64_t word) {
  const double from_1_to_2 = std::bit_cast<double>(uint64_t{0x3ff} << 52 | word >> 12);
  const double scaled = (from_1_to_2 - 1.0) * 2e7;
  return scaled - 1e7;
}

absl::StatusOr<Masker> Masker::Create(int rank, std::map<int, SharedSecret> secrets) {
  if (secrets.empty()) {
    return InvalidArgumentError(
        "client {} shares a secret with no other client: nothing would mask its values", rank);
  }
  if (secrets.contains(rank)) {
    return InvalidArgumentError("client {} cannot share a secret with itself", rank);
  }
  return Masker(rank, std::move(secrets));
}

absl::StatusOr<MaskedArray> Masker::Mask(std::span<const double> values, double weight,
                                         const Parallel& parallel) {
  MaskedArray masked{std::vector<double>(values.size()), std::vector<double>(values.size())};
  for (size_t i = 0; i < values.size(); ++i) {
    const double weighted = values[i] * weight;
    if (!(std::abs(weighted) < kMaxMagnitude)) {
      return InvalidArgumentError(
          "value {} of the array, {} times weight {}, cannot be masked: its magnitude must be "
          "below 2^51; scale or clip the values first",
          i, values[i], weight);
    }
    masked.integers[i] = static_cast<double>(static_cast<int64_t>(weighted));
    masked.fractions[i] = weighted - masked.integers[i];
  }
  parallel.For(values.size(), kGrain,
               [&](size_t begin, size_t end) { AddMasks(begin, end, masked); });
  draws_ += values.size();
  return masked;
}

void Masker::AddMasks(size_t begin, size_t end, MaskedArray& masked) const {
  for (const auto& [other, secret] : secrets_) {
    ChaCha20 words(secret.bytes, 2 * (draws_ + begin));
    const double sign = other < rank_ ? 1.0 : -1.0;
    for (size_t i = begin; i < end; ++i) {
      const double draw = MaskDraw(words.Next64());
      const auto integer = static_cast<double>(static_cast<int64_t>(draw));
      masked.fractions[i] += sign * (draw - integer);
      masked.integers[i] += sign * integer;
    }
  }
}

absl::Status ArraySum::Add(std::span<const std::span<const double>> arrays) {
  if (is_first_) {
    for (const auto& array : arrays) arrays_.emplace_back(array.begin(), array.end());
    is_first_ = false;
    return absl::OkStatus();
  }
  if (arrays.size() != arrays_.size()) {
    return InvalidArgumentError("a client sent {} arrays, the first one {}", arrays.size(),
                                arrays_.size());
  }
  for (size_t k = 0; k < arrays.size(); ++k) {
    if (arrays[k].size() != arrays_[k].size()) {
      return InvalidArgumentError("array {} of a client has {} values, that of the first one {}", k,
                                  arrays[k].size(), arrays_[k].size());
    }
  }
  for (size_t k = 0; k < arrays.size(); ++k) {
    for (size_t i = 0; i < arrays[k].size(); ++i) arrays_[k][i] += arrays[k][i];
  }
  return absl::OkStatus();
}

absl::Status MaskedSum::Add(std::span<const MaskedArray> arrays, std::optional<double> weight) {
  if (weight.has_value() && !IsWeight(*weight)) {
    return InvalidArgumentError("a client's weight is {}; it must be a positive number", *weight);
  }
  if (clients_ > 0 && weight.has_value() != total_weight_.has_value()) {
    return InvalidArgumentError(
        "some clients sent a weight and others none; set the same aggregate type at all");
  }
  std::vector<std::span<const double>> fractions, integers;
  for (const MaskedArray& array : arrays) {
    if (array.fractions.size() != array.integers.size()) {
      return InvalidArgumentError("a client's array has {} fractions and {} integer parts",
                                  array.fractions.size(), array.integers.size());
    }
    fractions.emplace_back(array.fractions);
    integers.emplace_back(array.integers);
  }
  RETURN_IF_ERROR(fractions_.Add(fractions));
  RETURN_IF_ERROR(integers_.Add(integers));
  if (weight.has_value()) total_weight_ = total_weight_.value_or(0) + *weight;
  ++clients_;
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::vector<double>>> MaskedSum::Finish() const {
  if (clients_ == 0) return FailedPreconditionError("no client has sent its arrays yet");
  std::vector<std::vector<double>> sums = fractions_.arrays();
  const double divisor = total_weight_.value_or(1.0);
  for (size_t k = 0; k < sums.size(); ++k) {
    for (size_t i = 0; i < sums[k].size(); ++i) {
      sums[k][i] = (sums[k][i] + integers_.arrays()[k][i]) / divisor;
    }
  }
  return sums;
}

absl::StatusOr<std::vector<double>> ClientWeights(AggregateMode mode,
                                                  std::span<const double> samples) {
  std::vector<double> weights(samples.size(), 1.0);
  if (mode == AggregateMode::kWeightedMean) weights.assign(samples.begin(), samples.end());
  for (size_t i = 0; i < weights.size(); ++i) {
    if (!IsWeight(weights[i])) {
      return InvalidArgumentError(
          "client {} has {} samples; a weighted mean needs a positive count", i, weights[i]);
    }
  }
  if (mode == AggregateMode::kSum) return weights;
  const double total = std::accumulate(weights.begin(), weights.end(), 0.0);
  for (double& weight : weights) weight /= total;
  return weights;
}

}  // namespace fate::crypto
