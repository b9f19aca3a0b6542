#pragma once

// Quantiles of a stream within epsilon n ranks, in the space of about 1 / (2 epsilon) tuples:
// Greenwald and Khanna (SIGMOD 2001), by the exact rules of FATE 2.x (spec 6.8), so that split
// points agree to the bit with `fate_utils`.
//
//   GreenwaldKhanna column = *GreenwaldKhanna::Create(1e-4);
//   RETURN_IF_ERROR(column.Insert(values));
//   ASSIGN_OR_RETURN(column, column.Merge(other_partition));
//   ASSIGN_OR_RETURN(double median, column.Quantile(0.5));

#include <span>

#include "absl/status/statusor.h"
#include "crypto/quantile/quantile_summary.h"

namespace fate::crypto {

class GreenwaldKhanna {
 public:
  // 0 < epsilon <= 0.5.
  static absl::StatusOr<GreenwaldKhanna> Create(double epsilon);
  // Goes on with what a peer sent. Error: kInvalidArgument when values are not in order, or
  // counts do not add up.
  static absl::StatusOr<GreenwaldKhanna> From(QuantileSummary summary);

  // Error: kInvalidArgument, and nothing is inserted, when one is NaN, which has no rank. Long
  // runs cost a sort and one pass over the tuples in every 1 / (2 epsilon) values, about 100 ns
  // each; a call costs such a pass too.
  absl::Status Insert(std::span<const double> values);

  // Both streams in one. Error: kInvalidArgument when their epsilons differ.
  absl::StatusOr<GreenwaldKhanna> Merge(const GreenwaldKhanna& other) const;

  // 0 <= phi <= 1. A value whose rank is phi n, give or take epsilon n; while nothing was
  // compressed, the sorted stream's element of index max(0, floor(phi n) - 1).
  // Errors: kInvalidArgument; kFailedPrecondition when nothing was inserted.
  absl::StatusOr<double> Quantile(double phi) const;

  const QuantileSummary& summary() const { return summary_; }

 private:
  explicit GreenwaldKhanna(QuantileSummary summary) : summary_(std::move(summary)) {}
  uint64_t Capacity(uint64_t n) const;  // floor(2 epsilon n)
  void InsertUncompressed(std::span<const double> values);
  void Compress();

  QuantileSummary summary_;
};

}  // namespace fate::crypto
