// TransferQueues: how queues come and go, and what they count for.
#include <algorithm>

#include "base/status.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::transfer_queue {
namespace {

constexpr absl::Duration kWaitForLoad = absl::Seconds(1);

}  // namespace

void TransferQueues::Restore(std::vector<RecoveredQueue> queues, absl::Time now) {
  now_ = now;
  for (RecoveredQueue& recovered : queues) {
    if (recovered.released) {
      released_.Add(recovered.name, recovered.producers, recovered.queue, now_ + limits_.late);
      continue;
    }
    Queue* queue = Make(recovered.name.session, recovered.name.topic, recovered.queue);
    if (!queue) return;
    queue->durable = queue->named = queue->on_disk = true;
    queue->next_offset = recovered.next_offset;
    queue->producers = std::move(recovered.producers);
    for (const RecoveredQueue::Message& message : recovered.messages) {
      size_t cost = Message::Cost(message.bytes);
      Party* party = RaiseParty(message.party, cost);
      ++stats_.messages;
      stats_.disk_bytes += cost;
      queue->tail.Add(message.offset, cost, party);
    }
  }
}

void TransferQueues::On(Release& release) {
  if (release.session.empty()) {
    return Reply(release.call, kParameterError, "sessionId is null");
  }
  if (std::string error = NameError(release.session, release.topic, false); !error.empty()) {
    return Reply(release.call, kParameterError, std::move(error));
  }
  std::vector<uint64_t> tickets;
  if (!release.topic.empty()) {
    if (Queue* queue = Find(release.session, release.topic)) Destroy(queue, &tickets);
  } else if (auto session = sessions_.find(release.session); session != sessions_.end()) {
    std::vector<Queue*> queues;
    for (auto& [topic, queue] : session->second) queues.push_back(queue.get());
    for (Queue* queue : queues) Destroy(queue, &tickets);
  }
  if (tickets.empty()) return Reply(release.call, kSuccess, "success");
  releases_[release.call] = tickets.size();
  for (uint64_t ticket : tickets) drops_[ticket] = release.call;
}

// A release is answered when the disk is free of all its queues.
void TransferQueues::OnDropped(uint64_t call, const absl::Status& status) {
  auto release = releases_.find(call);
  if (release == releases_.end()) return;  // another queue's failure has been answered
  if (!status.ok()) {
    releases_.erase(release);
    return Refuse(call, kSystemError,
                  Annotate(status, "the queues are gone, but their disk space is not free"));
  }
  if (--release->second > 0) return;
  releases_.erase(release);
  Reply(call, kSuccess, "success");
}

Queue* TransferQueues::Find(std::string_view session, std::string_view topic) {
  auto topics = sessions_.find(session);
  if (topics == sessions_.end()) return nullptr;
  auto queue = topics->second.find(topic);
  return queue == topics->second.end() ? nullptr : queue->second.get();
}

// Null when there are too many; the longest unused one makes room if it holds nothing.
Queue* TransferQueues::Make(const std::string& session, const std::string& topic, uint64_t id) {
  if (by_id_.size() >= limits_.queues) {
    Queue* oldest = age_order_.front();
    if (!oldest->HoldsNothing() || !oldest->waiting.empty()) return nullptr;
    Destroy(oldest, nullptr);
  }
  auto& queue = sessions_[session][topic];
  queue = std::make_unique<Queue>();
  while (id == 0 && (by_id_.count(next_queue_) || released_.HasOnDisk(next_queue_))) ++next_queue_;
  queue->id = id != 0 ? id : next_queue_++;
  queue->session = session;
  queue->topic = topic;
  queue->last_used = now_;
  queue->in_age_order = age_order_.insert(age_order_.end(), queue.get());
  by_id_[queue->id] = queue.get();
  return queue.get();
}

void TransferQueues::Touch(Queue* queue) {
  age_order_.splice(age_order_.end(), age_order_, queue->in_age_order);
  queue->last_used = now_;
}

// A queue with nothing in it, nobody at it and nothing to remember need not exist.
void TransferQueues::ForgetIfNothing(Queue* queue) {
  if (queue->HoldsNothing() && queue->waiting.empty() && queue->producers.empty() &&
      !queue->on_disk) {
    Destroy(queue, nullptr);
  }
}

// `tickets`: of the commands to wait for until the disk is free of it; null: nobody waits.
void TransferQueues::Destroy(Queue* queue, std::vector<uint64_t>* tickets) {
  while (!queue->waiting.empty()) {
    uint64_t call = queue->waiting.front();
    RemoveWaiter(call);
    Reply(call, kTimeOut, "CONSUME_MSG_TIMEOUT");
  }
  for (const Message& message : queue->pending) {
    auto write = writes_.extract(message.owner);
    writing_bytes_ -= message.Cost();
    for (uint64_t call : write.mapped().pushes) Reply(call, kSuccess, "success");
    for (uint64_t call : write.mapped().questions) Reply(call, kSuccess, "stored");
  }
  for (const Message& message : queue->leased) EndLease(message.owner);
  size_t disk_bytes = queue->tail.bytes;
  stats_.dropped_messages += queue->pending.size() + queue->ready.size() + queue->tail.count;
  for (Messages* list : {&queue->pending, &queue->ready, &queue->leased}) {
    for (const Message& message : *list) {
      if (message.on_disk) disk_bytes += message.Cost();
      Uncount(message);
      FreeMemory(queue, message);
    }
  }
  UncountTail(queue);
  Drop(queue, disk_bytes, tickets);
  age_order_.erase(queue->in_age_order);
  by_id_.erase(queue->id);
  auto session = sessions_.find(queue->session);
  session->second.erase(session->second.find(queue->topic));
  if (session->second.empty()) sessions_.erase(session);
}

