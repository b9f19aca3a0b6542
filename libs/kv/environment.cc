#include "kv/environment.h"

#include <sys/file.h>

#include <cerrno>

#include "base/status.h"

namespace fate::kv {
namespace {

constexpr size_t kMapBytes = size_t{16} * 4096 * 244140;
constexpr unsigned int kFlags = MDB_WRITEMAP | MDB_NOSYNC | MDB_NOLOCK | MDB_NOTLS | MDB_NOSUBDIR;
constexpr unsigned int kMaxDatabases = 128, kMaxReaders = 126;
constexpr char kMain[] = "main";

absl::StatusCode CodeOf(int code) {
  switch (code) {
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case ENOSPC:
    case EMFILE:
    case ENFILE:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case MDB_INVALID:
    case MDB_CORRUPTED:
    case MDB_VERSION_MISMATCH:
    case MDB_PAGE_NOTFOUND:
      return absl::StatusCode::kDataLoss;
    case MDB_NOTFOUND:
    case ENOENT:
      return absl::StatusCode::kNotFound;
    case MDB_BAD_VALSIZE:
      return absl::StatusCode::kInvalidArgument;
    case EACCES:
    case EPERM:
      return absl::StatusCode::kPermissionDenied;
    default:
      return absl::StatusCode::kInternal;
  }
}

// Blocks only for the moment in which a writer elsewhere looks for readers.
void Lock(int fd, int operation) {
  while (flock(fd, operation) != 0 && errno == EINTR) {
  }
}

}  // namespace

absl::Status LmdbError(int code, const std::string& what, const std::string& file) {
  return absl::Status(CodeOf(code), fmt::format("{} {}: {}", what, file, mdb_strerror(code)));
}

absl::StatusOr<std::shared_ptr<Environment>> Environment::OpenEnv(const std::string& file) {
  std::shared_ptr<Environment> environment(new Environment(file));
  MDB_env*& env = environment->env_;
  int code = mdb_env_create(&env);
  if (code == 0) code = mdb_env_set_mapsize(env, kMapBytes);
  if (code == 0) code = mdb_env_set_maxdbs(env, kMaxDatabases);
  if (code == 0) code = mdb_env_set_maxreaders(env, kMaxReaders);
  if (code == 0) code = mdb_env_open(env, file.c_str(), kFlags, 0644);
  int fd = -1;
  if (code == 0) code = mdb_env_get_fd(env, &fd);
  if (code == 0 && fstat(fd, &environment->identity_) != 0) code = errno;
  if (code != 0) return LmdbError(code, "cannot open partition", file);
  return environment;
}

absl::StatusOr<std::shared_ptr<Environment>> Environment::Open(const std::string& file) {
  ASSIGN_OR_RETURN(auto environment, OpenEnv(file));
  RETURN_IF_ERROR(environment->OpenMain(0));
  return environment;
}

absl::StatusOr<std::shared_ptr<Environment>> Environment::OpenOrCreate(const std::string& file) {
  ASSIGN_OR_RETURN(auto environment, OpenEnv(file));
  absl::Status status = environment->OpenMain(0);
  if (absl::IsNotFound(status)) status = environment->OpenMain(MDB_CREATE);
  RETURN_IF_ERROR(status);
  return environment;
}

absl::Status Environment::OpenMain(unsigned int flags) {
  MDB_txn* transaction = nullptr;
  int code = mdb_txn_begin(env_, nullptr, flags == 0 ? MDB_RDONLY : 0, &transaction);
  if (code == 0) code = mdb_dbi_open(transaction, kMain, flags, &main_);
  if (code == 0) {
    code = mdb_txn_commit(transaction);
  } else if (transaction != nullptr) {
    mdb_txn_abort(transaction);
  }
  return code == 0 ? absl::OkStatus() : LmdbError(code, "cannot open 'main' of partition", file_);
}

Environment::~Environment() {
  if (env_ != nullptr) mdb_env_close(env_);
}

bool Environment::IsFile(const struct stat& file) const {
  return file.st_dev == identity_.st_dev && file.st_ino == identity_.st_ino;
}

absl::Status Environment::CopyTo(int fd) const {
  int code = mdb_env_copyfd2(env_, fd, 0);
  return code == 0 ? absl::OkStatus() : LmdbError(code, "cannot copy partition", file_);
}

absl::StatusOr<MDB_txn*> Environment::BeginRead() {
  std::lock_guard lock(mutex_);
  int fd = -1;
  mdb_env_get_fd(env_, &fd);
  if (snapshots_.empty()) Lock(fd, LOCK_SH);
  MDB_txn* transaction = nullptr;
  if (int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &transaction); code != 0) {
    if (snapshots_.empty()) Lock(fd, LOCK_UN);
    return LmdbError(code, "cannot read partition", file_);
  }
  snapshots_.insert(mdb_txn_id(transaction));
  return transaction;
}

void Environment::EndRead(MDB_txn* transaction) {
  std::lock_guard lock(mutex_);
  snapshots_.erase(snapshots_.find(mdb_txn_id(transaction)));
  mdb_txn_abort(transaction);
  int fd = -1;
  mdb_env_get_fd(env_, &fd);
  if (snapshots_.empty()) Lock(fd, LOCK_UN);
}

bool Environment::CanWriteInPlace() {
  std::lock_guard lock(mutex_);
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  size_t next_transaction = info.me_last_txnid + 1;
  if (!snapshots_.empty() && *snapshots_.begin() + 2 < next_transaction) return false;
  int fd = -1;
  mdb_env_get_fd(env_, &fd);
  bool alone = flock(fd, LOCK_EX | LOCK_NB) == 0;  // whether or not, our own shared lock is gone
  Lock(fd, snapshots_.empty() ? LOCK_UN : LOCK_SH);
  return alone;
}

absl::StatusOr<MDB_txn*> Environment::BeginWrite() {
  std::lock_guard lock(mutex_);
  MDB_txn* transaction = nullptr;
  int code = mdb_txn_begin(env_, nullptr, 0, &transaction);
  if (code != 0) return LmdbError(code, "cannot write partition", file_);
  return transaction;
}

absl::Status Environment::Commit(MDB_txn* transaction) {
  std::lock_guard lock(mutex_);
  int code = mdb_txn_commit(transaction);
  return code == 0 ? absl::OkStatus() : LmdbError(code, "cannot write partition", file_);
}

}  // namespace fate::kv
