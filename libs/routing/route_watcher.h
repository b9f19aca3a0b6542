#pragma once

// Keeps the route table of a file up to date: a change is in effect within kCheckInterval, a
// wrong file leaves the old table in place and is reported once. Looks at size, time and inode
// rather than at inotify events, which bind mounts and config maps do not deliver.

#include <atomic>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "routing/route_table.h"

namespace fate::routing {

class RouteWatcher {
 public:
  static constexpr absl::Duration kCheckInterval = absl::Seconds(1);

  // Reads the file once before it returns. A missing or wrong file is not fatal: an empty table
  // serves until the file is right (spec/rollsite.md 12, "OSX restart loop").
  // `prepare` sees each table before it comes into force, on the thread that read it.
  using Prepare = std::function<void(const RouteTable& table)>;
  RouteWatcher(
      std::string path, std::string own_party, Prepare prepare = [](const auto&) {});
  ~RouteWatcher();

  // The table in force. Thread-safe.
  std::shared_ptr<const RouteTable> Current() const;

  // The table in force as one thread sees it, for a look at each call: takes no lock and counts no
  // reference unless the table has changed.
  class View {
   public:
    explicit View(const RouteWatcher* watcher) : watcher_(watcher) {}
    // Good until the next call.
    const std::shared_ptr<const RouteTable>& Current() {
      const uint64_t version = watcher_->version_.load(std::memory_order_acquire);
      if (version != version_) {
        table_ = watcher_->Current();
        version_ = version;
      }
      return table_;
    }

   private:
    const RouteWatcher* const watcher_;
    uint64_t version_ = 0;
    std::shared_ptr<const RouteTable> table_;
  };
  // A table has been read at least once. Thread-safe.
  bool loaded() const;
  // OK, or why the file as it is now could not be used. Thread-safe.
  absl::Status status() const;

 private:
  struct Stamp {
    int64_t modified_ns = -1, size_bytes = -1;
    uint64_t inode = 0;
    friend bool operator==(const Stamp&, const Stamp&) = default;
  };
  Stamp Look() const;
  void Reload();
  void Run();

  const std::string path_;
  const std::string own_party_;
  const Prepare prepare_;
  Stamp stamp_;  // of the thread that reloads
  mutable std::mutex mutex_;
  std::condition_variable wake_;
  bool stop_ = false;
  std::shared_ptr<const RouteTable> table_;
  std::atomic<uint64_t> version_ = 1;  // of table_; counted after it has been replaced
  absl::Status status_;
  bool loaded_ = false;
  std::thread thread_;
};

// Reads and parses a file once: --check-config and `fate route`.
absl::StatusOr<RouteTable> LoadRouteTable(const std::string& path, const std::string& own_party);

}  // namespace fate::routing
