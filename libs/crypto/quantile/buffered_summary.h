#pragma once

// The quantile summary of FATE 1.x (spec 6.8): Greenwald and Khanna's with a buffer before it,
// after Spark's QuantileSummaries. Same answers as 1.11's Python class, but for a loss that is not
// copied: there a full buffer drops the tuples above its largest value.

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "crypto/quantile/quantile_summary.h"

namespace fate::crypto {

class BufferedSummary {
 public:
  struct Options {
    double epsilon = 1e-4;  // 1e-3 in 1.3.0
    size_t buffered_values = 10'000;
    size_t compressed_tuples = 10'000;  // as many or more are compressed when the buffer is full
  };

  // 0 < epsilon <= 0.5, one buffered value or more.
  static absl::StatusOr<BufferedSummary> Create(const Options& options);

  // Error: kInvalidArgument for a NaN; values before it are in.
  absl::Status Insert(std::span<const double> values);

  // Both streams in one, with this one's options. Not a symmetric operation.
  void Merge(BufferedSummary other);

  // 0 <= phi <= 1. While nothing was compressed, the sorted stream's element of index
  // ceil(phi n) - 1 (the first for phi <= epsilon, the last for phi >= 1 - epsilon).
  // Errors: kInvalidArgument; kFailedPrecondition when nothing was inserted.
  absl::StatusOr<double> Quantile(double phi);

  // Empties the buffer. The tuples are valid until the next change.
  const std::vector<QuantileTuple>& Compressed();

  uint64_t count() const { return count_ + buffer_.size(); }

 private:
  explicit BufferedSummary(const Options& options) : options_(options) {}
  void Flush();
  void CompressTo(double capacity);
  void CompressBuffer();

  Options options_;
  std::vector<double> buffer_;
  std::vector<QuantileTuple> tuples_;
  uint64_t count_ = 0;  // values in tuples_
};

}  // namespace fate::crypto
