#include "transfer_queue/sequence_set.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"

namespace fate::transfer_queue {

SequenceSet::Seen SequenceSet::Check(uint64_t number) const {
  if (number <= forgotten_) return Seen::kForgotten;
  // Nearly always the next one, or the last one once more.
  for (auto range = ranges_.rbegin(); range != ranges_.rend(); ++range) {
    if (number > range->second) return Seen::kNew;
    if (number >= range->first) return Seen::kTaken;
  }
  return Seen::kNew;
}

void SequenceSet::Add(uint64_t number) {
  auto next = std::find_if(ranges_.begin(), ranges_.end(),
                           [number](const Range& range) { return range.first > number; });
  bool joins_next = next != ranges_.end() && next->first == number + 1;
  bool joins_last = next != ranges_.begin() && std::prev(next)->second + 1 == number;
  if (joins_next && joins_last) {
    std::prev(next)->second = next->second;
    ranges_.erase(next);
  } else if (joins_next) {
    next->first = number;
  } else if (joins_last) {
    std::prev(next)->second = number;
  } else {
    ranges_.insert(next, {number, number});
  }
  if (ranges_.size() > kMaxRanges) {
    forgotten_ = ranges_.front().second;
    ranges_.erase(ranges_.begin());
  }
}

void SequenceSet::Remove(uint64_t number) {
  auto range = std::find_if(ranges_.begin(), ranges_.end(), [number](const Range& range) {
    return range.first <= number && number <= range.second;
  });
  if (range == ranges_.end()) return;
  auto [first, last] = *range;
  range = ranges_.erase(range);
  if (number < last) range = ranges_.insert(range, {number + 1, last});
  if (first < number) ranges_.insert(range, {first, number - 1});
}

std::string SequenceSet::ToText() const {
  std::string text = std::to_string(forgotten_);
  for (auto [first, last] : ranges_) text += fmt::format(" {}-{}", first, last);
  return text;
}

std::optional<SequenceSet> SequenceSet::Parse(std::string_view text) {
  auto words = Split(text, ' ');
  SequenceSet set;
  auto forgotten = ParseInt<uint64_t>(words[0]);
  if (!forgotten || words.size() > kMaxRanges + 1) return std::nullopt;
  set.forgotten_ = *forgotten;
  uint64_t end = *forgotten;
  for (size_t i = 1; i < words.size(); ++i) {
    auto ends = Split(words[i], '-');
    if (ends.size() != 2) return std::nullopt;
    auto first = ParseInt<uint64_t>(ends[0]), last = ParseInt<uint64_t>(ends[1]);
    if (!first || !last || *first <= end || *last < *first) return std::nullopt;
    set.ranges_.push_back({*first, *last});
    end = *last;
  }
  return set;
}

}  // namespace fate::transfer_queue
