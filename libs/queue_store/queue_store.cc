#include "queue_store/queue_store.h"

#include <chrono>
#include <filesystem>

#include "base/log.h"
#include "base/status.h"
#include "queue_store/queue_database.h"

namespace fate::queue_store {
namespace {

using transfer_queue::StoreCommand;

// Disk space is given back when this much, and half of what lies there, is erased; or when all is
// and nothing happened for a moment.
constexpr uint64_t kErasedBytes = 256 << 20;
constexpr auto kQuiet = std::chrono::milliseconds(500);

}  // namespace

QueueStore::QueueStore(std::string folder, std::function<void(Outcomes)> tell)
    : folder_(std::move(folder)),
      tell_(std::move(tell)),
      worker_([this] { Work(); }),
      cleaner_([this] { Clean(); }) {}

QueueStore::~QueueStore() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  worker_.join();
  cleaner_.join();
}

bool QueueStore::exists() const { return std::filesystem::exists(folder_ + "/CURRENT"); }

absl::StatusOr<std::vector<transfer_queue::RecoveredQueue>> QueueStore::Recover() {
  ASSIGN_OR_RETURN(database_, QueueDatabase::Open(folder_));
  ASSIGN_OR_RETURN(auto queues, database_->Recover());
  std::lock_guard lock(mutex_);
  open_ = true;
  for (const auto& queue : queues) {
    for (const auto& message : queue.messages) live_bytes_ += message.bytes;
  }
  return queues;
}

void QueueStore::Submit(std::vector<StoreCommand> commands) {
  {
    std::lock_guard lock(mutex_);
    for (auto& command : commands) submitted_.push_back(std::move(command));
  }
  changed_.notify_all();
}

void QueueStore::Work() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || !submitted_.empty(); });
    if (submitted_.empty()) return;
    auto commands = std::exchange(submitted_, {});
    lock.unlock();
    CarryOut(std::move(commands));
    lock.lock();
  }
}

void QueueStore::CarryOut(std::vector<StoreCommand> commands) {
  Outcomes outcomes;
  if (!database_) {
    auto opened = QueueDatabase::Open(folder_);
    if (!opened.ok()) {
      log::Error("{}", Message(opened.status()));
      for (const StoreCommand& command : commands) {
        if (auto* write = std::get_if<transfer_queue::WriteMessage>(&command)) {
          outcomes.emplace_back(transfer_queue::Stored{write->ticket, opened.status()});
        } else if (auto* load = std::get_if<transfer_queue::LoadMessages>(&command)) {
          outcomes.emplace_back(transfer_queue::Loaded{load->ticket, opened.status(), {}});
        } else if (auto* drop = std::get_if<transfer_queue::DropQueue>(&command)) {
          if (drop->ticket) outcomes.emplace_back(transfer_queue::Stored{drop->ticket, {}});
        }
      }
      return tell_(std::move(outcomes));
    }
    database_ = *std::move(opened);
  }
  CountErased(commands);
  database_->Run(std::move(commands), &outcomes);
  if (!outcomes.empty()) tell_(std::move(outcomes));
}

void QueueStore::CountErased(const std::vector<StoreCommand>& commands) {
  std::lock_guard lock(mutex_);
  open_ = true;
  for (const StoreCommand& command : commands) {
    uint64_t erased = 0;
    if (auto* write = std::get_if<transfer_queue::WriteMessage>(&command)) {
      live_bytes_ += write->payload.size() + kQueueMessageOverheadBytes;
    } else if (auto* erase = std::get_if<transfer_queue::EraseMessage>(&command)) {
      erased = erase->bytes;
    } else if (auto* drop = std::get_if<transfer_queue::DropQueue>(&command)) {
      erased = std::max<uint64_t>(drop->bytes, 1);
    }
    live_bytes_ -= std::min(live_bytes_, erased);
    erased_bytes_ += erased;
  }
  if (ToClean()) changed_.notify_all();
}

bool QueueStore::ToClean() const {
  bool much = erased_bytes_ >= kErasedBytes && erased_bytes_ >= live_bytes_;
  return open_ && (much || (live_bytes_ == 0 && erased_bytes_ > 0));
}

void QueueStore::Clean() {
  std::unique_lock lock(mutex_);
  while (true) {
    changed_.wait(lock, [this] { return stop_ || ToClean(); });
    if (stop_) return;
    uint64_t before = erased_bytes_;
    changed_.wait_for(lock, kQuiet, [this] { return stop_; });
    bool in_use = erased_bytes_ != before && erased_bytes_ < kErasedBytes;
    if (in_use || stop_) continue;
    erased_bytes_ = 0;
    lock.unlock();
    absl::Status status = database_->Compact();
    if (!status.ok()) log::Warning("disk space of queues is not given back: {}", Message(status));
    lock.lock();
  }
}

}  // namespace fate::queue_store
