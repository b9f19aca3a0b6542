#pragma once

// What transfer queues keep on disk, in one RocksDB (its files belong to nobody else).
//
//   column family | key                       | value
//   index         | 'q' queue                 | session 0x00 topic        durable queues only
//                 | 'o' queue                 | offset of the next message
//                 | 'p' queue producer        | numbers taken (SequenceSet::ToText)
//                 | 'm' queue offset          | bytes blank party
//                 | 'r' queue                 | nothing: released, only 'q' and 'p' are left
//   durable       | queue offset              | length of party, party, message
//   spill         | queue offset              | the same; written without log, gone at the next
//   Open
//
// Numbers are big-endian, 8 bytes. Messages of 4 KiB and more lie in blob files beside the tree,
// so that compaction does not copy them. A durable message and its index entries are one batch
// of the log. One thread at a time calls Run; Compact may run beside it.

#include <cstdint>
#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "rocksdb/db.h"
#include "rocksdb/write_batch.h"
#include "transfer_queue/types.h"

namespace fate::queue_store {

class QueueDatabase {
 public:
  // Makes the folder when absent. Errors: kUnavailable naming folder and remedy.
  static absl::StatusOr<std::unique_ptr<QueueDatabase>> Open(const std::string& folder);
  ~QueueDatabase();

  // The durable queues, as they were when the last durable write was answered (or later).
  absl::StatusOr<std::vector<transfer_queue::RecoveredQueue>> Recover();

  // Carries the commands out in order; durable writes share one fsync as far as no load stands
  // between them. Appends the outcomes in the same order.
  void Run(std::vector<transfer_queue::StoreCommand> commands,
           std::vector<transfer_queue::Event>* outcomes);

  // Gives the disk space of erased messages back: seconds where there is much.
  absl::Status Compact();

 private:
  struct Spilled {
    uint64_t first = 0, last = 0;  // offsets
  };
  using Outcomes = std::vector<transfer_queue::Event>;

  explicit QueueDatabase(std::string folder) : folder_(std::move(folder)) {}
  absl::Status OpenDatabase();
  absl::Status RenewSpill();
  void Add(const transfer_queue::WriteMessage& write, Outcomes* outcomes);
  void Add(const transfer_queue::EraseMessage& erase, Outcomes* outcomes);
  void Add(const transfer_queue::LoadMessages& load, Outcomes* outcomes);
  void Add(const transfer_queue::DropQueue& drop, Outcomes* outcomes);
  void DropDurable(const transfer_queue::DropQueue& drop);
  void DropSpilled(uint64_t queue);
  void Flush(Outcomes* outcomes);
  absl::Status WriteBatches();
  absl::Status CheckSpace() const;
  absl::Status Failure(const rocksdb::Status& status, const char* what) const;
  absl::Status Read(rocksdb::ColumnFamilyHandle* family, const transfer_queue::LoadMessages& load,
                    size_t* bytes, std::vector<transfer_queue::StoredMessage>* messages) const;

  const std::string folder_;
  std::unique_ptr<rocksdb::DB> db_;
  rocksdb::ColumnFamilyHandle *index_ = nullptr, *durable_ = nullptr, *spill_ = nullptr;
  // Not yet written: batches, the tickets that wait for them, and what has to be tried again if
  // they cannot be written.
  rocksdb::WriteBatch logged_, unlogged_;
  bool has_durable_writes_ = false;
  size_t batch_bytes_ = 0;
  std::vector<uint64_t> tickets_;
  std::vector<transfer_queue::StoreCommand> erasures_;
  bool failed_ = false;                            // the last write did
  std::unordered_map<uint64_t, Spilled> spilled_;  // by queue
};

}  // namespace fate::queue_store
