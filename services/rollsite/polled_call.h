#pragma once

// The caller's side of a call to a polling party: waits for one of the party's streams, then goes
// on in frames as it comes in, never held whole.

#include <memory>
#include <string>
#include <vector>

#include "rollsite/polling_exchanger.h"

namespace fate::rollsite {

class PolledCall : public relay::StreamHandler, public std::enable_shared_from_this<PolledCall> {
 public:
  // `method`: kPollingPush, kPollingUnary (one frame for each packet) or kPollingInvoke.
  static std::shared_ptr<PolledCall> Make(const char* method, const std::string& party,
                                          relay::Stream* stream, const relay::Headers& head);
  ~PolledCall() override { loop_->Cancel(timer_); }

  // `received`: DATA so far; `ended`: all of it.
  void Start(const relay::Headers& head, std::vector<relay::Slice> received, bool ended);
  const char* method() const { return method_; }
  bool waits() const { return stream_ != nullptr && !exchanger_; }
  void Use(std::shared_ptr<Exchanger> exchanger);
  void Fail(const absl::Status& status);

 protected:
  PolledCall(const char* method, const std::string& party, relay::Stream* stream)
      : method_(method), party_(party), loop_(&stream->loop()), stream_(stream) {}

  virtual void Begin() {}
  virtual void Wrap(relay::Slice slice) = 0;
  virtual void Finish() = 0;
  virtual void TakeAnswer(const PollingFrame& answer) = 0;
  // No stream of the party came: nothing was sent.
  virtual void Unreachable(const absl::Status& why) { Fail(why); }
  void Answer(std::vector<relay::Slice> message, const relay::Headers& metadata = {},
              const absl::Status& counted = absl::OkStatus());
  bool over() const { return stream_ == nullptr; }
  const std::string& party() const { return party_; }
  Exchanger* exchanger() const { return exchanger_.get(); }

 private:
  void OnData(relay::Slice slice) override;
  void OnEnd(relay::Headers trailers) override;
  void OnClosed(const absl::Status& why) override;
  void Pass(relay::Slice slice);
  void OnTimer();
  void OnAnswer(absl::StatusOr<PollingFrame> answer);

  const char* const method_;
  const std::string party_;
  relay::EventLoop* const loop_;
  relay::Stream* stream_;  // null once answered or left
  std::shared_ptr<Exchanger> exchanger_;
  std::vector<relay::Slice> received_;  // before there was an exchanger; bounded by the window
  bool ended_ = false, has_deadline_ = false;
  relay::EventLoop::TimerId timer_ = 0;
};

}  // namespace fate::rollsite
