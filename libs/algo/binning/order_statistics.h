#pragma once

// Exact order statistics of many columns in few passes and bounded memory. Doubles are mapped to
// 64-bit keys in their order; each pass counts the next digit of the keys that still matter, so
// that the keys of the wanted ranks become known digit by digit. A digit of 64 bits finishes in
// one pass and holds every different value (small data); digits of 12 bits take six passes and
// at most 4096 counters for each wanted rank.
//
// With ranks max(1, floor(phi n)) the values are those of an uncompressed Greenwald-Khanna
// summary (spec/federated-algorithms.md 6.8). Plain values, no I/O.

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

namespace fate::algo {

// Ascending with the number; -0.0 counts as 0.0. Not for NaN.
uint64_t OrderedKey(double value);
double FromOrderedKey(uint64_t key);

// Key's leading bits -> how many cells; the leading bits are the known ones and the new digit.
using DigitCounts = std::map<uint64_t, uint64_t>;

class OrderStatistics {
 public:
  // The wanted ranks (1 = smallest) of a column that has `count` cells; not called for 0.
  using RanksOf = std::function<std::vector<uint64_t>(uint64_t count)>;

  OrderStatistics(size_t columns, RanksOf ranks_of)
      : columns_(columns), ranks_of_(std::move(ranks_of)) {}

  bool done() const { return known_bits_ == 64; }
  // What the next pass looks at: cells of `column` whose first known_bits() bits are one of
  // Prefixes(column), in ascending order (no bits yet: every cell).
  int known_bits() const { return known_bits_; }
  std::vector<uint64_t> Prefixes(size_t column) const;
  // The result of a pass whose digit had `digit_bits` bits, one for each column.
  void Take(int digit_bits, const std::vector<DigitCounts>& counts);

  uint64_t count(size_t column) const { return columns_[column].count; }
  // One for each rank; empty for a column without cells.
  std::vector<double> Values(size_t column) const;

 private:
  struct Target {
    uint64_t prefix = 0;
    uint64_t rank = 0;  // among the cells with that prefix
  };
  struct Column {
    uint64_t count = 0;
    std::vector<Target> targets;
  };

  std::vector<Column> columns_;
  RanksOf ranks_of_;
  int known_bits_ = 0;
};

}  // namespace fate::algo
