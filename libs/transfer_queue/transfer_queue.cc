#include "transfer_queue/transfer_queue.h"

#include <algorithm>

#include "base/names.h"
#include "base/status.h"

namespace fate::transfer_queue {
namespace {

using Kind = Event::Kind;

// What is wrong with the names of a call, "" if nothing.
std::string NameError(const Event& event) {
  if (event.session.empty()) return "sessionId is null";
  if (auto id = SessionId::Parse(event.session); !id.ok()) return Message(id.status());
  if (event.topic.empty()) return event.kind == Kind::kRelease ? "" : "topic is null";
  return Message(TopicName::Parse(event.topic).status());
}

}  // namespace

TransferQueues::TransferQueues(Limits limits) : limits_(limits) {}

std::vector<Answer> TransferQueues::Step(Event event, absl::Time now) {
  Answers answers;
  Expire(now, &answers);
  if (event.kind == Kind::kTick) return answers;
  if (event.kind == Kind::kCancel) {
    Cancel(event.call);
    return answers;
  }
  if (std::string error = NameError(event); !error.empty()) {
    bool reads = event.kind == Kind::kPop || event.kind == Kind::kPeek;
    answers.push_back({event.call, reads ? kSystemError : kParameterError, std::move(error)});
    return answers;
  }
  switch (event.kind) {
    case Kind::kPush:
      Push(std::move(event), now, &answers);
      break;
    case Kind::kPop:
    case Kind::kPeek:
      Pop(event, now, &answers);
      break;
    case Kind::kRelease:
      Release(event, &answers);
      break;
    case Kind::kCancel:
    case Kind::kTick:
      break;
  }
  return answers;
}

void TransferQueues::Push(Event event, absl::Time now, Answers* answers) {
  Key key{std::move(event.session), std::move(event.topic)};
  auto existing = queues_.find(key);
  if (existing != queues_.end() && !existing->second.waiting.empty()) {
    uint64_t waiter = existing->second.waiting.front();
    Touch(key, now);
    RemoveWaiter(waiter);
    answers->push_back({waiter, kSuccess, "success", std::move(event.payload)});
    answers->push_back({event.call, kSuccess, "success"});
    return;
  }
  size_t cost = Cost(key, event.payload);
  if (stats_.bytes + cost > limits_.bytes || stats_.messages + 1 > limits_.messages) {
    answers->push_back({event.call, kBufferFull, "", "",
                        ResourceExhaustedError(
                            "the queues are full: {} of {} messages, {} of {} bytes, and a push of "
                            "{} bytes to topic {}; pop or release what is waiting",
                            stats_.messages, limits_.messages, stats_.bytes, limits_.bytes,
                            event.payload.size(), key.second)});
    return;
  }
  Touch(key, now)->second.messages.push_back(std::move(event.payload));
  stats_.bytes += cost;
  ++stats_.messages;
  answers->push_back({event.call, kSuccess, "success"});
}

// A peek takes the message as well, as upstream's does (spec 5.5), but never waits.
void TransferQueues::Pop(const Event& event, absl::Time now, Answers* answers) {
  auto queue = queues_.find({event.session, event.topic});
  if (queue == queues_.end() || queue->second.messages.empty()) {
    if (event.kind == Kind::kPop) return Park(event, now, answers);
    answers->push_back({event.call, kSuccess});
    return;
  }
  std::string payload = std::move(queue->second.messages.front());
  queue->second.messages.pop_front();
  stats_.bytes -= Cost(queue->first, payload);
  --stats_.messages;
  Touch(queue->first, now);
  EraseIfEmpty(queue);
  answers->push_back({event.call, kSuccess, "", std::move(payload)});
}

void TransferQueues::Park(const Event& event, absl::Time now, Answers* answers) {
  if (waiters_.size() >= limits_.waiting_pops) {
    answers->push_back(
        {event.call, kBufferFull, "", "",
         ResourceExhaustedError("{} pops are waiting already; try again later", waiters_.size())});
    return;
  }
  Key key{event.session, event.topic};
  Queue& queue = Touch(key, now)->second;
  absl::Duration wait = event.wait > absl::ZeroDuration() ? event.wait : limits_.default_wait;
  auto position = queue.waiting.insert(queue.waiting.end(), event.call);
  waiters_[event.call] = {std::move(key), position, now + wait};
  deadlines_.insert({now + wait, event.call});
}

void TransferQueues::Release(const Event& event, Answers* answers) {
  if (!event.topic.empty()) {
    auto queue = queues_.find({event.session, event.topic});
    if (queue != queues_.end()) Destroy(queue, answers);
  } else {
    auto queue = queues_.lower_bound({event.session, ""});
    while (queue != queues_.end() && queue->first.first == event.session) {
      queue = Destroy(queue, answers);
    }
  }
  answers->push_back({event.call, kSuccess, "success"});
}

void TransferQueues::Cancel(uint64_t call) {
  if (waiters_.count(call)) RemoveWaiter(call);
}

void TransferQueues::Expire(absl::Time now, Answers* answers) {
  while (!deadlines_.empty() && deadlines_.begin()->first <= now) {
    uint64_t call = deadlines_.begin()->second;
    RemoveWaiter(call);
    answers->push_back({call, kTimeOut, "CONSUME_MSG_TIMEOUT"});
  }
  while (!age_order_.empty()) {
    auto oldest = queues_.find(age_order_.front());
    if (oldest->second.last_used + limits_.idle > now) break;
    if (oldest->second.waiting.empty()) {
      Destroy(oldest, answers);
    } else {
      Touch(oldest->first, now);
    }
  }
}

absl::Time TransferQueues::NextDeadline() const {
  absl::Time next = absl::InfiniteFuture();
  if (!deadlines_.empty()) next = deadlines_.begin()->first;
  if (!age_order_.empty()) {
    next = std::min(next, queues_.find(age_order_.front())->second.last_used + limits_.idle);
  }
  return next;
}

Stats TransferQueues::stats() const {
  Stats stats = stats_;
  stats.queues = queues_.size();
  stats.waiting_pops = waiters_.size();
  return stats;
}

TransferQueues::QueueMap::iterator TransferQueues::Touch(const Key& key, absl::Time now) {
  auto [queue, created] = queues_.try_emplace(key);
  if (created) {
    queue->second.in_age_order = age_order_.insert(age_order_.end(), key);
  } else {
    age_order_.splice(age_order_.end(), age_order_, queue->second.in_age_order);
  }
  queue->second.last_used = now;
  return queue;
}

void TransferQueues::EraseIfEmpty(QueueMap::iterator queue) {
  if (!queue->second.messages.empty() || !queue->second.waiting.empty()) return;
  age_order_.erase(queue->second.in_age_order);
  queues_.erase(queue);
}

TransferQueues::QueueMap::iterator TransferQueues::Destroy(QueueMap::iterator queue,
                                                           Answers* answers) {
  for (uint64_t call : queue->second.waiting) {
    answers->push_back({call, kTimeOut, "CONSUME_MSG_TIMEOUT"});
    deadlines_.erase({waiters_[call].deadline, call});
    waiters_.erase(call);
  }
  for (const std::string& message : queue->second.messages) {
    stats_.bytes -= Cost(queue->first, message);
  }
  stats_.messages -= queue->second.messages.size();
  stats_.dropped_messages += queue->second.messages.size();
  age_order_.erase(queue->second.in_age_order);
  return queues_.erase(queue);
}

void TransferQueues::RemoveWaiter(uint64_t call) {
  auto waiter = waiters_.find(call);
  auto queue = queues_.find(waiter->second.key);
  deadlines_.erase({waiter->second.deadline, call});
  queue->second.waiting.erase(waiter->second.position);
  waiters_.erase(waiter);
  EraseIfEmpty(queue);
}

size_t TransferQueues::Cost(const Key& key, const std::string& payload) {
  return payload.size() + key.first.size() + key.second.size();
}

}  // namespace fate::transfer_queue
