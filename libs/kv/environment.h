#pragma once

// An LMDB file that is open in this process, with exactly the options eggroll gives it
// (spec/eggroll-compute-and-storage.md 11.3). Thread-safe.
//
// Eggroll opens its files without LMDB's reader table, so LMDB lets write transaction T reuse
// every page that became free at T-2 or before: a snapshot R survives the commits R+1 and R+2,
// the next one may overwrite it. CanWriteInPlace() says whether a snapshot is in danger:
// readers of this process are counted here, readers of other processes hold a shared flock on
// the file. docs/storage_format.md has the whole rule.

#include <lmdb.h>
#include <sys/stat.h>

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fate::kv {

class Environment {
 public:
  // An existing file. Errors: kDataLoss when it is no database, kNotFound when it has no
  // sub-database "main" (a foreign process was killed while it made the file).
  static absl::StatusOr<std::shared_ptr<Environment>> Open(const std::string& file);
  // The same, but makes what is missing. The caller holds the partition's write lock.
  static absl::StatusOr<std::shared_ptr<Environment>> OpenOrCreate(const std::string& file);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  MDB_env* env() const { return env_; }
  MDB_dbi main() const { return main_; }
  bool IsFile(const struct stat& file) const;
  // Copies the last committed state into an open, empty file.
  absl::Status CopyTo(int fd) const;

  absl::StatusOr<MDB_txn*> BeginRead();
  void EndRead(MDB_txn* transaction);

  // The caller holds the partition's write lock until the transaction ends.
  bool CanWriteInPlace();
  absl::StatusOr<MDB_txn*> BeginWrite();
  absl::Status Commit(MDB_txn* transaction);

 private:
  explicit Environment(std::string file) : file_(std::move(file)) {}
  static absl::StatusOr<std::shared_ptr<Environment>> OpenEnv(const std::string& file);
  absl::Status OpenMain(unsigned int flags);

  const std::string file_;
  MDB_env* env_ = nullptr;
  MDB_dbi main_ = 0;
  struct stat identity_ = {};
  std::mutex mutex_;
  std::multiset<size_t> snapshots_;  // transaction ids that readers of this process see
};

// An LMDB return code as a status: "<what> <file>: <LMDB's text>".
absl::Status LmdbError(int code, const std::string& what, const std::string& file);

}  // namespace fate::kv