// What it had on disk goes; the numbers of its producers stay for a while.
void TransferQueues::Drop(Queue* queue, size_t disk_bytes, std::vector<uint64_t>* tickets) {
  const bool keeps = queue->durable && queue->named && !queue->producers.empty();
  released_.Add({queue->session, queue->topic}, queue->producers, keeps ? queue->id : 0,
                now_ + limits_.late);
  if (!queue->on_disk) return;
  const uint64_t ticket = tickets ? ++last_ticket_ : 0;
  if (tickets) tickets->push_back(ticket);
  actions_->commands.push_back(DropQueue{ticket, queue->id, queue->durable, disk_bytes, keeps});
}

void TransferQueues::Expire() {
  for (uint64_t queue : released_.Expire(now_)) {
    actions_->commands.push_back(DropQueue{.queue = queue, .durable = true});
  }
  while (!deadlines_.empty() && deadlines_.begin()->first <= now_) {
    uint64_t call = deadlines_.begin()->second;
    Waiter& waiter = waiters_.at(call);
    Queue* queue = waiter.queue;
    if (queue->loading) {  // there is a message: it is only not here yet
      deadlines_.erase(deadlines_.begin());
      waiter.deadline = now_ + kWaitForLoad;
      deadlines_.insert({waiter.deadline, call});
      continue;
    }
    RemoveWaiter(call);
    Reply(call, kTimeOut, "CONSUME_MSG_TIMEOUT");
    ForgetIfNothing(queue);
  }
  while (!lease_deadlines_.empty() && lease_deadlines_.begin()->first <= now_) {
    uint64_t call = lease_deadlines_.begin()->second;
    Lease lease = leases_.at(call);
    EndLease(call);
    PutBack(lease.queue, lease.message);
    Serve(lease.queue);
  }
  while (!age_order_.empty()) {
    Queue* oldest = age_order_.front();
    if (oldest->last_used + limits_.idle > now_) break;
    if (oldest->waiting.empty() && oldest->pending.empty() && oldest->leased.empty()) {
      DropIdle(oldest);
    } else {
      Touch(oldest);
    }
  }
}

void TransferQueues::DropIdle(Queue* queue) {
  size_t unread = queue->ready.size() + queue->tail.count;
  if (unread > 0) {
    actions_->warnings.push_back(
        fmt::format("topic {} of session {} was not used for {}: {} unread messages are dropped",
                    queue->topic, queue->session, absl::FormatDuration(limits_.idle), unread));
  }
  Destroy(queue, nullptr);
}

void TransferQueues::DropOld(Queue* queue) {
  size_t count = 0;
  while (!queue->ready.empty() && queue->ready.front().born + limits_.lifetime <= now_) {
    Consume(queue, &queue->ready, queue->ready.begin());
    ++count;
  }
  if (count == 0) return;
  stats_.dropped_messages += count;
  actions_->warnings.push_back(
      fmt::format("{} messages of topic {} of session {} were unread for {} and are dropped", count,
                  queue->topic, queue->session, absl::FormatDuration(limits_.lifetime)));
}

absl::Time TransferQueues::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!lease_deadlines_.empty()) next = std::min(next, lease_deadlines_.begin()->first);
  if (!age_order_.empty()) next = std::min(next, age_order_.front()->last_used + limits_.idle);
  return std::min(next, released_.NextDeadline());
}

Stats TransferQueues::stats() const {
  Stats stats = stats_;
  stats.queues = by_id_.size();
  stats.waiting_pops = waiters_.size();
  stats.delivering = leases_.size();
  stats.released_topics = released_.size();
  return stats;
}

std::vector<std::pair<std::string, size_t>> TransferQueues::Parties(size_t most) const {
  std::vector<std::pair<std::string, size_t>> parties;
  for (const auto& party : parties_) {
    if (parties.size() == most) break;
    parties.emplace_back(party);
  }
  return parties;
}

void TransferQueues::Count(const Message& message) {
  ++stats_.messages;
  if (message.on_disk) stats_.disk_bytes += message.Cost();
}

void TransferQueues::Uncount(const Message& message) {
  --stats_.messages;
  if (message.on_disk) stats_.disk_bytes -= message.Cost();
  LowerParty(message.party, message.Cost());
}

void TransferQueues::UncountTail(Queue* queue) {
  Tail tail = std::exchange(queue->tail, {});
  stats_.messages -= tail.count;
  stats_.disk_bytes -= tail.bytes;
  for (auto [party, bytes] : tail.parties) LowerParty(party, bytes);
}

Party* TransferQueues::RaiseParty(const std::string& name, size_t bytes) {
  Party* party = &*parties_.try_emplace(name, 0).first;
  party->second += bytes;
  party_bytes_ += bytes;
  return party;
}

void TransferQueues::LowerParty(Party* party, size_t bytes) {
  party_bytes_ -= bytes;
  if ((party->second -= bytes) == 0) parties_.erase(parties_.find(party->first));
}

void TransferQueues::HoldMemory(Queue* queue, const Message& message) {
  queue->memory_bytes += message.Cost();
  stats_.memory_bytes += message.Cost();
}

void TransferQueues::FreeMemory(Queue* queue, const Message& message) {
  queue->memory_bytes -= message.Cost();
  stats_.memory_bytes -= message.Cost();
}

bool TransferQueues::RoomInMemory(const Queue* queue, size_t cost) const {
  if (stats_.memory_bytes + loading_bytes_ + cost > limits_.memory_bytes) return false;
  return !queue || queue->memory_bytes == 0 ||
         queue->memory_bytes + cost <= limits_.queue_memory_bytes;
}

}  // namespace fate::transfer_queue
