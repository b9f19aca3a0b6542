#pragma once

// Quantiles of a stream within an error, after Greenwald and Khanna (SIGMOD 2001), number by
// number what FATE 2's GKSummary keeps (spec/federated-algorithms.md 6.8):
//
//   party 1: Insert...  -- Serialize -->  Merge(parts)  -->  Query(0.5)
//
// A summary of n numbers answers with one whose rank is off by at most epsilon n; it holds about
// log2(2 epsilon n) / (2 epsilon) of them. A value; one thread at a time.

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::quantile {

class QuantileSummary {
 public:
  // An epsilon of 0 keeps every number. Error: kInvalidArgument unless 0 <= epsilon <= 0.5.
  static absl::StatusOr<QuantileSummary> Create(double epsilon);

  // Error: kInvalidArgument when one is not a number; then none is inserted.
  absl::Status Insert(std::span<const double> values);
  // This summary's numbers and the other's. Error: kInvalidArgument when the epsilons differ.
  absl::StatusOr<QuantileSummary> Merge(const QuantileSummary& other) const;
  // 0 <= phi <= 1. Error: kInvalidArgument for another phi, or without any number inserted.
  absl::StatusOr<double> Query(double phi) const;

  // FATE's bytes: u64 count of tuples, (f64 value, u64 g, u64 delta) each, f64 epsilon, u64 n,
  // all little-endian. Parse: kInvalidArgument for what no sequence of inserts and merges makes.
  std::string Serialize() const;
  static absl::StatusOr<QuantileSummary> Parse(std::string_view bytes);

  double epsilon() const { return epsilon_; }
  uint64_t count() const { return n_; }
  size_t kept() const { return tuples_.size(); }

 private:
  // g: this value's least rank less that of the one before; delta: its largest less its least.
  struct Tuple {
    double value;
    uint64_t g, delta;
  };

  explicit QuantileSummary(double epsilon) : epsilon_(epsilon) {}
  uint64_t ErrorTimesTwo(uint64_t n) const;
  void InsertOne(double value);
  void Compress();
  absl::Status Check() const;

  double epsilon_;
  uint64_t n_ = 0;
  std::vector<Tuple> tuples_;  // by rising value
};

}  // namespace fate::quantile
