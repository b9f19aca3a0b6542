#pragma once

// The meeting point of `send` streams and the task that stores their pairs. A broker is a
// bounded queue of batches under a tag; streams that arrive before their task wait for it
// (spec/eggroll-compute-and-storage.md 7). Writers never block: they are told when to go on.
// Thread-safe.

#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "egg/waiting_room.h"

namespace fate::egg {

// TransferHeader.status of a native sender that gives up; header.ext says why. The receiving
// task fails at once instead of waiting for a share that will not come.
inline constexpr char kFailedStatus[] = "failed";

// Content of a TransferBatch.
struct Batch {
  std::string data;  // pair batch, may be empty
  std::string ext;   // RollSiteHeader of federation data
};

class Broker {
 public:
  // Bytes that wait for the reader before writers are stopped.
  static constexpr size_t kLimitBytes = size_t{4} << 20;

  explicit Broker(int writers) : writers_(writers) {}

  // Writers. False when all expected ones are there.
  bool Claim();
  // Takes the batch in any case. False: stop; `go_on` will run once, when there is room or the
  // broker has failed.
  bool Put(Batch batch, std::function<void()> go_on);
  void FinishWriter();
  // Makes every later operation of both sides end with `reason`. The first reason stays.
  void Fail(absl::Status reason);
  absl::Status status() const;

  // Reader: the next batch, nullopt after the last writer's last one. Errors: the failure,
  // kCancelled, kDeadlineExceeded after `idle` without a batch.
  absl::StatusOr<std::optional<Batch>> Take(const std::atomic<bool>& cancelled,
                                            absl::Duration idle);

 private:
  std::vector<std::function<void()>> TakeStopped();

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<Batch> queue_;
  size_t queued_bytes_ = 0;
  const int writers_;
  int claimed_ = 0;
  int finished_ = 0;
  absl::Status failure_;
  std::vector<std::function<void()>> stopped_;  // writers that wait for room
};

// What `recv` will stream: a partition, read when it is asked for.
struct GetAllSource {
  std::string partition_path;
  int64_t limit = -1;  // pairs; negative: all
};

class BrokerRegistry {
 public:
  static constexpr absl::Duration kTagPatience = absl::Seconds(120);
  static constexpr absl::Duration kSourceLife = absl::Minutes(10);
  static constexpr size_t kMaxTags = 20'000;

  explicit BrokerRegistry(WaitingRoom* room) : room_(room) {}

  // Errors: kAlreadyExists while a task with this tag runs, kResourceExhausted.
  absl::StatusOr<std::shared_ptr<Broker>> Create(const std::string& tag, int writers);
  // The reader's farewell when the tag may be used again.
  void Remove(const std::string& tag, const std::shared_ptr<Broker>& broker);
  // The same for a tag that is used once: a failed broker stays for kTagPatience, so that late
  // writers hear of it instead of waiting.
  void Retire(const std::string& tag, const std::shared_ptr<Broker>& broker);
  // A writer of the tag is lost before it could claim the broker; nothing when no task waits.
  void FailWaiting(const std::string& tag, const absl::Status& reason);
  absl::Status Offer(const std::string& tag, GetAllSource source);

  // Answers at once or when the tag appears; kDeadlineExceeded after kTagPatience. The broker
  // given out has been claimed for one writer.
  using WithBroker = std::function<void(absl::StatusOr<std::shared_ptr<Broker>>)>;
  void AwaitBroker(const std::string& tag, CancelFlag cancelled, WithBroker then);
  using WithSource = std::function<void(absl::StatusOr<GetAllSource>)>;
  void AwaitSource(const std::string& tag, CancelFlag cancelled, WithSource then);
  size_t size() const;

 private:
  struct Entry {
    std::shared_ptr<Broker> broker;
    std::optional<GetAllSource> source;
    absl::Time expires = absl::InfiniteFuture();
  };
  void ForgetExpired();
  absl::Status MakeRoom();
  template <class Result, class Then>
  void Await(const std::string& tag, CancelFlag cancelled, absl::Time deadline, Then then);
  bool Find(const std::string& tag, std::shared_ptr<Broker>* broker);
  bool Find(const std::string& tag, GetAllSource* source);

  WaitingRoom* const room_;
  mutable std::mutex mutex_;
  std::map<std::string, Entry> entries_;
  absl::Time next_sweep_ = absl::InfinitePast();
};

}  // namespace fate::egg
