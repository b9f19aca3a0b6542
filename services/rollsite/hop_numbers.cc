#include "rollsite/hop_numbers.h"

#include "base/status.h"
#include "queue_client/metadata.h"

namespace fate::rollsite {

HopNumbers::HopNumbers(size_t max_topics)
    : max_topics_(max_topics), run_(queue_client::RandomId()) {}

transfer_queue::Producer HopNumbers::Next(const std::string& party, const std::string& session,
                                          const std::string& topic) {
  std::string key = party + '\0' + session + '\0' + topic;
  if (auto known = by_key_.find(key); known != by_key_.end()) {
    topics_.splice(topics_.end(), topics_, known->second);
  } else {
    if (topics_.size() >= max_topics_) {
      by_key_.erase(topics_.front().key);
      topics_.pop_front();
    }
    topics_.push_back({std::move(key), Single()});
    topics_.back().last.sequence = 0;
    by_key_[topics_.back().key] = std::prev(topics_.end());
  }
  ++topics_.back().last.sequence;
  return topics_.back().last;
}

transfer_queue::Producer HopNumbers::Single() { return {NewId(), 1}; }

std::string HopNumbers::NewId() { return fmt::format("{}-{:x}", run_, ++ids_); }

}  // namespace fate::rollsite
