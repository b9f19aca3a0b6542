#pragma once

// The numbers under which this gateway passes queue pushes on: one producer per topic and
// receiver, so that the receiving queue can tell a repeated push from a new one. They are
// forgotten when their session is released here, the longest unused ones also beyond
// kMaxHopTopics; what is forgotten goes on as another producer, so that no number comes twice.

#include <list>
#include <string>
#include <string_view>
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
  // The session is over, or with a topic only that one.
  void Forget(const std::string& session, std::string_view topic);
  size_t size() const { return topics_.size(); }

 private:
  struct Topic;
  using Topics = std::list<Topic>;
  using Session = std::unordered_map<std::string, Topics::iterator>;  // by party and topic
  using Sessions = std::unordered_map<std::string, Session>;
  struct Topic {
    Sessions::value_type* session;
    const std::string* key;
    uint64_t producer;
    uint64_t last = 0;
  };
  std::string Id(uint64_t producer) const;
  void ForgetOldest();

  const size_t max_topics_;
  const std::string run_;  // differs from run to run
  uint64_t producers_ = 0;
  Topics topics_;  // the longest unused first
  Sessions sessions_;
  std::string key_;  // of the look-up at hand
};

}  // namespace fate::rollsite
