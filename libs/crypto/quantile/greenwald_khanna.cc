#include "crypto/quantile/greenwald_khanna.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

bool IsBefore(const QuantileTuple& a, const QuantileTuple& b) { return a.value < b.value; }

// Rust's `as usize`, which keeps to the type's range.
uint64_t Truncated(double value) {
  return value < 0x1p64 ? static_cast<uint64_t>(value) : ~uint64_t{0};
}

absl::Status CheckEpsilon(double epsilon) {
  if (epsilon > 0 && epsilon <= 0.5) return absl::OkStatus();
  return InvalidArgumentError("a quantile summary's error is {}; it must be above 0, at most 0.5",
                              epsilon);
}

// Counts are doubles in places; no stream comes near this.
constexpr uint64_t kMaxCount = uint64_t{1} << 53;

// Tuples that have lived through the same doublings of the stream. Bands beyond a capacity come
// from merging (FATE stops there); such a tuple counts as the newest.
int Band(uint64_t delta, uint64_t capacity) {
  return delta >= capacity ? 0 : std::bit_width(capacity - delta + 1) - 1;
}

}  // namespace

absl::StatusOr<GreenwaldKhanna> GreenwaldKhanna::Create(double epsilon) {
  RETURN_IF_ERROR(CheckEpsilon(epsilon));
  return GreenwaldKhanna({{}, epsilon, 0});
}

absl::StatusOr<GreenwaldKhanna> GreenwaldKhanna::From(QuantileSummary summary) {
  RETURN_IF_ERROR(CheckEpsilon(summary.epsilon));
  if (summary.n > kMaxCount) {
    return InvalidArgumentError("a quantile summary claims {} values", summary.n);
  }
  uint64_t total = 0;
  for (size_t i = 0; i < summary.tuples.size(); ++i) {
    const QuantileTuple& tuple = summary.tuples[i];
    if (std::isnan(tuple.value) || (i > 0 && IsBefore(tuple, summary.tuples[i - 1]))) {
      return InvalidArgumentError("tuple {} of a quantile summary is out of order", i);
    }
    if (tuple.g == 0 || tuple.g > summary.n - total || tuple.delta > kMaxCount) {
      return InvalidArgumentError(
          "tuple {} of a quantile summary stands for {} values with an uncertainty of {}; the "
          "summary has {} values",
          i, tuple.g, tuple.delta, summary.n);
    }
    total += tuple.g;
  }
  if (total != summary.n) {
    return InvalidArgumentError("the tuples of a quantile summary count {} of its {} values", total,
                                summary.n);
  }
  return GreenwaldKhanna(std::move(summary));
}

uint64_t GreenwaldKhanna::Capacity(uint64_t n) const {
  return Truncated(2.0 * summary_.epsilon * static_cast<double>(n));
}

absl::Status GreenwaldKhanna::Insert(std::span<const double> values) {
  if (std::any_of(values.begin(), values.end(), [](double value) { return std::isnan(value); })) {
    return InvalidArgumentError(
        "a NaN has no quantile; leave missing values out of the column or fill them");
  }
  if (values.size() > kMaxCount - summary_.n) {
    return InvalidArgumentError("a quantile summary of {} values is full", summary_.n);
  }
  const uint64_t period = Truncated(1.0 / (2.0 * summary_.epsilon));
  while (!values.empty()) {
    const size_t count = std::min<uint64_t>(values.size(), period - summary_.n % period);
    InsertUncompressed(values.first(count));
    if (summary_.n % period == 0) Compress();
    values = values.subspan(count);
  }
  return absl::OkStatus();
}

