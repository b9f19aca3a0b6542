#include "rollsite/polled_call.h"

#include <algorithm>

#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/ptp.h"
#include "transfer_queue/types.h"

namespace fate::rollsite {
namespace {

// Without a deadline of its own a call waits so long for a stream of the party.
constexpr absl::Duration kPollingPatience = absl::Seconds(60);

absl::Status WrongAnswer(const std::string& party, const char* method, const PollingFrame& answer) {
  return InternalError("party {} answers a {} with a frame '{}'", party, method,
                       Escape(answer.method()));
}

// push and unaryCall: a frame for each packet, its bytes passed on as they come in.
class PolledPackets final : public PolledCall {
 public:
  PolledPackets(const char* method, const std::string& party, relay::Stream* stream)
      : PolledCall(method, party, stream) {}

 private:
  void Wrap(relay::Slice slice) override {
    while (slice.size > 0 && !over()) {
      if (left_ == 0 && !ReadFrameHead(&slice)) return;
      const size_t take = std::min(left_, slice.size);
      relay::Slice part = slice;
      part.size = take;
      slice.RemovePrefix(take);
      left_ -= take;
      if (take > 0) exchanger()->Send(std::move(part));
    }
  }

  // Takes bytes of a message's head; false while it is incomplete or wrong.
  bool ReadFrameHead(relay::Slice* slice) {
    while (frame_head_.size() < relay::kFrameHeadBytes && slice->size > 0) {
      frame_head_ += *slice->data;
      slice->RemovePrefix(1);
    }
    if (frame_head_.size() < relay::kFrameHeadBytes) return false;
    for (char c : frame_head_.substr(1)) left_ = left_ << 8 | static_cast<unsigned char>(c);
    if (frame_head_[0] != 0) {
      Fail(UnimplementedError("compressed messages are not supported"));
      return false;
    }
    frame_head_.clear();
    exchanger()->Send(relay::Slice::Take(FrameUpToPacket(method(), ++seq_, left_)));
    return true;
  }

  void Finish() override {
    if (left_ > 0 || !frame_head_.empty() || seq_ == 0) {
      return Fail(InvalidArgumentError("the call ended within a message"));
    }
    if (!is_push()) return;
    PollingFrame finish;
    finish.set_method(kPollingFinish);
    finish.set_seq(seq_ + 1);
    exchanger()->Send(Framed(finish));
  }

  void TakeAnswer(const PollingFrame& answer) override {
    if (!(is_push() ? answer.has_metadata() : answer.has_packet())) {
      return Fail(WrongAnswer(party(), method(), answer));
    }
    Answer({relay::Slice::Take(is_push() ? answer.metadata().SerializeAsString()
                                         : answer.packet().SerializeAsString())});
  }

  bool is_push() const { return method() == std::string_view(kPollingPush); }

  std::string frame_head_;
  size_t left_ = 0;  // bytes of the current message still to come
  int64_t seq_ = 0;
};

// An invoke: its headers, then its bytes just as they come.
class PolledInvoke final : public PolledCall {
 public:
  PolledInvoke(const std::string& party, relay::Stream* stream, const relay::Headers& head)
      : PolledCall(kPollingInvoke, party, stream), first_(InvokeHead(head)) {}

 private:
  // As a code, which says between gateways that nothing was sent: there is no doubt to clear up.
  void Unreachable(const absl::Status& why) override {
    Answer(EncodeOutbound(transfer_queue::kNetError, Message(why)), {}, why);
  }
  void Begin() override { exchanger()->Send(Framed(first_)); }
  void Wrap(relay::Slice slice) override {
    exchanger()->Send(relay::Slice::Take(InvokeUpToBytes(++seq_, slice.size)));
    exchanger()->Send(std::move(slice));
  }
  void Finish() override {
    PollingFrame finish;
    finish.set_method(kPollingFinish);
    finish.set_seq(seq_ + 1);
    exchanger()->Send(Framed(finish));
  }
  void TakeAnswer(const PollingFrame& answer) override {
    if (!answer.has_packet()) return Fail(WrongAnswer(party(), method(), answer));
    const absl::Status status = InvokeStatus(answer);
    if (!status.ok()) {
      return Fail(absl::Status(status.code(),
                               fmt::format("party {} answers: {}", party(), Message(status))));
    }
    auto headers = InvokeHeaders(answer);
    if (!headers.ok())
      return Fail(InternalError("party {}: {}", party(), Message(headers.status())));
    Answer({relay::Slice::Copy(answer.packet().body().value())}, *headers);
  }

