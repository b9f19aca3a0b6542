#include "kv/store.h"

#include <fcntl.h>
#include <lmdb.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "kv/partition.h"

namespace fate::kv {
namespace {

// LMDB writes through a memory map, where a full disk is a deadly signal instead of an error:
// writers look at the free space every few MiB and stop early.
constexpr size_t kSpaceCheckBytes = size_t{4} << 20;
constexpr uint64_t kSpaceReserveBytes = uint64_t{64} << 20;

std::string_view View(const MDB_val& value) {
  return {static_cast<const char*>(value.mv_data), value.mv_size};
}

MDB_val ValueOf(std::string_view bytes) { return {bytes.size(), const_cast<char*>(bytes.data())}; }

absl::Status CheckKey(std::string_view key) {
  if (!key.empty() && key.size() <= kMaxKeyBytes) return absl::OkStatus();
  return InvalidArgumentError("a key has 1 to {} bytes; this one has {}", kMaxKeyBytes, key.size());
}

// A read transaction and what it reads; nullptr environment: nothing was ever written.
struct Snapshot {
  std::shared_ptr<Partition> partition;
  std::shared_ptr<Environment> environment;
  MDB_txn* transaction = nullptr;

  Snapshot() = default;
  Snapshot(const Snapshot&) = delete;
  Snapshot& operator=(const Snapshot&) = delete;
  ~Snapshot() {
    if (transaction != nullptr) environment->EndRead(transaction);
  }
  absl::Status Open(std::shared_ptr<Partition> of) {
    partition = std::move(of);
    ASSIGN_OR_RETURN(environment, partition->Current());
    if (environment == nullptr) return absl::OkStatus();
    ASSIGN_OR_RETURN(transaction, environment->BeginRead());
    return absl::OkStatus();
  }
};

absl::StatusOr<std::optional<std::string>> GetIn(MDB_txn* transaction, MDB_dbi dbi,
                                                 std::string_view key) {
  MDB_val wanted = ValueOf(key), found;
  int code = mdb_get(transaction, dbi, &wanted, &found);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (code != 0) return LmdbError(code, "cannot read a key of", "partition");
  return std::string(View(found));
}

}  // namespace

std::string PartitionPath(const std::string& data_dir, const std::string& store_type,
                          const StoreName& name, int partition) {
  return fmt::format("{}/{}/{}/{}/{}", data_dir, store_type, name.name_space(), name.name(),
                     partition);
}

// Cursor.

struct Cursor::State {
  Snapshot snapshot;
  MDB_cursor* cursor = nullptr;
  MDB_cursor_op next = MDB_FIRST;
  std::string sought;

  ~State() {
    if (cursor != nullptr) mdb_cursor_close(cursor);
  }
};

Cursor::Cursor() : state_(std::make_unique<State>()) {}
Cursor::Cursor(Cursor&&) noexcept = default;
Cursor& Cursor::operator=(Cursor&&) noexcept = default;
Cursor::~Cursor() = default;

bool Cursor::Next() {
  if (state_->cursor == nullptr) return false;
  MDB_val key = ValueOf(state_->sought), value;
  int code = mdb_cursor_get(state_->cursor, &key, &value, state_->next);
  state_->next = MDB_NEXT;
  if (code != 0) {
    if (code != MDB_NOTFOUND) status_ = LmdbError(code, "cannot read on in", "partition");
    return false;
  }
  key_ = View(key);
  value_ = View(value);
  return true;
}

void Cursor::Seek(std::string_view key) {
  state_->sought = key;
  state_->next = key.empty() ? MDB_FIRST : MDB_SET_RANGE;
}

// Writer.

struct Writer::State {
  Partition::WriteLock lock;
  std::shared_ptr<Partition> partition;
  std::string private_file;  // empty: written in place
  std::shared_ptr<Environment> environment;
  MDB_txn* transaction = nullptr;
  MDB_cursor* cursor = nullptr;
  std::string last_key;        // the greatest key, while `ascending`
  bool ascending = true;       // every key so far was greater than all others
  size_t unchecked_bytes = 0;  // written since the last look at the disk

