#pragma once

// What the stores, cursors and writers of one partition share in this process: the open file
// and the right to write. One object per path, alive while anyone uses it. Thread-safe.

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "kv/environment.h"

namespace fate::kv {

class Partition : public std::enable_shared_from_this<Partition> {
 public:
  static absl::StatusOr<std::shared_ptr<Partition>> At(const std::string& path);

  // The right to write this partition, on this host; ends with the object.
  class WriteLock {
   public:
    WriteLock(WriteLock&&) noexcept;
    WriteLock& operator=(WriteLock&&) = delete;
    ~WriteLock();

   private:
    friend class Partition;
    WriteLock(std::shared_ptr<Partition> partition, int fd)
        : partition_(std::move(partition)), folder_fd_(fd) {}
    std::shared_ptr<Partition> partition_;
    int folder_fd_;
  };
  // Waits up to `timeout`. Errors: kDeadlineExceeded, kCancelled.
  absl::StatusOr<WriteLock> LockForWriting(absl::Duration timeout,
                                           const std::atomic<bool>* cancelled);

  // The file as it is now; opened anew when it was replaced. An absent file is made, unless a
  // writer is at work: then nullptr, which reads as an empty partition.
  absl::StatusOr<std::shared_ptr<Environment>> Current();

  // Below: the caller holds the write lock.
  absl::StatusOr<std::shared_ptr<Environment>> CurrentForWriting();  // nullptr when absent
  absl::StatusOr<std::string> NewPrivateFile();
  absl::Status Publish(const std::string& private_file, std::shared_ptr<Environment> environment);
  bool IsCurrent(const Environment& environment) const;

 private:
  explicit Partition(std::string path);
  absl::StatusOr<int> LockFolder();  // -1 when another process holds it
  absl::Status CreateEmptyFile();

  const std::string path_;  // folder
  const std::string file_;  // data.mdb in it
  std::mutex mutex_;
  std::condition_variable writer_left_;
  bool has_writer_ = false;
  std::shared_ptr<Environment> environment_;
};

}  // namespace fate::kv
