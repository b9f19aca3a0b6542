#include "algo/binning/order_statistics.h"

#include <algorithm>
#include <bit>
#include <numeric>

namespace fate::algo {
namespace {

constexpr uint64_t kSign = uint64_t{1} << 63;

uint64_t WithoutDigit(uint64_t key, int digit_bits) {
  return digit_bits == 64 ? 0 : key >> digit_bits;
}

}  // namespace

uint64_t OrderedKey(double value) {
  const auto bits = std::bit_cast<uint64_t>(value + 0.0);  // -0.0 becomes 0.0
  return bits & kSign ? ~bits : bits | kSign;
}

double FromOrderedKey(uint64_t key) {
  return std::bit_cast<double>(key & kSign ? key & ~kSign : ~key);
}

std::vector<uint64_t> OrderStatistics::Prefixes(size_t column) const {
  std::vector<uint64_t> prefixes;
  if (known_bits_ == 0) return prefixes;
  for (const Target& target : columns_[column].targets) prefixes.push_back(target.prefix);
  std::sort(prefixes.begin(), prefixes.end());
  prefixes.erase(std::unique(prefixes.begin(), prefixes.end()), prefixes.end());
  return prefixes;
}

void OrderStatistics::Take(int digit_bits, const std::vector<DigitCounts>& counts) {
  for (size_t i = 0; i < columns_.size(); ++i) {
    Column& column = columns_[i];
    if (known_bits_ == 0) {
      for (const auto& [key, count] : counts[i]) column.count += count;
      if (column.count == 0) continue;
      for (const uint64_t rank : ranks_of_(column.count)) column.targets.push_back({0, rank});
    }
    for (Target& target : column.targets) {
      const uint64_t first = digit_bits == 64 ? 0 : target.prefix << digit_bits;
      auto it = counts[i].lower_bound(first);
      if (it == counts[i].end()) continue;  // the cells changed between two passes
      // The last key of the prefix is taken when the ranks are not those of the counts.
      while (target.rank > it->second && std::next(it) != counts[i].end() &&
             WithoutDigit(std::next(it)->first, digit_bits) == target.prefix) {
        target.rank -= it->second;
        ++it;
      }
      target.prefix = it->first;
    }
  }
  known_bits_ += digit_bits;
}

std::vector<double> OrderStatistics::Values(size_t column) const {
  std::vector<double> values;
  for (const Target& target : columns_[column].targets) {
    values.push_back(FromOrderedKey(target.prefix));
  }
  return values;
}

}  // namespace fate::algo
