#include "transfer_queue/transfer_queue.h"

#include <algorithm>

#include "base/names.h"
#include "base/status.h"

namespace fate::transfer_queue {

std::string NameError(const std::string& session, const std::string& topic, bool topic_needed) {
  if (session.empty()) return "sessionId is null";
  if (auto id = SessionId::Parse(session); !id.ok()) return fate::Message(id.status());
  if (topic.empty()) return topic_needed ? "topic is null" : "";
  return fate::Message(TopicName::Parse(topic).status());
}

Limits Limits::Effective() const {
  Limits limits = *this;
  if (disk_bytes == 0) limits.queue_memory_bytes = memory_bytes;
  return limits;
}

TransferQueues::TransferQueues(Limits limits, uint64_t first_queue)
    : limits_(limits.Effective()), next_queue_(first_queue) {}

TransferQueues::~TransferQueues() = default;

Actions TransferQueues::Step(Event event, absl::Time now) {
  Actions actions;
  now_ = now;
  actions_ = &actions;
  Expire();
  std::visit([this](auto& what) { On(what); }, event);
  LoadHungry();
  actions_ = nullptr;
  return actions;
}

// --- Pushes -------------------------------------------------------------------------------------

void TransferQueues::On(Push& push) {
  if (std::string error = NameError(push.session, push.topic, true); !error.empty()) {
    return Reply(push.call, kParameterError, std::move(error));
  }
  Queue* queue = Find(push.session, push.topic);
  if (!push.producer.id.empty()) {
    if ((queue && IsRepeated(queue, push)) || IsOfReleased(push)) return;
  }
  bool durable = push.durable || limits_.durable || (queue && queue->durable);
  size_t cost = Message::Cost(push.payload.size());
  bool to_memory = !durable && (!queue || queue->EndsInMemory()) &&
                   (RoomInMemory(queue, cost) || (queue && !queue->waiting.empty()));
  if (absl::Status room = RoomOfParty(push, cost); !room.ok()) {
    ++actions_->over_quota;
    return Refuse(push.call, kBufferFull, std::move(room));
  }
  if (absl::Status room = Room(push, cost, !to_memory); !room.ok()) {
    return Refuse(push.call, kBufferFull, std::move(room));
  }
  if (!queue && !(queue = Make(push.session, push.topic))) return RefuseQueue(push.call);
  Touch(queue);
  if (!push.producer.id.empty()) {
    queue->UseProducer(push.producer.id)->taken.Add(push.producer.sequence);
  }
  if (durable) queue->durable = true;
  Party* party = RaiseParty(push.party, cost);
  Messages message;
  message.push_back({.offset = queue->next_offset++,
                     .payload = std::move(push.payload),
                     .party = party,
                     .born = now_,
                     .on_disk = !to_memory,
                     .durable = durable});
  Count(message.front());
  HoldMemory(queue, message.front());
  if (!to_memory) return WriteOut(queue, std::move(message), push);
  queue->ready.splice(queue->ready.end(), message);
  Serve(queue);
  Reply(push.call, kSuccess, "success");
}

// Answers a push that has been stored before, or may have been.
bool TransferQueues::IsRepeated(Queue* queue, const Push& push) {
  const ProducerRecord* record = queue->FindProducer(push.producer.id);
  if (!record) return false;
  switch (record->taken.Check(push.producer.sequence)) {
    case SequenceSet::Seen::kNew:
      return false;
    case SequenceSet::Seen::kForgotten:
      Refuse(
          push.call, kParameterError,
          FailedPreconditionError("push {} of producer {} to topic {} comes after so many others "
                                  "that nobody remembers whether it was stored; push it again "
                                  "as another producer if it was not",
                                  push.producer.sequence, push.producer.id, push.topic));
      return true;
    case SequenceSet::Seen::kTaken:
      break;
  }
  ++stats_.repeated_pushes;
  if (Write* write = FindWrite(queue, push.producer)) {
    write->pushes.push_back(push.call);
  } else {
    Reply(push.call, kSuccess, "success");
  }
  return true;
}

// Answers a push that was sent before its queue was released. What had been stored was delivered or
// dropped with the queue: that is for the pusher as if its answer had not been lost.
bool TransferQueues::IsOfReleased(const Push& push) {
  switch (released_.Check(push.session, push.topic, push.producer)) {
    case SequenceSet::Seen::kNew:
      return false;
    case SequenceSet::Seen::kForgotten:
      Refuse(
          push.call, kParameterError,
          FailedPreconditionError(
              "push {} of producer {} to topic {} comes late: session {} was released here after "
              "later ones; if the session goes on, push it again as another producer",
              push.producer.sequence, push.producer.id, push.topic, push.session));
      return true;
    case SequenceSet::Seen::kTaken:
      break;
  }
  ++stats_.repeated_pushes;
  Reply(push.call, kSuccess, "success");
  return true;
}

// The write that still has to carry this push to the disk.
TransferQueues::Write* TransferQueues::FindWrite(Queue* queue, const Producer& producer) {
  for (const Message& message : queue->pending) {
    Write& write = writes_.at(message.owner);
    if (write.producer.id == producer.id && write.producer.sequence == producer.sequence) {
      return &write;
    }
  }
  return nullptr;
}

// A push that a waiting pop takes at once is not spared: what is under way has to be bounded, too.
absl::Status TransferQueues::RoomOfParty(const Push& push, size_t cost) const {
  auto party = parties_.find(push.party);
  const size_t used = party == parties_.end() ? 0 : party->second;
  const size_t free = limits_.all_bytes() - std::min(party_bytes_, limits_.all_bytes());
  const size_t limit = std::min(limits_.party_bytes, std::max(limits_.party_floor_bytes, free));
  if (used + cost <= limit) return absl::OkStatus();
  return ResourceExhaustedError(
      "messages of party {} hold {} bytes of the queues and may hold {} at present "
      "(eggroll.rollsite.quota.queue.bytes, and no more than is free), and a push of {} bytes to "
      "topic {} comes on top; its receiver has to pop or release what is waiting",
      push.party.empty() ? "(not named)" : push.party, used, limit, push.payload.size(),
      push.topic);
}

absl::Status TransferQueues::Room(const Push& push, size_t cost, bool to_disk) const {
  if (!to_disk) return absl::OkStatus();
  if (limits_.disk_bytes == 0) {
    return ResourceExhaustedError(
        "the queues are full: {} of {} bytes, and a push of {} bytes to topic {}; pop or release "
        "what is waiting",
        stats_.memory_bytes, limits_.memory_bytes, push.payload.size(), push.topic);
  }
  if (stats_.disk_bytes + cost > limits_.disk_bytes) {
    return ResourceExhaustedError(
        "the queues' part of the disk is full: {} of {} bytes (eggroll.rollsite.queue.disk.bytes), "
        "and a push of {} bytes to topic {}; pop or release what is waiting",
        stats_.disk_bytes, limits_.disk_bytes, push.payload.size(), push.topic);
  }
  if (writing_bytes_ > 0 && writing_bytes_ + cost > kQueueWritingBytes) {
    return ResourceExhaustedError(
        "{} bytes are on their way to the disk, which is slower than pushes; push to topic {} "
        "again "
        "later",
        writing_bytes_, push.topic);
  }
  return absl::OkStatus();
}

void TransferQueues::WriteOut(Queue* queue, Messages message, const Push& push) {
  Message& m = message.front();
  m.owner = ++last_ticket_;
  queue->on_disk = true;
  writing_bytes_ += m.Cost();
  WriteMessage command{.ticket = m.owner,
                       .id = {queue->id, m.offset},
                       .party = m.party->first,
                       .payload = m.payload,
                       .durable = m.durable};
  if (m.durable && !push.producer.id.empty()) command.producer = queue->producers.back();
  bool named = m.durable && !std::exchange(queue->named, queue->named || m.durable);
  if (named) command.name = {queue->session, queue->topic};
  writes_[m.owner] = {queue->id, message.begin(), push.producer, named, {push.call}, {}};
  queue->pending.splice(queue->pending.end(), message);
  actions_->commands.push_back(std::move(command));
}

void TransferQueues::On(Stored& stored) {
  if (auto drop = drops_.extract(stored.ticket)) return OnDropped(drop.mapped(), stored.status);
  auto node = writes_.extract(stored.ticket);
  if (node.empty()) return;  // its queue has been released
  Write& write = node.mapped();
  Queue* queue = by_id_.at(write.queue);
  Message& message = *write.message;
  writing_bytes_ -= message.Cost();
  if (!stored.status.ok()) return OnWriteFailed(queue, write, stored.status);
  bool stays = queue->tail.count == 0 && !queue->loading &&
               (!queue->waiting.empty() || RoomInMemory(queue, 0));
  if (stays) {
    queue->ready.splice(queue->ready.end(), queue->pending, write.message);
  } else {
    FreeMemory(queue, message);
    queue->tail.Add(message.offset, message.Cost(), message.party);
    queue->pending.erase(write.message);
  }
  for (uint64_t call : write.pushes) Reply(call, kSuccess, "success");
  for (uint64_t call : write.questions) Reply(call, kSuccess, "stored");
  Serve(queue);
  MaybeLoad(queue);
}

void TransferQueues::OnWriteFailed(Queue* queue, const Write& write, const absl::Status& why) {
  if (ProducerRecord* record = queue->FindProducer(write.producer.id)) {
    record->taken.Remove(write.producer.sequence);
  }
  if (write.named) queue->named = false;
  for (uint64_t call : write.pushes) {
    Refuse(call, kBufferFull,
           Annotate(why, fmt::format("the push to topic {} was not stored", queue->topic)));
  }
  for (uint64_t call : write.questions) Reply(call, kSuccess, "absent");
  Uncount(*write.message);
  FreeMemory(queue, *write.message);
  queue->pending.erase(write.message);
}

void TransferQueues::On(Query& query) {
  if (std::string error = NameError(query.session, query.topic, true); !error.empty()) {
    return Reply(query.call, kParameterError, std::move(error));
  }
  Queue* queue = Find(query.session, query.topic);
  ProducerRecord* record = queue ? queue->FindProducer(query.producer.id) : nullptr;
  auto seen = record ? record->taken.Check(query.producer.sequence) : SequenceSet::Seen::kNew;
  if (seen == SequenceSet::Seen::kTaken) {
    if (Write* write = FindWrite(queue, query.producer)) {
      write->questions.push_back(query.call);
    } else {
      Reply(query.call, kSuccess, "stored");
    }
    return;
  }
  if (seen == SequenceSet::Seen::kNew) {
    seen = released_.Check(query.session, query.topic, query.producer);
    if (seen == SequenceSet::Seen::kTaken) return Reply(query.call, kSuccess, "stored");
  }
  if (query.refuse_later && seen == SequenceSet::Seen::kNew) {
    if (!queue && !(queue = Make(query.session, query.topic))) return RefuseQueue(query.call);
    queue->UseProducer(query.producer.id)->taken.Add(query.producer.sequence);
  }
  Reply(query.call, kSuccess, seen == SequenceSet::Seen::kNew ? "absent" : "forgotten");
}

// --- Pops ---------------------------------------------------------------------------------------

// A peek takes the message as well, as upstream's does (spec 5.5), but never waits.
void TransferQueues::On(Pop& pop) {
  if (std::string error = NameError(pop.session, pop.topic, true); !error.empty()) {
    return Reply(pop.call, kSystemError, std::move(error));
  }
  Queue* queue = Find(pop.session, pop.topic);
  if (queue && !pop.consumer.empty()) Acknowledge(queue, pop);
  if (pop.only_acknowledges) {
    Reply(pop.call, kSuccess, "success");
    if (queue) Serve(queue);
    return;
  }
  if (queue) DropOld(queue);
  if (queue && !queue->ready.empty()) {
    Touch(queue);
    Hand(queue, pop.call, pop.consumer, "");
    return Serve(queue);
  }
  if (!pop.waits && (!queue || queue->tail.count == 0)) return Reply(pop.call, kSuccess);
  if (waiters_.size() >= limits_.waiting_pops) {
    return Refuse(
        pop.call, kBufferFull,
        ResourceExhaustedError("{} pops are waiting already; try again later", waiters_.size()));
  }
  if (!queue && !(queue = Make(pop.session, pop.topic))) return RefuseQueue(pop.call);
  Park(queue, pop);
}

// What the consumer holds comes back unless it is acknowledged; so does what it may have lost
// with an older pop.
void TransferQueues::Acknowledge(Queue* queue, const Pop& pop) {
  for (auto call = queue->waiting.begin(); call != queue->waiting.end();) {
    uint64_t older = *call++;
    if (waiters_.at(older).consumer != pop.consumer) continue;
    RemoveWaiter(older);
    Refuse(older, kTimeOut, absl::AbortedError("a newer pop of the same consumer came"));
  }
  bool known = pop.acknowledged.queue == queue->id;
  uint64_t acknowledged = known ? pop.acknowledged.offset : 0;
  for (auto message = queue->leased.begin(); message != queue->leased.end();) {
    auto leased = message++;
    if (leases_.at(leased->owner).consumer != pop.consumer) continue;
    EndLease(leased->owner);
    if (leased->offset == acknowledged) {
      Consume(queue, &queue->leased, leased);
      known = false;
    } else {
      PutBack(queue, leased);
    }
  }
  if (!known) return;
  // Its lease had run out, or this process has been started since.
  for (auto message = queue->ready.begin(); message != queue->ready.end(); ++message) {
    if (message->offset > acknowledged) return;
    if (message->offset == acknowledged) return Consume(queue, &queue->ready, message);
  }
  bool in_tail = queue->tail.count > 0 && acknowledged >= queue->tail.first;
  if (in_tail && queue->acknowledged_in_tail.size() < kMaxQueueProducers) {
    queue->acknowledged_in_tail.push_back(acknowledged);
  }
}

void TransferQueues::Park(Queue* queue, const Pop& pop) {
  Touch(queue);
  absl::Duration wait = pop.wait > absl::ZeroDuration() ? pop.wait : limits_.default_wait;
  auto position = queue->waiting.insert(queue->waiting.end(), pop.call);
  waiters_[pop.call] = {queue, position, now_ + wait, pop.consumer, pop.waits};
  deadlines_.insert({now_ + wait, pop.call});
  MaybeLoad(queue);
}

// Hands what is ready to the pops that wait.
void TransferQueues::Serve(Queue* queue) {
  if (queue->waiting.empty()) return;
  DropOld(queue);
  while (!queue->waiting.empty() && !queue->ready.empty()) {
    Touch(queue);
    uint64_t call = queue->waiting.front();
    std::string consumer = waiters_.at(call).consumer;
    RemoveWaiter(call);
    Hand(queue, call, consumer, "success");
  }
}

void TransferQueues::Hand(Queue* queue, uint64_t call, const std::string& consumer,
                          std::string_view text) {
  auto message = queue->ready.begin();
  queue->leased.splice(queue->leased.end(), queue->ready, message);
  message->owner = call;
  leases_[call] = {queue, message, consumer};
  actions_->answers.push_back({.call = call,
                               .code = kSuccess,
                               .message = std::string(text),
                               .delivers = {queue->id, message->offset},
                               .payload = message->payload});
  MaybeLoad(queue);
}

void TransferQueues::On(Delivered& delivered) {
  auto node = leases_.find(delivered.call);
  if (node == leases_.end()) return;  // released, or the consumer has come back already
  Lease& lease = node->second;
  Queue* queue = lease.queue;
  auto message = lease.message;
  if (delivered.written && !lease.consumer.empty()) {
    lease.deadline = now_ + limits_.lease;
    lease_deadlines_.insert({lease.deadline, delivered.call});
    return;
  }
  EndLease(delivered.call);
  if (!delivered.written) {
    PutBack(queue, message);
    return Serve(queue);
  }
  Consume(queue, &queue->leased, message);
  ForgetIfNothing(queue);
}

void TransferQueues::EndLease(uint64_t call) {
  auto lease = leases_.find(call);
  lease_deadlines_.erase({lease->second.deadline, call});
  leases_.erase(lease);
}

// To its place: before what was pushed later.
void TransferQueues::PutBack(Queue* queue, Messages::iterator leased) {
  ++stats_.returned_messages;
  auto after = std::find_if(queue->ready.begin(), queue->ready.end(), [&](const Message& message) {
    return message.offset > leased->offset;
  });
  queue->ready.splice(after, queue->leased, leased);
}

void TransferQueues::Consume(Queue* queue, Messages* list, Messages::iterator message) {
  if (message->on_disk) {
    actions_->commands.push_back(
        EraseMessage{{queue->id, message->offset}, message->durable, message->Cost()});
  }
  Uncount(*message);
  FreeMemory(queue, *message);
  list->erase(message);
}

void TransferQueues::On(Cancel& cancel) {
  auto waiter = waiters_.find(cancel.call);
  if (waiter == waiters_.end()) return;
  Queue* queue = waiter->second.queue;
  RemoveWaiter(cancel.call);
  ForgetIfNothing(queue);
}

void TransferQueues::RemoveWaiter(uint64_t call) {
  auto waiter = waiters_.find(call);
  deadlines_.erase({waiter->second.deadline, call});
  waiter->second.queue->waiting.erase(waiter->second.position);
  waiters_.erase(waiter);
}

// --- Messages that are on disk only -------------------------------------------------------------

// Reads ahead while there is room; for a pop that waits one message at least, though when memory
// is used up only one queue at a time.
void TransferQueues::MaybeLoad(Queue* queue) {
  if (queue->tail.count == 0 || queue->loading || queue->hungry) return;
  if (queue->memory_bytes >= kQueueReadAheadBytes / 2 && !queue->ready.empty()) return;
  bool urgent = queue->ready.empty() && !queue->waiting.empty();
  size_t used = stats_.memory_bytes + loading_bytes_;
  size_t room = used < limits_.memory_bytes ? limits_.memory_bytes - used : 0;
  if (!urgent && room < kQueueReadAheadBytes) return;
  if (room == 0 && !loads_.empty()) {
    queue->hungry = true;
    hungry_.push_back(queue->id);
    return;
  }
  queue->loading = true;
  Load load{queue->id, std::min(kQueueReadAheadBytes, room)};
  loading_bytes_ += load.bytes;
  loads_[++last_ticket_] = load;
  actions_->commands.push_back(
      LoadMessages{last_ticket_, {queue->id, queue->tail.first}, load.bytes});
}

void TransferQueues::LoadHungry() {
  while (!hungry_.empty()) {
    bool room = stats_.memory_bytes + loading_bytes_ < limits_.memory_bytes;
    if (!room && !loads_.empty()) return;
    uint64_t id = hungry_.front();
    hungry_.pop_front();
    auto queue = by_id_.find(id);
    if (queue == by_id_.end()) continue;
    queue->second->hungry = false;
    MaybeLoad(queue->second);
  }
}

void TransferQueues::On(Loaded& loaded) {
  auto node = loads_.extract(loaded.ticket);
  if (node.empty()) return;
  loading_bytes_ -= node.mapped().bytes;
  auto found = by_id_.find(node.mapped().queue);
  if (found == by_id_.end()) return;  // released meanwhile
  Queue* queue = found->second;
  queue->loading = false;
  if (!loaded.status.ok()) return OnLoadFailed(queue, loaded.status);
  if (loaded.messages.empty()) {
    return LoseTail(queue, DataLossError("{} messages of topic {} are no longer on the disk",
                                         queue->tail.count, queue->topic));
  }
  for (StoredMessage& stored : loaded.messages) TakeFromTail(queue, std::move(stored));
  Serve(queue);
  AnswerPeeks(queue);
  MaybeLoad(queue);
}

void TransferQueues::TakeFromTail(Queue* queue, StoredMessage stored) {
  if (queue->tail.count == 0 || stored.offset < queue->tail.first) return;
  Party* party = &*parties_.try_emplace(stored.party, 0).first;
  Messages message;
  message.push_back({.offset = stored.offset,
                     .payload = std::move(stored.payload),
                     .party = party,
                     .born = now_,
                     .on_disk = true,
                     .durable = stored.durable});
  queue->tail.RemoveFront(stored.offset, message.front().Cost(), party);
  HoldMemory(queue, message.front());
  auto& early = queue->acknowledged_in_tail;
  if (auto it = std::find(early.begin(), early.end(), stored.offset); it != early.end()) {
    early.erase(it);
    return Consume(queue, &message, message.begin());
  }
  queue->ready.splice(queue->ready.end(), message);
}

// The messages may be readable again later: they stay, the pops that wait for them end.
void TransferQueues::OnLoadFailed(Queue* queue, const absl::Status& why) {
  while (!queue->waiting.empty()) {
    uint64_t call = queue->waiting.front();
    RemoveWaiter(call);
    Refuse(call, kSystemError,
           Annotate(why, fmt::format("the messages of topic {} cannot be read", queue->topic)));
  }
}

void TransferQueues::LoseTail(Queue* queue, const absl::Status& why) {
  stats_.lost_messages += queue->tail.count;
  actions_->warnings.push_back(fate::Message(why));
  UncountTail(queue);
  OnLoadFailed(queue, why);
}

void TransferQueues::AnswerPeeks(Queue* queue) {
  if (queue->tail.count > 0) return;
  for (auto call = queue->waiting.begin(); call != queue->waiting.end();) {
    uint64_t peek = *call++;
    if (waiters_.at(peek).waits) continue;
    RemoveWaiter(peek);
    Reply(peek, kSuccess);
  }
}

// --- Answers ------------------------------------------------------------------------------------

void TransferQueues::Reply(uint64_t call, std::string_view code, std::string message) {
  actions_->answers.push_back({.call = call, .code = code, .message = std::move(message)});
}

void TransferQueues::Refuse(uint64_t call, std::string_view code, absl::Status why) {
  actions_->answers.push_back({.call = call, .code = code, .failure = std::move(why)});
}

void TransferQueues::RefuseQueue(uint64_t call) {
  Refuse(call, kBufferFull,
         ResourceExhaustedError("there are {} queues already; release sessions that are over",
                                by_id_.size()));
}

}  // namespace fate::transfer_queue
