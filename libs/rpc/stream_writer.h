#pragma once

// One outgoing client stream with back-pressure: Write() blocks while `window_bytes` of messages
// wait for the transport. One thread writes; Cancel() may be called from any. Includes gRPC: for
// .cc files only.
//
//   StreamWriter<TransferBatch, TransferBatch> stream(
//       {.window_bytes = 500'000}, [&](auto* context, auto* answer, auto* reactor) {
//         stub->async()->send(context, answer, reactor);
//       });
//   while (...) if (!stream.Write(batch, batch_bytes)) break;
//   absl::StatusOr<TransferBatch> answer = stream.Finish();

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <deque>
#include <functional>
#include <mutex>
#include <utility>

#include "absl/time/time.h"

namespace fate::rpc {

struct StreamOptions {
  size_t window_bytes = 1'000'000;
  absl::Duration timeout = absl::InfiniteDuration();  // of the whole stream
  const std::atomic<bool>* cancelled = nullptr;       // ends the stream soon after it turns true
};

template <class Message, class Answer>
class StreamWriter final : private grpc::ClientWriteReactor<Message> {
 public:
  using Reactor = grpc::ClientWriteReactor<Message>;
  using Start = std::function<void(grpc::ClientContext*, Answer*, Reactor*)>;

  // `prepare` may add metadata to the context before the call starts.
  StreamWriter(const StreamOptions& options, const Start& start,
               const std::function<void(grpc::ClientContext&)>& prepare = {})
      : options_(options) {
    if (options.timeout < absl::Hours(24 * 365)) {
      context_.set_deadline(std::chrono::system_clock::now() +
                            absl::ToChronoMicroseconds(options.timeout));
    }
    if (prepare) prepare(context_);
    start(&context_, &answer_, this);
    this->AddHold();
    this->StartCall();
  }

  ~StreamWriter() {
    if (finished_) return;
    Cancel();
    Finish();
  }

  // False when the stream has broken: Finish() tells why.
  bool Write(Message message, size_t bytes) {
    std::unique_lock lock(mutex_);
    Await(lock, [this] { return broken_ || queued_bytes_ < options_.window_bytes; });
    if (broken_) return false;
    queued_bytes_ += bytes;
    queue_.emplace_back(std::move(message), bytes);
    if (queue_.size() == 1) this->StartWrite(&queue_.front().first);
    return true;
  }

  // Half-close without waiting, so that several streams can end at the same time.
  void CloseWrites() {
    std::lock_guard lock(mutex_);
    if (closing_) return;
    closing_ = true;
    if (queue_.empty()) EndWrites();
  }

  // Half-closes and waits for the answer.
  grpc::Status Finish() {
    CloseWrites();
    std::unique_lock lock(mutex_);
    Await(lock, [this] { return done_; });
    finished_ = true;
    return status_;
  }
  // After a Finish() that succeeded.
  const Answer& answer() const { return answer_; }

  void Cancel() { context_.TryCancel(); }

 private:
  void OnWriteDone(bool ok) override {
    std::lock_guard lock(mutex_);
    queued_bytes_ -= queue_.front().second;
    queue_.pop_front();
    if (!ok) {
      broken_ = true;
      queue_.clear();
      queued_bytes_ = 0;
    } else if (!queue_.empty()) {
      this->StartWrite(&queue_.front().first);
    }
    if (closing_ && queue_.empty()) EndWrites();
    changed_.notify_all();
  }

  void OnDone(const grpc::Status& status) override {
    std::lock_guard lock(mutex_);
    status_ = status;
    done_ = true;
    changed_.notify_all();
  }

  void EndWrites() {
    if (!broken_) this->StartWritesDone();
    this->RemoveHold();
  }

  template <class Ready>
  void Await(std::unique_lock<std::mutex>& lock, const Ready& ready) {
    if (options_.cancelled == nullptr) return changed_.wait(lock, ready);
    while (!changed_.wait_for(lock, std::chrono::milliseconds(50), ready)) {
      if (*options_.cancelled) context_.TryCancel();
    }
  }

  const StreamOptions options_;
  grpc::ClientContext context_;
  Answer answer_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::pair<Message, size_t>> queue_;  // the first one is being written
  size_t queued_bytes_ = 0;
  bool broken_ = false;
  bool closing_ = false;
  bool done_ = false;
  bool finished_ = false;
  grpc::Status status_;
};

}  // namespace fate::rpc
