#pragma once

// The audit log of a running rollsite. The relay's thread writes the text of a record into a buffer
// and hands buffers over; a thread of its own chains the records and writes files (audit_files.h).
//
//   relay's thread   Add(call) ... every 5 ms or 64 kB ->   writer's thread
//
// The relay never waits. When the writer cannot follow or the disk is full, records beyond
// kMaxAuditBacklogBytes are counted, and a gap record says how many are missing; with
// audit.required calls are refused before it comes to that.

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "audit/record.h"
#include "relay/event_loop.h"
#include "rollsite/audit_files.h"
#include "routing/route_watcher.h"

namespace fate::rollsite {

class AuditLog {
 public:
  static absl::StatusOr<std::unique_ptr<AuditLog>> Start(const AuditSettings& settings,
                                                         const std::string& party,
                                                         const routing::RouteWatcher* routes,
                                                         relay::EventLoop* loop);
  // Writes what is left and the close record. The loop has ended.
  ~AuditLog();

  // On the loop's thread, as is Accepts. The record's direction is found here.
  void Add(audit::Call* call);
  // Error: kUnavailable, if records are required and cannot be written.
  absl::Status Accepts() const;

  uint64_t digest_limit() const { return digest_limit_; }
  // Any thread: why nothing can be written at present.
  absl::Status status() const;
  // Any thread.
  size_t backlog_bytes() const;

 private:
  using Buffers = std::vector<std::string>;  // texts of records, each ended by '\n'

  AuditLog(const AuditSettings& settings, std::unique_ptr<AuditFiles> files,
           const routing::RouteWatcher* routes, relay::EventLoop* loop);
  void HandOver();
  void Run();
  bool Wait(Buffers* batch, uint64_t* missing);
  void Chain(std::string_view texts);
  void ChainGap(uint64_t missing);
  void Flush();
  void SetStatus(const absl::Status& status);

  const uint64_t digest_limit_;
  const bool required_;
  relay::EventLoop* const loop_;

  // The writer's.
  const std::unique_ptr<AuditFiles> files_;
  std::chrono::steady_clock::time_point last_sync_;

  // The relay's.
  routing::RouteWatcher::View routes_;
  std::string buffer_;
  uint64_t missing_ = 0;
  bool timer_set_ = false;

  std::atomic<size_t> added_bytes_ = 0, written_bytes_ = 0;
  std::atomic<bool> failing_ = false;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  Buffers handed_;
  std::string spare_;  // a buffer to be used again
  uint64_t handed_missing_ = 0;
  absl::Status status_;
  bool stop_ = false;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace fate::rollsite
