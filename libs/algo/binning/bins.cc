#include "algo/binning/bins.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace fate::algo {
namespace {

bool IsMonotonic(const std::vector<double>& values) {
  return std::is_sorted(values.begin(), values.end()) ||
         std::is_sorted(values.rbegin(), values.rend());
}

int64_t Total(const std::vector<int64_t>& counts) {
  const int64_t total = std::accumulate(counts.begin(), counts.end(), int64_t{0});
  return total == 0 ? 1 : total;
}

}  // namespace

int Bins::Of(double value) const {
  if (std::isnan(value)) return -1;
  const auto it = std::lower_bound(boundaries.begin(), boundaries.end(), value);
  const int bin = static_cast<int>(it - boundaries.begin());
  if (is_category) return it != boundaries.end() && *it == value ? bin : -1;
  return std::min(bin, static_cast<int>(boundaries.size()) - 1);
}

std::vector<uint64_t> QuantileRanks(int n_bins, uint64_t count) {
  std::vector<uint64_t> ranks;
  const double step = 1.0 / n_bins;
  for (int k = 1; k <= n_bins; ++k) {
    const double phi = k == n_bins ? 1.0 : k * step;
    const auto rank = static_cast<uint64_t>(std::floor(phi * static_cast<double>(count)));
    ranks.push_back(std::clamp<uint64_t>(rank, 1, count));
  }
  return ranks;
}

std::vector<double> EqualWidthBoundaries(double min, double max, int n_bins) {
  std::vector<double> boundaries;
  for (int i = 1; i < n_bins; ++i) boundaries.push_back(min + i * (max - min) / n_bins);
  boundaries.push_back(max);
  return boundaries;
}

ColumnMetrics ComputeMetrics(const BinCounts& counts, WoeDefinition definition, double adjustment) {
  ColumnMetrics result;
  result.event_count = counts.events;
  for (size_t i = 0; i < counts.sizes.size(); ++i) {
    result.non_event_count.push_back(counts.sizes[i] - counts.events[i]);
  }
  const auto events = static_cast<double>(Total(result.event_count));
  const auto non_events = static_cast<double>(Total(result.non_event_count));
  for (size_t i = 0; i < counts.sizes.size(); ++i) {
    auto event = static_cast<double>(result.event_count[i]);
    auto non_event = static_cast<double>(result.non_event_count[i]);
    const bool none_of_one = event == 0 || non_event == 0;
    if (definition == WoeDefinition::kFate1 && none_of_one) {
      event += adjustment;
      non_event += adjustment;
    }
    double event_rate = event / events, non_event_rate = non_event / non_events;
    if (definition == WoeDefinition::kFate22) {
      if (event == 0) event_rate = adjustment;
      if (non_event == 0) non_event_rate = adjustment;
    }
    const double woe = std::log(event_rate / non_event_rate);
    result.event_rate.push_back(event_rate);
    result.non_event_rate.push_back(non_event_rate);
    result.woe.push_back(woe);
    result.iv_array.push_back((event_rate - non_event_rate) * woe);
  }
  const bool drop_first = definition == WoeDefinition::kFate22 && !result.iv_array.empty();
  result.iv = std::accumulate(result.iv_array.begin() + drop_first, result.iv_array.end(), 0.0);
  result.is_monotonic = IsMonotonic(result.woe);
  return result;
}

}  // namespace fate::algo
