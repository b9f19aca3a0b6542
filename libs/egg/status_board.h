#pragma once

// What has arrived of the federation data of each tag: spec/eggroll-compute-and-storage.md 10.3
// and 10.4. Lives in the memory of the egg that the placement formula picks. Counts by
// (tag, batchSeq): a batch that is sent again counts once. Thread-safe; waiting calls are parked.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "egg/waiting_room.h"
#include "wire/federation_key.h"

namespace fate::egg {

// One batch that was stored.
struct StoredBatch {
  wire::RollSiteHeader header;
  int64_t pairs = 0;
};

class StatusBoard {
 public:
  using PartitionStatus = com::webank::eggroll::core::transfer::
      RollSitePullGetPartitionStatusResponse::RollSitePullGetPartitionStatusResponseStatus;
  static constexpr size_t kMaxRecords = 200'000;

  explicit StatusBoard(WaitingRoom* room) : room_(room) {}

  // The first header of a tag releases those who wait for it; later ones change nothing.
  // Error: kResourceExhausted.
  absl::Status SeeHeader(const std::string& tag, const wire::RollSiteHeader& header);
  // The batches of a stream that ended well; after they are visible in the store.
  absl::Status EndStream(const std::string& tag, const std::vector<StoredBatch>& batches);

  // Error: kDeadlineExceeded when no header came in time.
  using WithHeader = std::function<void(absl::StatusOr<wire::RollSiteHeader>)>;
  void AwaitHeader(const std::string& tag, absl::Time deadline, CancelFlag cancelled,
                   WithHeader then);
  // Answers when the partition is finished, at the latest at the deadline, with the numbers of
  // that moment. Error: kCancelled.
  using WithStatus = std::function<void(absl::StatusOr<PartitionStatus>)>;
  void AwaitFinished(const std::string& tag, absl::Time deadline, CancelFlag cancelled,
                     WithStatus then);
  void Clear(const std::string& tag);

 private:
  struct Record {
    bool has_header = false;
    wire::RollSiteHeader first_header;
    bool done = false;  // finish_partition was seen
    bool finished = false;
    int64_t total_batches = -1;
    int64_t total_streams = -1;
    std::string data_type;
    std::map<int64_t, int64_t> pairs_of_batch, pairs_of_stream, last_batch_of_stream;
  };
  absl::StatusOr<Record*> RecordOf(const std::string& tag);
  static void Count(const StoredBatch& batch, Record* record);
  PartitionStatus StatusOf(const std::string& tag) const;

  WaitingRoom* const room_;
  mutable std::mutex mutex_;
  std::map<std::string, Record> records_;
};

}  // namespace fate::egg
