#pragma once

// The numbers under which this gateway passes queue pushes on: one producer per topic and
// receiver, so that the receiving queue can tell a repeated push from a new one. The longest
// unused topics are forgotten beyond kMaxHopTopics; a forgotten one goes on as another producer.

#include <list>
#include <string>
#include <unordered_map>

#include "transfer_queue/types.h"

namespace fate::rollsite {

class HopNumbers {
 public:
  explicit HopNumbers(size_t max_topics = kMaxHopTopics);

  transfer_queue::Producer Next(const std::string& party, const std::string& session,
                                const std::string& topic);
  // A producer for one push only, of which the topic is not known.
  transfer_queue::Producer Single();
  size_t size() const { return topics_.size(); }

 private:
  struct Topic {
    std::string key;
    transfer_queue::Producer last;
  };
  std::string NewId();

  const size_t max_topics_;
  const std::string run_;  // differs from run to run
  uint64_t ids_ = 0;
  std::list<Topic> topics_;  // the longest unused first
  std::unordered_map<std::string_view, std::list<Topic>::iterator> by_key_;
};

}  // namespace fate::rollsite
