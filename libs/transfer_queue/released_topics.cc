#include "transfer_queue/released_topics.h"

#include <algorithm>

#include "absl/hash/hash.h"

namespace fate::transfer_queue {
namespace {

// Seeded by the process, so that nobody can choose names that meet.
uint64_t KeyOf(std::string_view session, std::string_view topic, std::string_view producer) {
  const auto view = [](std::string_view text) {
    return absl::string_view(text.data(), text.size());
  };
  return absl::HashOf(view(session), view(topic), view(producer));
}

}  // namespace

void ReleasedTopics::Add(const QueueName& name, const std::vector<ProducerRecord>& producers,
                         uint64_t queue, absl::Time until) {
  newest_ = until;
  for (const ProducerRecord& producer : producers) {
    const uint64_t key = KeyOf(name.session, name.topic, producer.id);
    Numbers& numbers = by_key_[key];
    const bool ends_queue = queue != 0 && &producer == &producers.back();
    numbers.renewed = numbers.entries > 0 && !ends_queue;
    if (!numbers.renewed) {
      ++numbers.entries;
      by_age_.push_back({until, key, ends_queue ? queue : 0});
    }
    numbers.whole = numbers.whole && producer.taken.HasAllFrom(numbers.last + 1);
    numbers.last = std::max(numbers.last, producer.taken.last());
    if (ends_queue) on_disk_.insert(queue);
  }
}

SequenceSet::Seen ReleasedTopics::Check(std::string_view session, std::string_view topic,
                                        const Producer& producer) const {
  if (by_key_.empty()) return SequenceSet::Seen::kNew;
  auto numbers = by_key_.find(KeyOf(session, topic, producer.id));
  if (numbers == by_key_.end() || producer.sequence > numbers->second.last) {
    return SequenceSet::Seen::kNew;
  }
  const bool sure = numbers->second.whole || producer.sequence == numbers->second.last;
  return sure ? SequenceSet::Seen::kTaken : SequenceSet::Seen::kForgotten;
}

std::vector<uint64_t> ReleasedTopics::Expire(absl::Time now) {
  if (by_age_.empty()) return {};
  std::vector<uint64_t> queues;
  while (!by_age_.empty() && (by_age_.front().until <= now || by_age_.size() > most_)) {
    const bool too_many = by_age_.size() > most_;
    const Entry entry = by_age_.front();
    by_age_.pop_front();
    auto numbers = by_key_.find(entry.key);
    const bool stays = numbers->second.renewed && newest_ > now && !too_many;
    if (stays && numbers->second.entries == 1) {
      numbers->second.renewed = false;
      by_age_.push_back({newest_, entry.key, 0});
    } else if (--numbers->second.entries == 0) {
      by_key_.erase(numbers);
    }
    if (entry.queue != 0 && on_disk_.erase(entry.queue) > 0) queues.push_back(entry.queue);
  }
  if (by_age_.empty()) {
    by_age_ = {};  // a burst's memory goes back
    by_key_ = {};
  }
  return queues;
}

absl::Time ReleasedTopics::NextDeadline() const {
  return by_age_.empty() ? absl::InfiniteFuture() : by_age_.front().until;
}

}  // namespace fate::transfer_queue
