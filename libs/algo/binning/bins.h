#pragma once

// Bins of one column and what lies in them. Plain values, no I/O.

#include <cstdint>
#include <string>
#include <vector>

namespace fate::algo {

// Which columns are binned: `index` counts the frame's columns.
struct BinnedColumn {
  std::string name;
  std::string anonymous_name;
  uint32_t index = 0;
  bool is_category = false;
};

struct Bins {
  // Ascending. Bin i of a number holds boundaries[i-1] < v <= boundaries[i], the last one
  // everything above. A category's bin i holds boundaries[i] only.
  std::vector<double> boundaries;
  bool is_category = false;

  size_t size() const { return boundaries.size(); }
  // -1 for NaN and for a category that training did not see.
  int Of(double value) const;
};

// Ranks (1 = smallest) of the quantiles k/n, k = 1..n, among `count` values:
// max(1, floor(phi count)), with phi computed as upstream does, k * (1/n) and 1.0 for k = n.
std::vector<uint64_t> QuantileRanks(int n_bins, uint64_t count);

// min + i (max - min) / n for i = 1..n-1, then max.
std::vector<double> EqualWidthBoundaries(double min, double max, int n_bins);

struct BinCounts {
  std::vector<int64_t> sizes;   // rows in each bin
  std::vector<int64_t> events;  // of them, rows with label 1
};

// How the weight of evidence treats a bin without events or without non-events.
enum class WoeDefinition {
  kFate1,   // FATE 1.11.3: both counts get the adjustment; every bin counts
  kFate22,  // FATE 2.2: the rate of 0 gets it; the column's iv leaves the first bin out
};

struct ColumnMetrics {
  std::vector<int64_t> event_count, non_event_count;
  std::vector<double> event_rate, non_event_rate, woe, iv_array;
  double iv = 0;
  bool is_monotonic = false;  // woe never falls or never rises
};

// spec/federated-algorithms.md 10.1. Totals of 0 count as 1.
ColumnMetrics ComputeMetrics(const BinCounts& counts, WoeDefinition definition, double adjustment);

}  // namespace fate::algo
