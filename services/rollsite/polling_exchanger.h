#pragma once

// A polling party's stream at the exchange: opening until it has said whose it is, then parked,
// then busy with one call, then over.

#include <functional>
#include <memory>
#include <string>

#include "rollsite/polling_exchange.h"
#include "rollsite/polling_frames.h"

namespace fate::rollsite {

class Exchanger final : public relay::StreamHandler,
                        public std::enable_shared_from_this<Exchanger> {
 public:
  using Done = std::function<void(absl::StatusOr<PollingFrame> answer)>;
  using OnBytesSent = std::function<void(size_t bytes)>;

  // `head`: of the stream.
  Exchanger(PollingExchange* exchange, relay::Stream* stream, const relay::Headers& head);
  ~Exchanger() override { loop_->Cancel(timer_); }

  void StartTimer(absl::Duration delay);
  // Whether its party takes calls of this method.
  bool Takes(std::string_view method) const { return method != kPollingInvoke || takes_invokes_; }

  // The call that this stream carries; `done` runs once unless Abort comes before.
  void Begin(Done done, OnBytesSent on_sent);
  void Send(relay::Slice slice) {
    if (stream_) stream_->SendData(std::move(slice));
  }
  // The caller is gone: tells the party and ends the stream.
  void Abort(const std::string& why);
  void EndQuietly() { End(absl::OkStatus()); }

 private:
  void OnData(relay::Slice slice) override;
  void OnEnd(relay::Headers trailers) override;
  void OnClosed(const absl::Status& why) override;
  void OnSent(size_t bytes) override {
    if (on_sent_) on_sent_(bytes);
  }
  void OnFrame(PollingFrame frame);
  void Open(const PollingFrame& frame);
  void Answer(absl::StatusOr<PollingFrame> answer);
  void SendHead();
  void End(const absl::Status& status);

  PollingExchange* const exchange_;
  relay::EventLoop* const loop_;
  relay::Stream* stream_;  // null once over
  const bool takes_invokes_;
  relay::FrameReader reader_;
  std::string party_;  // "" until the first frame
  bool head_sent_ = false;
  relay::EventLoop::TimerId timer_ = 0;
  Done done_;
  OnBytesSent on_sent_;
};

}  // namespace fate::rollsite