// Same as one by one, each behind what is not greater: a tuple's delta depends on how many came
// before it and on whether it was an extreme then, its place on its value alone.
void GreenwaldKhanna::InsertUncompressed(std::span<const double> values) {
  std::vector<QuantileTuple>& tuples = summary_.tuples;
  const auto old = static_cast<std::ptrdiff_t>(tuples.size());
  double least = tuples.empty() ? values[0] : tuples.front().value;
  double greatest = tuples.empty() ? values[0] : tuples.back().value;
  for (const double value : values) {
    const bool is_extreme = value < least || value >= greatest;
    tuples.push_back({value, 1, is_extreme ? 0 : Capacity(summary_.n)});
    least = std::min(least, value);
    greatest = std::max(greatest, value);
    ++summary_.n;
  }
  std::stable_sort(tuples.begin() + old, tuples.end(), IsBefore);
  std::inplace_merge(tuples.begin(), tuples.begin() + old, tuples.end(), IsBefore);
}

// From the last tuple but one down to the second, each that its successor has room for goes into
// it. Written from the back, in place.
void GreenwaldKhanna::Compress() {
  std::vector<QuantileTuple>& tuples = summary_.tuples;
  if (tuples.size() < 3) return;
  const uint64_t capacity = Capacity(summary_.n);
  size_t next = tuples.size() - 1;
  for (size_t i = tuples.size() - 2; i >= 1; --i) {
    const bool has_room = tuples[i].g + tuples[next].g + tuples[next].delta < capacity;
    if (has_room && Band(tuples[i].delta, capacity) <= Band(tuples[next].delta, capacity)) {
      tuples[next].g += tuples[i].g;
    } else {
      tuples[--next] = tuples[i];
    }
  }
  tuples.erase(tuples.begin() + 1, tuples.begin() + static_cast<std::ptrdiff_t>(next));
}

absl::StatusOr<GreenwaldKhanna> GreenwaldKhanna::Merge(const GreenwaldKhanna& other) const {
  if (summary_.epsilon != other.summary_.epsilon) {
    return InvalidArgumentError("quantile summaries with errors {} and {} cannot be merged",
                                summary_.epsilon, other.summary_.epsilon);
  }
  if (summary_.n + other.summary_.n > kMaxCount) {
    return InvalidArgumentError("quantile summaries of {} and {} values are too many to merge",
                                summary_.n, other.summary_.n);
  }
  const std::vector<QuantileTuple>&a = summary_.tuples, &b = other.summary_.tuples;
  const uint64_t added_to_a = Capacity(summary_.n), added_to_b = Capacity(other.summary_.n);
  GreenwaldKhanna merged({{}, summary_.epsilon, summary_.n + other.summary_.n});
  std::vector<QuantileTuple>& tuples = merged.summary_.tuples;
  tuples.reserve(a.size() + b.size());
  size_t i = 0, j = 0;
  while (i < a.size() && j < b.size()) {
    const bool is_a = IsBefore(a[i], b[j]);
    tuples.push_back(is_a ? a[i++] : b[j++]);
    if (is_a && j > 0) tuples.back().delta += added_to_a;
    if (!is_a && i > 0) tuples.back().delta += added_to_b;
  }
  tuples.insert(tuples.end(), a.begin() + static_cast<std::ptrdiff_t>(i), a.end());
  tuples.insert(tuples.end(), b.begin() + static_cast<std::ptrdiff_t>(j), b.end());
  return merged;
}

absl::StatusOr<double> GreenwaldKhanna::Quantile(double phi) const {
  if (!(phi >= 0 && phi <= 1)) {
    return InvalidArgumentError("quantile {} is asked for; it must be from 0 to 1", phi);
  }
  if (summary_.tuples.empty()) {
    return FailedPreconditionError("a quantile of a column without values is asked for");
  }
  const auto n = static_cast<double>(summary_.n);
  const uint64_t last_rank = Truncated(phi * n) + Truncated(summary_.epsilon * n);
  const QuantileTuple* answer = &summary_.tuples.front();
  uint64_t least_rank = answer->g;
  for (size_t i = 1; i < summary_.tuples.size(); ++i) {
    const QuantileTuple& tuple = summary_.tuples[i];
    if (least_rank + tuple.g + tuple.delta > last_rank) break;
    least_rank += tuple.g;
    answer = &tuple;
  }
  return answer->value;
}

}  // namespace fate::crypto