  const PollingFrame first_;
  int64_t seq_ = 1;
};

}  // namespace

std::shared_ptr<PolledCall> PolledCall::Make(const char* method, const std::string& party,
                                             relay::Stream* stream, const relay::Headers& head) {
  if (method == std::string_view(kPollingInvoke)) {
    return std::make_shared<PolledInvoke>(party, stream, head);
  }
  return std::make_shared<PolledPackets>(method, party, stream);
}

void PolledCall::Start(const relay::Headers& head, std::vector<relay::Slice> received, bool ended) {
  received_ = std::move(received);
  ended_ = ended;
  const auto timeout = relay::ParseTimeout(relay::Find(head, "grpc-timeout"));
  has_deadline_ = timeout.has_value();
  timer_ = loop_->After(timeout.value_or(kPollingPatience), [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->OnTimer();
  });
}

void PolledCall::OnTimer() {
  timer_ = 0;
  if (exchanger_) {
    return Fail(DeadlineExceededError("no answer of polling party {} in time", party_));
  }
  const absl::Status why = UnavailableError(
      "party {} has no polling stream open here; check that its rollsite "
      "runs with eggroll.rollsite.polling.client.enabled=true and that its "
      "route \"default\" leads here",
      party_);
  has_deadline_ ? Fail(why) : Unreachable(why);
}

void PolledCall::Use(std::shared_ptr<Exchanger> exchanger) {
  if (!has_deadline_) loop_->Cancel(std::exchange(timer_, 0));
  exchanger_ = std::move(exchanger);
  std::weak_ptr<PolledCall> weak = weak_from_this();
  exchanger_->Begin(
      [weak](absl::StatusOr<PollingFrame> answer) {
        if (auto self = weak.lock()) self->OnAnswer(std::move(answer));
      },
      [weak](size_t bytes) {
        if (auto self = weak.lock(); self && self->stream_) self->stream_->Consume(bytes);
      });
  Begin();
  for (relay::Slice& slice : std::exchange(received_, {})) Pass(std::move(slice));
  if (ended_ && exchanger_) Finish();
}

void PolledCall::OnData(relay::Slice slice) {
  if (!stream_) return;
  exchanger_ ? Pass(std::move(slice)) : received_.push_back(std::move(slice));
}

void PolledCall::Pass(relay::Slice slice) {
  if (!exchanger_) return;
  CountBytes(slice.size, 0);
  Wrap(std::move(slice));
}

void PolledCall::OnEnd(relay::Headers) {
  if (!stream_) return;
  ended_ = true;
  if (exchanger_) Finish();
}

void PolledCall::OnAnswer(absl::StatusOr<PollingFrame> answer) {
  if (!stream_) return;
  exchanger_.reset();
  if (!answer.ok()) return Fail(answer.status());
  if (answer->method() != method_) return Fail(WrongAnswer(party_, method_, *answer));
  TakeAnswer(*answer);
}

void PolledCall::Answer(std::vector<relay::Slice> message, const relay::Headers& metadata,
                        const absl::Status& counted) {
  CountCall(method_, counted);
  loop_->Cancel(std::exchange(timer_, 0));
  relay::SendMessage(std::exchange(stream_, nullptr), std::move(message), metadata);
}

void PolledCall::OnClosed(const absl::Status&) {
  stream_ = nullptr;
  if (exchanger_) exchanger_->Abort("the caller left");
  exchanger_.reset();
}

void PolledCall::Fail(const absl::Status& status) {
  auto self = shared_from_this();
  relay::Stream* stream = std::exchange(stream_, nullptr);
  if (exchanger_) exchanger_->Abort(Message(status));
  exchanger_.reset();
  loop_->Cancel(std::exchange(timer_, 0));
  if (stream) Refuse(method_, stream, status);
}

}  // namespace fate::rollsite
