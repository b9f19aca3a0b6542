#include "quantile/summary.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "base/status.h"

namespace fate::quantile {
namespace {

constexpr size_t kTupleBytes = 24;

// Which of the paper's bands a delta lies in; p = floor(2 epsilon n).
uint64_t Band(uint64_t delta, uint64_t p) {
  if (delta > p) return 0;
  return static_cast<uint64_t>(std::log(static_cast<double>(p - delta + 1)) / std::log(2.0));
}

template <typename T>
void Put(std::string& bytes, T value) {
  static_assert(sizeof(T) == 8 && std::endian::native == std::endian::little);
  bytes.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

template <typename T>
T Take(std::string_view& bytes) {
  T value;
  std::memcpy(&value, bytes.data(), sizeof(value));
  bytes.remove_prefix(sizeof(value));
  return value;
}

absl::Status Corrupt(std::string_view what) {
  return InvalidArgumentError(
      "the bytes of a quantile summary are corrupt ({}); send what FATE's GKSummary pickles", what);
}

}  // namespace

absl::StatusOr<QuantileSummary> QuantileSummary::Create(double epsilon) {
  if (!(epsilon >= 0 && epsilon <= 0.5)) {
    return InvalidArgumentError("a quantile summary's error is {}; it must lie in [0, 0.5]",
                                epsilon);
  }
  return QuantileSummary(epsilon);
}

uint64_t QuantileSummary::ErrorTimesTwo(uint64_t n) const {
  return static_cast<uint64_t>(2.0 * epsilon_ * static_cast<double>(n));
}

absl::Status QuantileSummary::Insert(std::span<const double> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (std::isnan(values[i])) {
      return InvalidArgumentError(
          "value {} of {} is not a number and has no rank; drop missing values before the summary",
          i, values.size());
    }
  }
  for (double value : values) InsertOne(value);
  return absl::OkStatus();
}

void QuantileSummary::InsertOne(double value) {
  const auto place = std::upper_bound(tuples_.begin(), tuples_.end(), value,
                                      [](double v, const Tuple& t) { return v < t.value; });
  const bool is_extreme = place == tuples_.begin() || place == tuples_.end();
  tuples_.insert(place, {value, 1, is_extreme ? 0 : ErrorTimesTwo(n_)});
  ++n_;
  if (epsilon_ == 0) return;
  const double period = std::floor(1.0 / (2.0 * epsilon_));
  if (period < 0x1p63 && n_ % static_cast<uint64_t>(period) == 0) Compress();
}

// Merges tuples into their right neighbour from the end; keeps both extremes.
void QuantileSummary::Compress() {
  if (tuples_.size() < 3) return;
  const uint64_t p = ErrorTimesTwo(n_);
  size_t kept = tuples_.size() - 1;  // tuples_[kept] is the neighbour
  for (size_t i = kept; i-- > 1;) {
    Tuple& next = tuples_[kept];
    const Tuple& tuple = tuples_[i];
    if (tuple.g + next.g + next.delta < p && Band(tuple.delta, p) <= Band(next.delta, p)) {
      next.g += tuple.g;
    } else {
      tuples_[--kept] = tuple;
    }
  }
  tuples_.erase(tuples_.begin() + 1, tuples_.begin() + static_cast<ptrdiff_t>(kept));
}

absl::StatusOr<QuantileSummary> QuantileSummary::Merge(const QuantileSummary& other) const {
  if (epsilon_ != other.epsilon_) {
    return InvalidArgumentError(
        "quantile summaries with errors {} and {} cannot be merged; make both with one error",
        epsilon_, other.epsilon_);
  }
  QuantileSummary sum(epsilon_);
  sum.n_ = n_ + other.n_;
  sum.tuples_.reserve(tuples_.size() + other.tuples_.size());
  const uint64_t own_widening = ErrorTimesTwo(n_), other_widening = ErrorTimesTwo(other.n_);
  auto mine = tuples_.begin(), theirs = other.tuples_.begin();
  while (mine != tuples_.end() && theirs != other.tuples_.end()) {
    const bool take_mine = mine->value < theirs->value;
    sum.tuples_.push_back(take_mine ? *mine : *theirs);
    if (take_mine && theirs != other.tuples_.begin()) sum.tuples_.back().delta += own_widening;
    if (!take_mine && mine != tuples_.begin()) sum.tuples_.back().delta += other_widening;
    ++(take_mine ? mine : theirs);
  }
  sum.tuples_.insert(sum.tuples_.end(), mine, tuples_.end());
  sum.tuples_.insert(sum.tuples_.end(), theirs, other.tuples_.end());
  return sum;
}

absl::StatusOr<double> QuantileSummary::Query(double phi) const {
  if (!(phi >= 0 && phi <= 1)) {
    return InvalidArgumentError("there is no quantile {}; ask for one in [0, 1]", phi);
  }
  if (tuples_.empty()) {
    return InvalidArgumentError("a summary without numbers has no quantile {}; insert some", phi);
  }
  const double n = static_cast<double>(n_);
  const uint64_t reach = static_cast<uint64_t>(phi * n) + static_cast<uint64_t>(epsilon_ * n);
  uint64_t least_rank = tuples_[0].g;
  for (size_t i = 1; i < tuples_.size(); ++i) {
    if (least_rank + tuples_[i].g + tuples_[i].delta > reach) return tuples_[i - 1].value;
    least_rank += tuples_[i].g;
  }
  return tuples_.back().value;
}

std::string QuantileSummary::Serialize() const {
  std::string bytes;
  bytes.reserve(8 + tuples_.size() * kTupleBytes + 16);
  Put<uint64_t>(bytes, tuples_.size());
  for (const Tuple& tuple : tuples_) {
    Put(bytes, tuple.value);
    Put(bytes, tuple.g);
    Put(bytes, tuple.delta);
  }
  Put(bytes, epsilon_);
  Put(bytes, n_);
  return bytes;
}

absl::StatusOr<QuantileSummary> QuantileSummary::Parse(std::string_view bytes) {
  if (bytes.size() < 24) return Corrupt("too short");
  const uint64_t count = Take<uint64_t>(bytes);
  if (count != (bytes.size() - 16) / kTupleBytes || (bytes.size() - 16) % kTupleBytes != 0) {
    return Corrupt("its length does not fit its count");
  }
  QuantileSummary summary(0);
  summary.tuples_.reserve(count);
  for (uint64_t i = 0; i < count; ++i) {
    const auto value = Take<double>(bytes);
    const auto g = Take<uint64_t>(bytes);
    summary.tuples_.push_back({value, g, Take<uint64_t>(bytes)});
  }
  summary.epsilon_ = Take<double>(bytes);
  summary.n_ = Take<uint64_t>(bytes);
  RETURN_IF_ERROR(summary.Check());
  return summary;
}

absl::Status QuantileSummary::Check() const {
  constexpr uint64_t kMostNumbers = uint64_t{1} << 53;  // so that ranks are exact as doubles
  if (!(epsilon_ >= 0 && epsilon_ <= 0.5)) return Corrupt("its error is not in [0, 0.5]");
  if (n_ > kMostNumbers) return Corrupt("it counts more than 2^53 numbers");
  uint64_t rank = 0;
  double last = -std::numeric_limits<double>::infinity();
  for (const Tuple& tuple : tuples_) {
    if (!(tuple.value >= last)) return Corrupt("its values do not rise");
    if (tuple.g == 0 || tuple.g > n_ - rank) return Corrupt("its ranks exceed its count");
    if (tuple.delta > 2 * n_) return Corrupt("a rank is less certain than anything");
    last = tuple.value;
    rank += tuple.g;
  }
  return rank == n_ ? absl::OkStatus() : Corrupt("its ranks do not add up to its count");
}

}  // namespace fate::quantile
