#include "crypto/quantile/buffered_summary.h"

#include <algorithm>
#include <cmath>

#include "base/status.h"

namespace fate::crypto {
namespace {

// Products with counts are doubles in Python; floor and ceil of them fit.
double Product(double factor, uint64_t count) { return factor * static_cast<double>(count); }

}  // namespace

absl::StatusOr<BufferedSummary> BufferedSummary::Create(const Options& options) {
  if (!(options.epsilon > 0 && options.epsilon <= 0.5)) {
    return InvalidArgumentError("a quantile summary's error is {}; it must be above 0, at most 0.5",
                                options.epsilon);
  }
  if (options.buffered_values == 0) {
    return InvalidArgumentError("a quantile summary must buffer one value or more");
  }
  return BufferedSummary(options);
}

absl::Status BufferedSummary::Insert(std::span<const double> values) {
  for (const double value : values) {
    if (std::isnan(value)) {
      return InvalidArgumentError(
          "a NaN has no quantile; leave missing values out of the column or fill them");
    }
    buffer_.push_back(value);
    if (buffer_.size() < options_.buffered_values) continue;
    Flush();
    if (tuples_.size() >= options_.compressed_tuples) {
      CompressTo(Product(2 * options_.epsilon, count_));
    }
  }
  return absl::OkStatus();
}

void BufferedSummary::Flush() {
  std::sort(buffer_.begin(), buffer_.end());
  std::vector<QuantileTuple> flushed;
  flushed.reserve(tuples_.size() + buffer_.size());
  size_t old = 0;
  for (size_t i = 0; i < buffer_.size(); ++i) {
    while (old < tuples_.size() && tuples_[old].value <= buffer_[i]) {
      flushed.push_back(tuples_[old++]);
    }
    ++count_;
    const bool is_last = old == tuples_.size() && i + 1 == buffer_.size();
    const bool is_extreme = flushed.empty() || is_last;
    const double delta = is_extreme ? 0 : std::floor(Product(2 * options_.epsilon, count_));
    flushed.push_back({buffer_[i], 1, static_cast<uint64_t>(delta)});
  }
  flushed.insert(flushed.end(), tuples_.begin() + static_cast<std::ptrdiff_t>(old), tuples_.end());
  tuples_ = std::move(flushed);
  buffer_.clear();
}

// As GreenwaldKhanna::Compress, without bands; the capacity is no integer here.
void BufferedSummary::CompressTo(double capacity) {
  if (tuples_.size() < 3) return;
  size_t next = tuples_.size() - 1;
  for (size_t i = tuples_.size() - 2; i >= 1; --i) {
    const uint64_t together = tuples_[i].g + tuples_[next].g + tuples_[next].delta;
    if (static_cast<double>(together) < capacity) {
      tuples_[next].g += tuples_[i].g;
    } else {
      tuples_[--next] = tuples_[i];
    }
  }
  tuples_.erase(tuples_.begin() + 1, tuples_.begin() + static_cast<std::ptrdiff_t>(next));
}

void BufferedSummary::CompressBuffer() {
  if (buffer_.empty()) return;
  Flush();
  CompressTo(Product(2 * options_.epsilon, count_));
}

void BufferedSummary::Merge(BufferedSummary other) {
  other.CompressBuffer();
  CompressBuffer();
  if (other.count_ == 0) return;
  if (count_ == 0) {
    *this = std::move(other);
    return;
  }
  std::vector<QuantileTuple> merged(tuples_.size() + other.tuples_.size());
  // Of equal values the other's come first.
  std::merge(other.tuples_.begin(), other.tuples_.end(), tuples_.begin(), tuples_.end(),
             merged.begin(), [](const auto& a, const auto& b) { return a.value < b.value; });
  tuples_ = std::move(merged);
  CompressTo(Product(2 * options_.epsilon, count_));  // with the count of this stream alone
  count_ += other.count_;
}

const std::vector<QuantileTuple>& BufferedSummary::Compressed() {
  CompressBuffer();
  return tuples_;
}

absl::StatusOr<double> BufferedSummary::Quantile(double phi) {
  if (!(phi >= 0 && phi <= 1)) {
    return InvalidArgumentError("quantile {} is asked for; it must be from 0 to 1", phi);
  }
  CompressBuffer();
  if (tuples_.empty()) {
    return FailedPreconditionError("a quantile of a column without values is asked for");
  }
  if (phi <= options_.epsilon) return tuples_.front().value;
  if (phi >= 1 - options_.epsilon) return tuples_.back().value;
  const double rank = std::ceil(Product(phi, count_));
  const double error = std::ceil(Product(options_.epsilon, count_));
  double least_rank = 0;
  for (size_t i = 1; i + 1 < tuples_.size(); ++i) {
    least_rank += static_cast<double>(tuples_[i].g);
    const double greatest_rank = least_rank + static_cast<double>(tuples_[i].delta);
    if (greatest_rank - error <= rank && rank <= least_rank + error) return tuples_[i].value;
  }
  return tuples_.back().value;
}

}  // namespace fate::crypto
