#pragma once

// The disk of the transfer queues: carries out their commands on a thread of its own, in order.
// What is submitted while the disk is busy is written together, with one fsync. A second thread
// gives disk space back when much has been erased, or when nothing is left.

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "transfer_queue/types.h"

namespace fate::queue_store {

class QueueDatabase;

class QueueStore {
 public:
  using Outcomes = std::vector<transfer_queue::Event>;  // Stored and Loaded

  // `tell`: runs on the store's thread with outcomes in the order of their commands.
  QueueStore(std::string folder, std::function<void(Outcomes)> tell);
  // Carries out what was submitted.
  ~QueueStore();

  // What an earlier process left; opens the folder. Without it the folder is made and opened by
  // the first command, so that queues that stay in memory touch no disk. Before the first Submit.
  absl::StatusOr<std::vector<transfer_queue::RecoveredQueue>> Recover();
  bool exists() const;

  void Submit(std::vector<transfer_queue::StoreCommand> commands);

 private:
  void Work();
  void CarryOut(std::vector<transfer_queue::StoreCommand> commands);
  void CountErased(const std::vector<transfer_queue::StoreCommand>& commands);
  bool ToClean() const;
  void Clean();

  const std::string folder_;
  const std::function<void(Outcomes)> tell_;
  std::unique_ptr<QueueDatabase> database_;

  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<transfer_queue::StoreCommand> submitted_;
  bool stop_ = false;
  uint64_t live_bytes_ = 0, erased_bytes_ = 0;  // erased: since the last cleaning
  bool open_ = false;
  std::thread worker_, cleaner_;
};

}  // namespace fate::queue_store
