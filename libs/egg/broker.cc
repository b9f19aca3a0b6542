#include "egg/broker.h"

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "base/status.h"

namespace fate::egg {
namespace {
constexpr auto kCancelCheck = std::chrono::milliseconds(50);
constexpr absl::Duration kSweepInterval = absl::Seconds(1);
}  // namespace

bool Broker::Claim() {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return true;  // the writer shall hear of it
  if (claimed_ >= writers_) return false;
  ++claimed_;
  return true;
}

bool Broker::Put(Batch batch, std::function<void()> go_on) {
  std::lock_guard lock(mutex_);
  if (!failure_.ok()) return true;
  queued_bytes_ += batch.data.size() + batch.ext.size();
  queue_.push_back(std::move(batch));
  changed_.notify_one();
  if (queued_bytes_ < kLimitBytes) return true;
  stopped_.push_back(std::move(go_on));
  return false;
}

void Broker::FinishWriter() {
  std::lock_guard lock(mutex_);
  ++finished_;
  changed_.notify_one();
}

std::vector<std::function<void()>> Broker::TakeStopped() { return std::exchange(stopped_, {}); }

void Broker::Fail(absl::Status reason) {
  std::vector<std::function<void()>> stopped;
  {
    std::lock_guard lock(mutex_);
    if (!failure_.ok()) return;
    failure_ = std::move(reason);
    queue_.clear();
    queued_bytes_ = 0;
    stopped = TakeStopped();
    changed_.notify_all();
  }
  for (const auto& go_on : stopped) go_on();
}

absl::Status Broker::status() const {
  std::lock_guard lock(mutex_);
  return failure_;
}

absl::StatusOr<std::optional<Batch>> Broker::Take(const std::atomic<bool>& cancelled,
                                                  absl::Duration idle) {
  const absl::Time deadline = absl::Now() + idle;
  std::vector<std::function<void()>> stopped;
  std::optional<Batch> batch;
  {
    std::unique_lock lock(mutex_);
    while (true) {
      if (!failure_.ok()) return failure_;
      if (!queue_.empty()) break;
      if (finished_ >= writers_) return std::nullopt;
      if (cancelled) return CancelledError("cancelled while waiting for data");
      if (absl::Now() >= deadline) {
        return DeadlineExceededError("no data for {}", absl::FormatDuration(idle));
      }
      changed_.wait_for(lock, kCancelCheck);
    }
    batch = std::move(queue_.front());
    queue_.pop_front();
    queued_bytes_ -= batch->data.size() + batch->ext.size();
    if (queued_bytes_ < kLimitBytes / 2) stopped = TakeStopped();
  }
  for (const auto& go_on : stopped) go_on();
  return batch;
}

void BrokerRegistry::ForgetExpired() {
  absl::Time now = absl::Now();
  if (now < next_sweep_) return;
  next_sweep_ = now + kSweepInterval;
  std::erase_if(entries_, [now](const auto& entry) { return entry.second.expires <= now; });
}

absl::Status BrokerRegistry::MakeRoom() {
  ForgetExpired();
  if (entries_.size() < kMaxTags) return absl::OkStatus();
  return ResourceExhaustedError("{} transfers are open; fetch or cancel some", entries_.size());
}

absl::StatusOr<std::shared_ptr<Broker>> BrokerRegistry::Create(const std::string& tag,
                                                               int writers) {
  auto broker = std::make_shared<Broker>(writers);
  {
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(MakeRoom());
    Entry& entry = entries_[tag];
    if (entry.broker != nullptr && entry.broker->status().ok()) {
      return AlreadyExistsError("a task with id {} is running already", tag);
    }
    entry = {.broker = broker};
  }
  room_->Wake("broker " + tag);
  return broker;
}

void BrokerRegistry::Remove(const std::string& tag, const std::shared_ptr<Broker>& broker) {
  std::lock_guard lock(mutex_);
  auto it = entries_.find(tag);
  if (it != entries_.end() && it->second.broker == broker) entries_.erase(it);
}

void BrokerRegistry::Retire(const std::string& tag, const std::shared_ptr<Broker>& broker) {
  if (broker->status().ok()) return Remove(tag, broker);
  std::lock_guard lock(mutex_);
  auto it = entries_.find(tag);
  if (it != entries_.end() && it->second.broker == broker) {
    it->second.expires = absl::Now() + kTagPatience;
  }
}

void BrokerRegistry::FailWaiting(const std::string& tag, const absl::Status& reason) {
  std::shared_ptr<Broker> broker;
  {
    std::lock_guard lock(mutex_);
    if (!Find(tag, &broker)) return;
  }
  broker->Fail(reason);
}

absl::Status BrokerRegistry::Offer(const std::string& tag, GetAllSource source) {
  {
    std::lock_guard lock(mutex_);
    RETURN_IF_ERROR(MakeRoom());
    entries_[tag] = {.source = std::move(source), .expires = absl::Now() + kSourceLife};
  }
  room_->Wake("source " + tag);
  return absl::OkStatus();
}

bool BrokerRegistry::Find(const std::string& tag, std::shared_ptr<Broker>* broker) {
  auto it = entries_.find(tag);
  if (it == entries_.end() || it->second.broker == nullptr) return false;
  *broker = it->second.broker;
  return (*broker)->Claim();
}

bool BrokerRegistry::Find(const std::string& tag, GetAllSource* source) {
  auto it = entries_.find(tag);
  if (it == entries_.end() || !it->second.source) return false;
  *source = *std::move(it->second.source);
  entries_.erase(it);
  return true;
}

template <class Result, class Then>
void BrokerRegistry::Await(const std::string& tag, CancelFlag cancelled, absl::Time deadline,
                           Then then) {
  constexpr bool kBroker = std::is_same_v<Result, std::shared_ptr<Broker>>;
  Result found;
  {
    std::lock_guard lock(mutex_);
    if (!Find(tag, &found)) {
      auto resume = [=, this](WaitingRoom::Outcome outcome) {
        if (outcome == WaitingRoom::Outcome::kEvent) {
          Await<Result>(tag, cancelled, deadline, then);
        } else if (outcome == WaitingRoom::Outcome::kCancelled) {
          then(CancelledError("cancelled while waiting for task {}", tag));
        } else {
          then(DeadlineExceededError("cannot get broker={}, no such task began within {}", tag,
                                     absl::FormatDuration(kTagPatience)));
        }
      };
      room_->Park((kBroker ? "broker " : "source ") + tag, deadline, cancelled, resume);
      return;
    }
  }
  then(std::move(found));
}

void BrokerRegistry::AwaitBroker(const std::string& tag, CancelFlag cancelled, WithBroker then) {
  Await<std::shared_ptr<Broker>>(tag, std::move(cancelled), absl::Now() + kTagPatience,
                                 std::move(then));
}

void BrokerRegistry::AwaitSource(const std::string& tag, CancelFlag cancelled, WithSource then) {
  Await<GetAllSource>(tag, std::move(cancelled), absl::Now() + kTagPatience, std::move(then));
}

size_t BrokerRegistry::size() const {
  std::lock_guard lock(mutex_);
  return entries_.size();
}

}  // namespace fate::egg
