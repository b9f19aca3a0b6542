#include "egg/sorted_pairs.h"

#include <algorithm>
#include <utility>

#include "base/status.h"
#include "wire/pair_batch.h"

namespace fate::egg {

absl::Status SortedPairs::Add(std::string batch) {
  held_bytes_ += batch.size();
  batches_.push_back(std::make_unique<std::string>(std::move(batch)));
  ASSIGN_OR_RETURN(auto reader, wire::PairBatchReader::Open(*batches_.back()));
  while (reader.Next()) {
    pairs_.push_back({reader.key(), reader.value()});
    held_bytes_ += sizeof(Pair);
  }
  RETURN_IF_ERROR(reader.status());
  return held_bytes_ < kRunBytes ? absl::OkStatus() : Flush();
}

absl::Status SortedPairs::Flush() {
  std::ranges::stable_sort(pairs_, {}, &Pair::key);
  for (const Pair& pair : pairs_) RETURN_IF_ERROR(store_(pair.key, pair.value));
  pairs_.clear();
  batches_.clear();
  held_bytes_ = 0;
  return absl::OkStatus();
}

}  // namespace fate::egg
