#pragma once

// One queue as TransferQueues keeps it: its messages by state, its pops, what it remembers.

#include <list>
#include <string>
#include <utility>
#include <vector>

#include "transfer_queue/types.h"

namespace fate::transfer_queue {

using Party = std::pair<const std::string, size_t>;  // name, bytes of its messages

struct Message {
  uint64_t offset = 0;
  Rope payload;
  Party* party = nullptr;
  absl::Time born;
  uint64_t owner = 0;  // pending: ticket of the write; leased: the pop's call
  bool on_disk = false, durable = false;

  // What it counts for in bounds: the bytes, and what it takes to keep them.
  size_t Cost() const { return Cost(payload.size()); }
  static size_t Cost(size_t payload_bytes) { return payload_bytes + kQueueMessageOverheadBytes; }
};
using Messages = std::list<Message>;

// Messages on disk only, behind all others of the queue.
struct Tail {
  uint64_t first = 0;  // offset
  size_t count = 0, bytes = 0;
  std::vector<std::pair<Party*, size_t>> parties;  // whose the bytes are

  void Add(uint64_t offset, size_t cost, Party* party) {
    if (count++ == 0) first = offset;
    bytes += cost;
    for (auto& [owner, owned] : parties) {
      if (owner == party) {
        owned += cost;
        return;
      }
    }
    parties.emplace_back(party, cost);
  }
  void RemoveFront(uint64_t offset, size_t cost, Party* party) {
    first = offset + 1;
    --count;
    bytes -= cost;
    for (auto it = parties.begin(); it != parties.end(); ++it) {
      if (it->first != party) continue;
      if ((it->second -= cost) == 0) parties.erase(it);
      return;
    }
  }
};

struct Queue {
  uint64_t id = 0;
  std::string session, topic;
  Messages pending;  // being written to disk, in order
  Messages ready;    // in order; each before every pending one
  Messages leased;   // handed out, outcome open
  Tail tail;
  std::list<uint64_t> waiting;  // calls of pops, the oldest first; none while something is ready
  uint64_t next_offset = 1;
  size_t memory_bytes = 0;              // of pending, ready and leased messages
  bool durable = false, named = false;  // named: the store has its name
  bool on_disk = false;                 // the store may hold something of it
  bool loading = false, hungry = false;
  std::vector<ProducerRecord> producers;       // the longest silent first
  std::vector<uint64_t> acknowledged_in_tail;  // offsets: not to be handed out again
  absl::Time last_used;
  std::list<Queue*>::iterator in_age_order;

  bool HoldsNothing() const {
    return pending.empty() && ready.empty() && leased.empty() && tail.count == 0;
  }
  // A push can go to memory without overtaking another.
  bool EndsInMemory() const { return pending.empty() && tail.count == 0 && !loading; }
  ProducerRecord* FindProducer(const std::string& producer);
  // At the end of `producers`, made if absent; the longest silent one makes room.
  ProducerRecord* UseProducer(const std::string& producer);
};

}  // namespace fate::transfer_queue
