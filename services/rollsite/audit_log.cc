#include "rollsite/audit_log.h"

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"

namespace fate::rollsite {
namespace {

constexpr size_t kBufferBytes = 64 << 10;
constexpr absl::Duration kBufferDelay = absl::Milliseconds(5);
constexpr auto kSyncPeriod = std::chrono::seconds(1);
constexpr auto kRetry = std::chrono::milliseconds(500);

prometheus::Counter& Counter(const char* name, const char* help) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(Metrics()).Add({});
}

// Nobody named is this end: a party that polls or pops calls this gateway.
audit::Direction DirectionOf(const routing::RouteTable& table, const audit::Call& call) {
  const bool from_self = !call.from.empty() && table.IsSelf(call.from);
  const bool to_self = call.to.empty() || table.IsSelf(call.to);
  if (from_self) return to_self ? audit::Direction::kLocal : audit::Direction::kOut;
  return to_self ? audit::Direction::kIn : audit::Direction::kTransit;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditLog>> AuditLog::Start(const AuditSettings& settings,
                                                          const std::string& party,
                                                          const routing::RouteWatcher* routes,
                                                          relay::EventLoop* loop) {
  ASSIGN_OR_RETURN(auto files, AuditFiles::Open(settings, party));
  return std::unique_ptr<AuditLog>(new AuditLog(settings, std::move(files), routes, loop));
}

AuditLog::AuditLog(const AuditSettings& settings, std::unique_ptr<AuditFiles> files,
                   const routing::RouteWatcher* routes, relay::EventLoop* loop)
    : digest_limit_(settings.digest_limit()),
      required_(settings.required),
      loop_(loop),
      files_(std::move(files)),
      routes_(routes),
      thread_([this] { Run(); }) {}

AuditLog::~AuditLog() {
  HandOver();
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_one();
  thread_.join();
}

void AuditLog::Add(audit::Call* call) {
  if (backlog_bytes() > kMaxAuditBacklogBytes) {
    ++missing_;
  } else {
    const size_t before = buffer_.size();
    call->direction = DirectionOf(*routes_.Current(), *call);
    audit::AppendCall(*call, &buffer_);
    buffer_ += '\n';
    added_bytes_.store(added_bytes_.load(std::memory_order_relaxed) + buffer_.size() - before,
                       std::memory_order_relaxed);
  }
  if (buffer_.size() >= kBufferBytes) return HandOver();
  if (std::exchange(timer_set_, true)) return;
  loop_->After(kBufferDelay, [this] {
    timer_set_ = false;
    HandOver();
  });
}

void AuditLog::HandOver() {
  if (buffer_.empty() && missing_ == 0) return;
  bool sleeps;
  {
    std::lock_guard lock(mutex_);
    sleeps = handed_.empty() && handed_missing_ == 0;
    if (!buffer_.empty()) handed_.push_back(std::move(buffer_));
    buffer_ = std::move(spare_);
    handed_missing_ += std::exchange(missing_, 0);
  }
  buffer_.clear();
  if (sleeps) changed_.notify_one();
}

absl::Status AuditLog::Accepts() const {
  if (!required_) return absl::OkStatus();
  if (failing_.load(std::memory_order_relaxed)) return status();
  if (backlog_bytes() < kMaxAuditBacklogBytes / 2) return absl::OkStatus();
  return UnavailableError(
      "the audit log cannot follow and calls without a record are not allowed "
      "(eggroll.rollsite.audit.required): {} bytes of records wait for the disk; try again",
      backlog_bytes());
}

size_t AuditLog::backlog_bytes() const {
  return added_bytes_.load(std::memory_order_relaxed) -
         written_bytes_.load(std::memory_order_relaxed);
}

absl::Status AuditLog::status() const {
  std::lock_guard lock(mutex_);
  return status_;
}

void AuditLog::SetStatus(const absl::Status& status) {
  if (status.ok() == !failing_.load(std::memory_order_relaxed)) return;
  {
    std::lock_guard lock(mutex_);
    status_ = status;
  }
  failing_.store(!status.ok(), std::memory_order_relaxed);
  if (status.ok()) return log::Info("the audit log is written again");
  log::Error("{}; records wait in memory, {}", Message(status),
             required_ ? "calls are refused" : "and beyond 16 MB calls go unrecorded");
}

void AuditLog::Run() {
  Buffers batch;
  uint64_t missing = 0;
  bool more = true;
  while (more) {
    more = Wait(&batch, &missing);
    for (const std::string& texts : batch) {
      Chain(texts);
      Flush();
      written_bytes_.fetch_add(texts.size(), std::memory_order_relaxed);
    }
    if (missing > 0) ChainGap(missing);
    Flush();
    std::lock_guard lock(mutex_);
    if (!batch.empty()) spare_ = std::move(batch.back());
    batch.clear();
  }
  SetStatus(files_->Close("rollsite has stopped"));
}

// False: this is the last batch.
bool AuditLog::Wait(Buffers* batch, uint64_t* missing) {
  std::unique_lock lock(mutex_);
  auto something = [&] { return stop_ || !handed_.empty() || handed_missing_ > 0; };
  if (!changed_.wait_for(lock, kSyncPeriod, something)) {
    lock.unlock();
    files_->Sync();
    lock.lock();
    changed_.wait(lock, something);
  }
  batch->swap(handed_);
  *missing = std::exchange(handed_missing_, 0);
  return !stop_;
}

void AuditLog::Chain(std::string_view texts) {
  static auto& records = Counter("rollsite_audit_records_total", "Calls written to the audit log");
  double count = 0;
  while (!texts.empty()) {
    const size_t end = texts.find('\n');
    files_->chain()->Begin(files_->pending());
    files_->pending()->append(texts.substr(0, end));
    files_->chain()->End(files_->pending());
    texts.remove_prefix(end + 1);
    ++count;
  }
  records.Increment(count);
}

void AuditLog::ChainGap(uint64_t missing) {
  static auto& lost = Counter("rollsite_audit_missing_total",
                              "Calls that could not be recorded; gap records tell of them");
  lost.Increment(static_cast<double>(missing));
  log::Error("{} calls are missing in the audit log", missing);
  files_->chain()->Begin(files_->pending());
  audit::AppendGap(absl::GetCurrentTimeNanos() / 1000, missing,
                   "the disk was full or too slow; records beyond the memory were dropped",
                   files_->pending());
  files_->chain()->End(files_->pending());
}

// Until it is written or the process stops.
void AuditLog::Flush() {
  for (;;) {
    absl::Status status = files_->Write();
    if (status.ok()) status = files_->RotateIfLarge();
    SetStatus(status);
    if (status.ok()) break;
    std::unique_lock lock(mutex_);
    if (changed_.wait_for(lock, kRetry, [this] { return stop_; })) break;
  }
  const auto now = std::chrono::steady_clock::now();
  if (now - last_sync_ < kSyncPeriod) return;
  last_sync_ = now;
  files_->Sync();
}

}  // namespace fate::rollsite
