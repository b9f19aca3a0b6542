#include "rollsite/hop_numbers.h"

#include <charconv>

#include "base/status.h"
#include "queue_client/metadata.h"

namespace fate::rollsite {

HopNumbers::HopNumbers(size_t max_topics)
    : max_topics_(max_topics), run_(queue_client::RandomId()) {}

transfer_queue::Producer HopNumbers::Next(const std::string& party, const std::string& session,
                                          const std::string& topic) {
  key_.assign(party).append(1, '\0').append(topic);
  auto owner = sessions_.try_emplace(session).first;
  auto [known, is_new] = owner->second.try_emplace(key_);
  if (is_new) {
    topics_.push_back({&*owner, &known->first, ++producers_});
    known->second = std::prev(topics_.end());
    if (topics_.size() > max_topics_) ForgetOldest();
  } else {
    topics_.splice(topics_.end(), topics_, known->second);
  }
  Topic& used = topics_.back();
  return {Id(used.producer), ++used.last};
}

transfer_queue::Producer HopNumbers::Single() { return {Id(++producers_), 1}; }

std::string HopNumbers::Id(uint64_t producer) const {
  char digits[16];
  char* const end = std::to_chars(digits, digits + sizeof digits, producer, 16).ptr;
  std::string id;
  id.reserve(run_.size() + 1 + sizeof digits);
  return std::move(id.append(run_).append(1, '-').append(digits, end));
}

void HopNumbers::ForgetOldest() {
  const Topic oldest = topics_.front();
  topics_.pop_front();
  Session& session = oldest.session->second;
  session.erase(session.find(*oldest.key));
  if (session.empty()) sessions_.erase(sessions_.find(oldest.session->first));
}

void HopNumbers::Forget(const std::string& session, std::string_view topic) {
  auto owner = sessions_.find(session);
  if (owner == sessions_.end()) return;
  std::erase_if(owner->second, [&](const auto& entry) {
    const std::string_view key = entry.first;
    if (!topic.empty() && key.substr(key.find('\0') + 1) != topic) return false;
    topics_.erase(entry.second);
    return true;
  });
  if (owner->second.empty()) sessions_.erase(owner);
}

}  // namespace fate::rollsite
