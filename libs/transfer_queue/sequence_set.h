#pragma once

// Which numbers of one producer have been taken: what a queue remembers to tell a repeated push
// from a new one. Numbers may come in any order; those that never come leave gaps. When there are
// too many gaps the lowest are closed, and what lies below is neither new nor known.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fate::transfer_queue {

class SequenceSet {
 public:
  static constexpr size_t kMaxRanges = 64;
  enum class Seen { kNew, kTaken, kForgotten };

  Seen Check(uint64_t number) const;
  void Add(uint64_t number);     // one that is kNew
  void Remove(uint64_t number);  // one that is kTaken

  // The highest one taken, 0 if there is none; was each from `number` up to it taken?
  uint64_t last() const { return ranges_.empty() ? forgotten_ : ranges_.back().second; }
  bool HasAllFrom(uint64_t number) const {
    return ranges_.empty() ? forgotten_ == 0 : ranges_.size() == 1 && ranges_[0].first <= number;
  }

  // "5 7-9 12-12": the highest forgotten number, then the ranges.
  std::string ToText() const;
  static std::optional<SequenceSet> Parse(std::string_view text);

 private:
  using Range = std::pair<uint64_t, uint64_t>;  // both ends belong to it
  uint64_t forgotten_ = 0;
  std::vector<Range> ranges_;  // ascending, with a gap between any two
};

}  // namespace fate::transfer_queue
