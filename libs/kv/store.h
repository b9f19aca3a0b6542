#pragma once

// One partition of a table on disk: an LMDB environment in eggroll's exact layout and options
// (spec/eggroll-compute-and-storage.md 11), named database "main".
//
// Readers see the snapshot of the moment their cursor was opened. Writers of one partition are
// serialized, in the process and between processes; a batch of writes is one transaction, which
// never waits for readers and never disturbs them: a new partition, and one whose old snapshots
// are in use, is written to a private file that takes its place at Commit()
// (docs/storage_format.md). A file is opened anew when another process has removed and remade
// the folder. A Store may be used by several threads, a Cursor or Writer by one.

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/names.h"

namespace fate::kv {

// <data dir>/<store type>/<namespace>/<name>/<partition>
std::string PartitionPath(const std::string& data_dir, const std::string& store_type,
                          const StoreName& name, int partition);

class Partition;  // what all users of one path share: the open file and the right to write

// Walks a snapshot in key order. Views stay valid while the cursor lives. Movable.
class Cursor {
 public:
  Cursor(Cursor&&) noexcept;
  Cursor& operator=(Cursor&&) noexcept;
  ~Cursor();
  bool Next();
  // Positions before the first key >= `key`; the following Next() returns it.
  void Seek(std::string_view key);
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  const absl::Status& status() const { return status_; }

 private:
  friend class Store;
  Cursor();
  struct State;
  std::unique_ptr<State> state_;
  std::string_view key_, value_;
  absl::Status status_;
};

// How long a writer waits for another writer of its partition by default.
inline constexpr absl::Duration kWriterPatience = absl::Minutes(10);

// One write transaction. Commit() makes it visible; destruction without Commit() drops it.
class Writer {
 public:
  Writer(Writer&&) noexcept;
  Writer& operator=(Writer&&) noexcept;
  ~Writer();
  // Overwrites. Errors: kInvalidArgument for an empty key or one of more than 511 bytes,
  // kResourceExhausted when the map or the disk is full.
  absl::Status Put(std::string_view key, std::string_view value);
  // The value as this transaction sees it.
  absl::StatusOr<std::optional<std::string>> Get(std::string_view key);
  absl::StatusOr<bool> Delete(std::string_view key);
  absl::Status Commit();

 private:
  friend class Store;
  Writer();
  struct State;
  std::unique_ptr<State> state_;
};

class Store {
 public:
  // Makes the folder when absent; the file is made by the first read or write.
  static absl::StatusOr<Store> Open(const std::string& partition_path);

  absl::StatusOr<std::optional<std::string>> Get(std::string_view key) const;
  absl::StatusOr<uint64_t> Count() const;
  absl::StatusOr<Cursor> Scan() const;
  // Waits for other writers of the same partition. Errors: kDeadlineExceeded, kCancelled.
  absl::StatusOr<Writer> Write(const std::atomic<bool>* cancelled = nullptr,
                               absl::Duration patience = kWriterPatience);

 private:
  explicit Store(std::shared_ptr<Partition> partition) : partition_(std::move(partition)) {}
  std::shared_ptr<Partition> partition_;
};

// Removes the folder of a table, or of a namespace when the name is "*" (every store type when
// `store_type` is "*" too); section 12.2. What is absent is removed already.
// Errors: kPermissionDenied for a path that leads out of the data directory.
absl::Status Destroy(const std::string& data_dir, const std::string& store_type,
                     const StoreName& name);

}  // namespace fate::kv
