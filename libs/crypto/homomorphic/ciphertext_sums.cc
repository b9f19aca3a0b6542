// Sums, matrix products and histograms of ciphertexts.h.

#include <algorithm>
#include <cstring>

#include "base/status.h"
#include "crypto/homomorphic/checks.h"
#include "crypto/homomorphic/ciphertexts.h"
#include "crypto/ring/invert.h"
#include "crypto/ring/multi_exp.h"
#include "crypto/ring/product.h"
#include "crypto/ring/scatter.h"

namespace fate::crypto {
namespace {

// Several signed weighted sums of some of `bases` at once: each is a product over the terms with
// positive weights, divided by one over those with negative weights.
class SignedSums {
 public:
  SignedSums(const Multipliers& weights, size_t sums) : weights_(weights), terms_(2 * sums) {}

  void Add(size_t sum, size_t base, size_t weight) {
    terms_[2 * sum + (weights_.IsNegative(weight) ? 1 : 0)].push_back(
        {static_cast<uint32_t>(base), static_cast<uint32_t>(weight)});
  }

  absl::StatusOr<Residues> Evaluate(const std::shared_ptr<const Ring>& ring, const uint64_t* bases,
                                    size_t base_count, const Parallel& parallel) const {
    const size_t sums = terms_.size() / 2;
    Residues positive = Zeros(ring, sums), negative = Zeros(ring, sums);
    std::vector<PowerProduct> products;
    bool any_negative = false;
    for (size_t i = 0; i < terms_.size(); ++i) {
      if (terms_[i].empty()) continue;
      any_negative |= i % 2 == 1;
      products.push_back({i % 2 == 0 ? positive[i / 2] : negative[i / 2], terms_[i]});
    }
    MultiplyPowers(*ring, bases, base_count, weights_.magnitudes(), products, parallel);
    if (!any_negative) return positive;
    return Subtract(positive, negative, parallel);
  }

