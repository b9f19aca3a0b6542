#pragma once

// The numbers of pushes to queues that are gone, kept for a while: a repetition that comes after
// the release of its session must not begin the queue anew. A producer's pushes up to the highest
// number it had come to are of before the release, those above are new: the session may go on.
//
// Bounded; each producer of a queue costs about 80 bytes, for as long as it is remembered: until
// the time given, and if its queue was released again meanwhile up to twice as long.

#include <cstdint>
#include <deque>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "absl/time/time.h"
#include "transfer_queue/types.h"

namespace fate::transfer_queue {

class ReleasedTopics {
 public:
  explicit ReleasedTopics(size_t most = kMaxReleasedTopics) : most_(most) {}

  // `queue`: whose numbers are also on disk, 0 if they are not. `until` never goes back.
  void Add(const QueueName& name, const std::vector<ProducerRecord>& producers, uint64_t queue,
           absl::Time until);
  // kTaken: it had been stored. kForgotten: it is of before, and may not have been.
  SequenceSet::Seen Check(std::string_view session, std::string_view topic,
                          const Producer& producer) const;
  // Forgets what is old; the queues whose numbers can go from the disk.
  std::vector<uint64_t> Expire(absl::Time now);

  bool HasOnDisk(uint64_t queue) const { return on_disk_.contains(queue); }
  absl::Time NextDeadline() const;
  size_t size() const { return by_age_.size(); }

 private:
  struct Entry {
    absl::Time until;
    uint64_t key = 0;
    uint64_t queue = 0;  // != 0: the last entry of a queue with numbers on disk
  };
  struct Numbers {
    uint64_t last = 0;
    bool whole = true;     // each up to `last` was taken
    bool renewed = false;  // since its entries were made
    uint32_t entries = 0;
  };

  const size_t most_;
  absl::Time newest_ = absl::InfinitePast();  // the last time given
  std::deque<Entry> by_age_;
  std::unordered_map<uint64_t, Numbers> by_key_;  // hash of session, topic and producer
  std::unordered_set<uint64_t> on_disk_;
};

}  // namespace fate::transfer_queue
