#include "kv/partition.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>
#include <thread>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::kv {
namespace {

constexpr char kFileName[] = "data.mdb";
constexpr char kPrivatePrefix[] = "data.mdb.new-";
// How often a waiting writer looks whether it was cancelled or another process has finished.
constexpr auto kLookAgain = std::chrono::milliseconds(20);

absl::Status SystemError(const std::string& what, const std::string& path) {
  int code = errno;
  return absl::ErrnoToStatus(code, fmt::format("{} {}: {}", what, path, std::strerror(code)));
}

absl::Status MakeFolder(const std::string& path) {
  std::error_code error;
  // The folder of a namespace goes with its last table, perhaps while a new one is made.
  for (int attempt = 0; attempt < 10; ++attempt) {
    std::filesystem::create_directories(path, error);
    if (error != std::errc::no_such_file_or_directory) break;
  }
  if (!error) return absl::OkStatus();
  errno = error.value();
  return SystemError("cannot make folder", path);
}

bool SameFile(int fd, const std::string& path) {
  struct stat open_file, named_file;
  return fstat(fd, &open_file) == 0 && stat(path.c_str(), &named_file) == 0 &&
         open_file.st_dev == named_file.st_dev && open_file.st_ino == named_file.st_ino;
}

// Left by a writer that was killed; nobody else writes while we hold the lock.
void RemovePrivateFiles(const std::string& path) {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(path, error)) {
    if (entry.path().filename().native().starts_with(kPrivatePrefix)) {
      unlink(entry.path().c_str());
    }
  }
}

}  // namespace

Partition::Partition(std::string path) : path_(std::move(path)), file_(path_ + "/" + kFileName) {}

absl::StatusOr<std::shared_ptr<Partition>> Partition::At(const std::string& path) {
  static std::mutex mutex;
  static auto* partitions = new std::map<std::string, std::weak_ptr<Partition>>;
  RETURN_IF_ERROR(MakeFolder(path));
  std::lock_guard lock(mutex);
  if (auto known = partitions->find(path); known != partitions->end()) {
    if (auto partition = known->second.lock()) return partition;
  }
  std::erase_if(*partitions, [](const auto& entry) { return entry.second.expired(); });
  std::shared_ptr<Partition> partition(new Partition(path));
  (*partitions)[path] = partition;
  return partition;
}

// Free (an open descriptor that holds the lock), taken (-1), or an error.
absl::StatusOr<int> Partition::LockFolder() {
  for (int attempt = 0; attempt < 3; ++attempt) {
    RETURN_IF_ERROR(MakeFolder(path_));
    int fd = open(path_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) continue;
    if (fd < 0) return SystemError("cannot open folder", path_);
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) {
      if (SameFile(fd, path_)) return fd;
      close(fd);  // removed meanwhile
      continue;
    }
    int code = errno;
    close(fd);
    if (code == EWOULDBLOCK) return -1;
    errno = code;
    return SystemError("cannot lock folder", path_);
  }
  return UnavailableError("partition {} is being removed", path_);
}

absl::StatusOr<Partition::WriteLock> Partition::LockForWriting(absl::Duration timeout,
                                                               const std::atomic<bool>* cancelled) {
  absl::Time deadline = absl::Now() + timeout;
  std::unique_lock lock(mutex_);
  while (true) {
    if (!has_writer_) {
      ASSIGN_OR_RETURN(int fd, LockFolder());
      if (fd >= 0) {
        has_writer_ = true;
        lock.unlock();
        RemovePrivateFiles(path_);
        return WriteLock(shared_from_this(), fd);
      }
    }
    if (cancelled != nullptr && *cancelled) {
      return CancelledError("cancelled while waiting for another writer of partition {}", path_);
    }
    if (absl::Now() >= deadline) {
      return DeadlineExceededError("partition {} was written by someone else for {}", path_,
                                   absl::FormatDuration(timeout));
    }
    writer_left_.wait_for(lock, kLookAgain);
  }
}

Partition::WriteLock::WriteLock(WriteLock&& other) noexcept
    : partition_(std::move(other.partition_)), folder_fd_(other.folder_fd_) {}

Partition::WriteLock::~WriteLock() {
  if (partition_ == nullptr) return;
  std::lock_guard lock(partition_->mutex_);
  close(folder_fd_);
  partition_->has_writer_ = false;
  partition_->writer_left_.notify_all();
}

absl::StatusOr<std::shared_ptr<Environment>> Partition::Current() {
  std::lock_guard lock(mutex_);
  struct stat file;
  if (stat(file_.c_str(), &file) != 0) {
    environment_ = nullptr;
    if (errno != ENOENT) return SystemError("cannot read partition", file_);
    if (!has_writer_) RETURN_IF_ERROR(CreateEmptyFile());
    return environment_;
  }
  if (environment_ != nullptr && environment_->IsFile(file)) return environment_;
  environment_ = nullptr;
  auto opened = Environment::Open(file_);
  if (absl::IsNotFound(opened.status())) return environment_;
  RETURN_IF_ERROR(opened.status());
  return environment_ = *std::move(opened);
}

absl::Status Partition::CreateEmptyFile() {
  ASSIGN_OR_RETURN(int fd, LockFolder());
  if (fd < 0) return absl::OkStatus();
  absl::Status status = [&]() -> absl::Status {
    if (access(file_.c_str(), F_OK) == 0) {
      ASSIGN_OR_RETURN(environment_, Environment::OpenOrCreate(file_));
      return absl::OkStatus();
    }
    ASSIGN_OR_RETURN(std::string private_file, NewPrivateFile());
    ASSIGN_OR_RETURN(auto environment, Environment::OpenOrCreate(private_file));
    if (rename(private_file.c_str(), file_.c_str()) != 0) {
      return SystemError("cannot make partition", file_);
    }
    environment_ = std::move(environment);
    return absl::OkStatus();
  }();
  close(fd);
  return status;
}

absl::StatusOr<std::shared_ptr<Environment>> Partition::CurrentForWriting() {
  std::lock_guard lock(mutex_);
  struct stat file;
  if (stat(file_.c_str(), &file) != 0) return std::shared_ptr<Environment>();
  if (environment_ == nullptr || !environment_->IsFile(file)) {
    ASSIGN_OR_RETURN(environment_, Environment::OpenOrCreate(file_));
  }
  return environment_;
}

absl::StatusOr<std::string> Partition::NewPrivateFile() {
  static std::atomic<uint64_t> number{0};
  return fmt::format("{}/{}{}-{}", path_, kPrivatePrefix, getpid(), ++number);
}

absl::Status Partition::Publish(const std::string& private_file,
                                std::shared_ptr<Environment> environment) {
  std::lock_guard lock(mutex_);
  if (rename(private_file.c_str(), file_.c_str()) != 0) {
    return SystemError("partition was removed while it was written,", file_);
  }
  environment_ = std::move(environment);
  return absl::OkStatus();
}

bool Partition::IsCurrent(const Environment& environment) const {
  struct stat file;
  return stat(file_.c_str(), &file) == 0 && environment.IsFile(file);
}

}  // namespace fate::kv