  State(Partition::WriteLock held, std::shared_ptr<Partition> of)
      : lock(std::move(held)), partition(std::move(of)) {}
  ~State() {
    if (transaction != nullptr) mdb_txn_abort(transaction);
    if (!private_file.empty()) unlink(private_file.c_str());
  }
  absl::Status Begin();
  absl::Status BeginPrivately(const Environment* old);
  absl::Status CheckSpace(size_t more_bytes);
  int PutAscending(MDB_val key, MDB_val value);
};

absl::Status Writer::State::Begin() {
  ASSIGN_OR_RETURN(environment, partition->CurrentForWriting());
  if (environment == nullptr || !environment->CanWriteInPlace()) {
    RETURN_IF_ERROR(BeginPrivately(environment.get()));
  }
  ASSIGN_OR_RETURN(transaction, environment->BeginWrite());
  int code = mdb_cursor_open(transaction, environment->main(), &cursor);
  if (code != 0) return LmdbError(code, "cannot write", "partition");
  MDB_val key, value;
  if (mdb_cursor_get(cursor, &key, &value, MDB_LAST) == 0) last_key = View(key);
  return absl::OkStatus();
}

absl::Status Writer::State::BeginPrivately(const Environment* old) {
  ASSIGN_OR_RETURN(private_file, partition->NewPrivateFile());
  if (old != nullptr) {
    int fd = open(private_file.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (fd < 0) return LmdbError(errno, "cannot make", private_file);
    absl::Status copied = old->CopyTo(fd);
    close(fd);
    RETURN_IF_ERROR(copied);
  }
  ASSIGN_OR_RETURN(environment, Environment::OpenOrCreate(private_file));
  return absl::OkStatus();
}

absl::Status Writer::State::CheckSpace(size_t more_bytes) {
  unchecked_bytes += more_bytes;
  if (unchecked_bytes < kSpaceCheckBytes) return absl::OkStatus();
  int fd = -1;
  struct statvfs disk;
  mdb_env_get_fd(environment->env(), &fd);
  if (fstatvfs(fd, &disk) == 0 && disk.f_bavail * disk.f_frsize < kSpaceReserveBytes + more_bytes) {
    return ResourceExhaustedError("the disk of eggroll.data.dir is full ({} MiB left)",
                                  disk.f_bavail * disk.f_frsize >> 20);
  }
  unchecked_bytes = 0;
  return absl::OkStatus();
}

int Writer::State::PutAscending(MDB_val key, MDB_val value) {
  if (ascending && View(key) > last_key) {
    last_key = View(key);
    return mdb_cursor_put(cursor, &key, &value, MDB_APPEND);
  }
  ascending = false;
  return mdb_cursor_put(cursor, &key, &value, 0);
}

Writer::Writer() = default;
Writer::Writer(Writer&&) noexcept = default;
Writer& Writer::operator=(Writer&&) noexcept = default;
Writer::~Writer() = default;

absl::Status Writer::Put(std::string_view key, std::string_view value) {
  RETURN_IF_ERROR(CheckKey(key));
  RETURN_IF_ERROR(state_->CheckSpace(key.size() + value.size()));
  int code = state_->PutAscending(ValueOf(key), ValueOf(value));
  return code == 0 ? absl::OkStatus() : LmdbError(code, "cannot put a pair into", "partition");
}

absl::StatusOr<std::optional<std::string>> Writer::Get(std::string_view key) {
  RETURN_IF_ERROR(CheckKey(key));
  return GetIn(state_->transaction, state_->environment->main(), key);
}

absl::StatusOr<bool> Writer::Delete(std::string_view key) {
  RETURN_IF_ERROR(CheckKey(key));
  MDB_val wanted = ValueOf(key);
  state_->ascending = false;
  int code = mdb_del(state_->transaction, state_->environment->main(), &wanted, nullptr);
  if (code == MDB_NOTFOUND) return false;
  if (code != 0) return LmdbError(code, "cannot delete a key of", "partition");
  return true;
}

absl::Status Writer::Commit() {
  if (state_ == nullptr) return FailedPreconditionError("the writer has committed already");
  std::unique_ptr<State> state = std::move(state_);
  RETURN_IF_ERROR(state->environment->Commit(std::exchange(state->transaction, nullptr)));
  if (state->private_file.empty()) {
    if (state->partition->IsCurrent(*state->environment)) return absl::OkStatus();
    return UnavailableError("the table was removed while it was written");
  }
  RETURN_IF_ERROR(state->partition->Publish(state->private_file, state->environment));
  state->private_file.clear();
  return absl::OkStatus();
}

// Store.

absl::StatusOr<Store> Store::Open(const std::string& partition_path) {
  ASSIGN_OR_RETURN(auto partition, Partition::At(partition_path));
  return Store(std::move(partition));
}

absl::StatusOr<std::optional<std::string>> Store::Get(std::string_view key) const {
  if (key.empty()) return InvalidArgumentError("a key has 1 to {} bytes", kMaxKeyBytes);
  Snapshot snapshot;
  RETURN_IF_ERROR(snapshot.Open(partition_));
  if (snapshot.environment == nullptr || key.size() > kMaxKeyBytes) return std::nullopt;
  return GetIn(snapshot.transaction, snapshot.environment->main(), key);
}

absl::StatusOr<uint64_t> Store::Count() const {
  Snapshot snapshot;
  RETURN_IF_ERROR(snapshot.Open(partition_));
  if (snapshot.environment == nullptr) return 0;
  MDB_stat statistics;
  int code = mdb_stat(snapshot.transaction, snapshot.environment->main(), &statistics);
  if (code != 0) return LmdbError(code, "cannot count", "partition");
  return statistics.ms_entries;
}

absl::StatusOr<Cursor> Store::Scan() const {
  Cursor cursor;
  Snapshot& snapshot = cursor.state_->snapshot;
  RETURN_IF_ERROR(snapshot.Open(partition_));
  if (snapshot.environment == nullptr) return cursor;
  int code =
      mdb_cursor_open(snapshot.transaction, snapshot.environment->main(), &cursor.state_->cursor);
  if (code != 0) return LmdbError(code, "cannot scan", "partition");
  return cursor;
}

absl::StatusOr<Writer> Store::Write(const std::atomic<bool>* cancelled, absl::Duration patience) {
  ASSIGN_OR_RETURN(auto lock, partition_->LockForWriting(patience, cancelled));
  Writer writer;
  writer.state_ = std::make_unique<Writer::State>(std::move(lock), partition_);
  RETURN_IF_ERROR(writer.state_->Begin());
  return writer;
}

}  // namespace fate::kv