 private:
  const Multipliers& weights_;
  std::vector<std::vector<PowerTerm>> terms_;  // [2 * sum + is negative]
};

// A product of matrices as lines: the rows of a from the left or its columns, `inner` bases each,
// of which `outputs` sums are made with different weights.
struct Lines {
  size_t lines, inner, outputs;
  size_t base_line, base_step;      // base index = line * base_line + term * base_step
  size_t weight_line, weight_step;  // of an output: output * weight_line + term * weight_step
  size_t out_line, out_step;        // line * out_line + output * out_step
};

// Terms and bases of one evaluation, so that lists and tables stay small.
constexpr size_t kMaxTerms = size_t{1} << 20;
constexpr size_t kMaxBases = 1024;

// Lines [first, first + lines), outputs [from, to) of each.
absl::Status MultiplyLines(const Lines& shape, size_t first, size_t lines, size_t from, size_t to,
                           const Residues& a, const Multipliers& plain, Residues& out,
                           const Parallel& parallel) {
  const Ring& ring = a.ring();
  const size_t words = ring.words(), outputs = to - from;
  std::vector<uint64_t> bases(lines * shape.inner * words);
  SignedSums sums(plain, lines * outputs);
  for (size_t line = 0; line < lines; ++line) {
    for (size_t term = 0; term < shape.inner; ++term) {
      const size_t base = line * shape.inner + term;
      const size_t source = (first + line) * shape.base_line + term * shape.base_step;
      std::memcpy(bases.data() + base * words, a[source], words * sizeof(uint64_t));
      for (size_t i = 0; i < outputs; ++i) {
        const size_t weight = (from + i) * shape.weight_line + term * shape.weight_step;
        sums.Add(line * outputs + i, base, weight);
      }
    }
  }
  ASSIGN_OR_RETURN(const Residues result,
                   sums.Evaluate(a.shared_ring(), bases.data(), lines * shape.inner, parallel));
  for (size_t i = 0; i < lines * outputs; ++i) {
    const size_t index =
        (first + i / outputs) * shape.out_line + (from + i % outputs) * shape.out_step;
    std::memcpy(out[index], result[i], words * sizeof(uint64_t));
  }
  return absl::OkStatus();
}

absl::StatusOr<Residues> MultiplyMatrices(const Lines& shape, const Residues& a,
                                          const Multipliers& plain, const Parallel& parallel) {
  Residues out(a.shared_ring(), shape.lines * shape.outputs);
  const size_t outputs = std::clamp(kMaxTerms / shape.inner, size_t{1}, shape.outputs);
  const size_t lines =
      std::clamp(std::min(kMaxTerms / (shape.inner * outputs), kMaxBases / shape.inner), size_t{1},
                 shape.lines);
  for (size_t first = 0; first < shape.lines; first += lines) {
    for (size_t from = 0; from < shape.outputs; from += outputs) {
      RETURN_IF_ERROR(MultiplyLines(shape, first, std::min(lines, shape.lines - first), from,
                                    std::min(from + outputs, shape.outputs), a, plain, out,
                                    parallel));
    }
  }
  return out;
}

absl::Status CheckInner(size_t a, size_t plain, size_t inner) {
  if (inner > 0 && a > 0 && plain > 0 && a % inner == 0 && plain % inner == 0) {
    return absl::OkStatus();
  }
  return InvalidArgumentError(
      "matrices of {} ciphertexts and {} plain numbers have no common dimension {}", a, plain,
      inner);
}

absl::Status CheckStep(size_t step) {
  if (step > 0) return absl::OkStatus();
  return InvalidArgumentError("the step of a sum must be at least 1");
}

}  // namespace

absl::StatusOr<Residues> WeightedSum(const Residues& a, const Multipliers& weights,
                                     const Parallel& parallel) {
  if (weights.size() != a.size() || a.size() == 0) {
    return InvalidArgumentError("a weighted sum of {} ciphertexts with {} weights", a.size(),
                                weights.size());
  }
  SignedSums sum(weights, 1);
  for (size_t i = 0; i < a.size(); ++i) sum.Add(0, i, i);
  return sum.Evaluate(a.shared_ring(), a[0], a.size(), parallel);
}

absl::StatusOr<Residues> MultiplyRight(const Residues& a, const Multipliers& plain, size_t inner,
                                       const Parallel& parallel) {
  RETURN_IF_ERROR(CheckInner(a.size(), plain.size(), inner));
  const size_t columns = plain.size() / inner;
  return MultiplyMatrices({.lines = a.size() / inner,
                           .inner = inner,
                           .outputs = columns,
                           .base_line = inner,
                           .base_step = 1,
                           .weight_line = 1,
                           .weight_step = columns,
                           .out_line = columns,
                           .out_step = 1},
                          a, plain, parallel);
}

absl::StatusOr<Residues> MultiplyLeft(const Multipliers& plain, const Residues& a, size_t inner,
                                      const Parallel& parallel) {
  RETURN_IF_ERROR(CheckInner(a.size(), plain.size(), inner));
  const size_t columns = a.size() / inner;
  return MultiplyMatrices({.lines = columns,
                           .inner = inner,
                           .outputs = plain.size() / inner,
                           .base_line = 1,
                           .base_step = columns,
                           .weight_line = inner,
                           .weight_step = 1,
                           .out_line = 1,
                           .out_step = columns},
                          a, plain, parallel);
}

absl::StatusOr<Residues> Sum(const Residues& a, size_t step, const Parallel& parallel) {
  const Interval all{0, a.size()};
  return SumIntervals(a, {&all, 1}, step, parallel);
}

absl::StatusOr<Residues> SumIntervals(const Residues& a, std::span<const Interval> intervals,
                                      size_t step, const Parallel& parallel) {
  RETURN_IF_ERROR(CheckStep(step));
  if (a.shared_ring() == nullptr) return InvalidArgumentError("the sum of a vector without a key");
  size_t terms = 0;
  for (const Interval& interval : intervals) {
    if (interval.begin > interval.end || interval.end > a.size()) {
      return InvalidArgumentError("interval [{}, {}) does not lie within {} ciphertexts",
                                  interval.begin, interval.end, a.size());
    }
    terms += interval.end - interval.begin;
  }
  Residues sums(a.shared_ring(), intervals.size() * step);
  std::vector<const uint64_t*> factors;
  factors.reserve(terms);
  std::vector<Product> products;
  for (size_t i = 0; i < sums.size(); ++i) {
    const Interval& interval = intervals[i / step];
    const size_t first = factors.size();
    for (size_t at = interval.begin + i % step; at < interval.end; at += step) {
      factors.push_back(a[at]);
    }
    products.push_back({sums[i], nullptr, factors.data() + first, factors.size() - first});
  }
  MultiplyOut(a.ring(), products, parallel);
  return sums;
}

absl::Status CumulativeSum(Residues& a, std::span<const size_t> chunk_sizes, size_t step,
                           const Parallel& parallel) {
  RETURN_IF_ERROR(CheckStep(step));
  std::vector<Sequence> sequences;
  size_t at = 0;
  for (const size_t size : chunk_sizes) {
    RETURN_IF_ERROR(CheckRange(a, at, size));
    for (size_t k = 0; k < std::min(step, size); ++k) {
      sequences.push_back({a[at + k], (size - k + step - 1) / step, step * a.ring().words()});
    }
    at += size;
  }
  if (!sequences.empty()) PrefixProducts(a.ring(), sequences, parallel);
  return absl::OkStatus();
}

absl::StatusOr<Residues> Histogram(const Residues& a, std::span<const int32_t> row_bins,
                                   size_t features, size_t bins, const Parallel& parallel) {
  if (a.size() == 0 || row_bins.size() != a.size() * features) {
    return InvalidArgumentError("a histogram of {} ciphertexts and {} features with {} bin numbers",
                                a.size(), features, row_bins.size());
  }
  std::vector<uint32_t> targets(row_bins.size(), kNoTarget);
  for (size_t i = 0; i < row_bins.size(); ++i) {
    if (row_bins[i] < 0) continue;
    if (static_cast<size_t>(row_bins[i]) >= bins) {
      return InvalidArgumentError("bin {} of row {}, feature {}: there are {} bins", row_bins[i],
                                  i / features, i % features, bins);
    }
    targets[i] = static_cast<uint32_t>(i % features * bins + static_cast<size_t>(row_bins[i]));
  }
  Residues sums = Zeros(a.shared_ring(), features * bins);
  if (sums.size() == 0) return sums;
  Scatter(a.ring(), {a.size(), features, sums.size()}, a[0], targets, sums[0], parallel);
  return sums;
}

absl::Status AddContributions(Residues& sums, const Residues& a,
                              std::span<const Contribution> contributions, size_t stride,
                              const Parallel& parallel) {
  RETURN_IF_ERROR(CheckSameRing(sums, a));
  RETURN_IF_ERROR(CheckStep(stride));
  std::vector<ScatterPair> pairs;
  pairs.reserve(contributions.size());
  for (const Contribution& c : contributions) {
    if (c.source >= a.size() / stride || c.target >= sums.size() / stride) {
      return InvalidArgumentError("no ciphertext {} to add to sum {}: there are {} and {}",
                                  c.source, c.target, a.size() / stride, sums.size() / stride);
    }
    pairs.push_back({c.source, c.target});
  }
  if (pairs.empty()) return absl::OkStatus();
  ScatterPairs(a.ring(), a[0], pairs, stride, sums[0], sums.size() / stride, parallel);
  return absl::OkStatus();
}

}  // namespace fate::crypto
