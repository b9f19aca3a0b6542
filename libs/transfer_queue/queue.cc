#include "transfer_queue/queue.h"

#include <algorithm>

namespace fate::transfer_queue {

ProducerRecord* Queue::FindProducer(const std::string& producer) {
  auto it = std::find_if(producers.begin(), producers.end(),
                         [&](const ProducerRecord& record) { return record.id == producer; });
  return it == producers.end() ? nullptr : &*it;
}

ProducerRecord* Queue::UseProducer(const std::string& producer) {
  if (!producers.empty() && producers.back().id == producer) return &producers.back();
  ProducerRecord used{producer, {}};
  if (ProducerRecord* record = FindProducer(producer)) {
    used = std::move(*record);
    producers.erase(producers.begin() + (record - producers.data()));
  } else if (producers.size() >= kMaxQueueProducers) {
    producers.erase(producers.begin());
  }
  producers.push_back(std::move(used));
  return &producers.back();
}

}  // namespace fate::transfer_queue
