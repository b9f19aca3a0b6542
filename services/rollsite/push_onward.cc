#include "rollsite/push_onward.h"

#include <memory>

#include "base/status.h"
#include "osx/osx.pb.h"
#include "relay/client_call.h"
#include "relay/grpc_wire.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {
namespace {

constexpr char kMethod[] = "queue_push_onward";

class Onward final : public relay::StreamHandler, public std::enable_shared_from_this<Onward> {
 public:
  Onward(relay::Stream* stream, std::string self, const Target& target, bool strict)
      : stream_(stream), self_(std::move(self)), target_(target), strict_(strict) {}

  void Start(Gateway* gateway, const relay::Headers& head) {
    auto timeout = relay::ParseTimeout(relay::Find(head, "grpc-timeout"));
    std::weak_ptr<Onward> weak = weak_from_this();
    call_ = relay::ClientCall::Start(gateway->upstreams(),
                                     {.address = target_.address,
                                      .lane = relay::Lane::kBulk,
                                      .path = kInvokePath,
                                      .metadata = Metadata(head),
                                      .timeout = timeout.value_or(absl::InfiniteDuration()),
                                      .tls = target_.tls,
                                      .on_sent =
                                          [weak](size_t bytes) {
                                            if (auto self = weak.lock(); self && self->stream_)
                                              self->stream_->Consume(bytes);
                                          }},
                                     [weak](absl::StatusOr<std::string> answer) {
                                       if (auto self = weak.lock())
                                         self->OnAnswer(std::move(answer));
                                     });
  }

 private:
  relay::Headers Metadata(const relay::Headers& head) const {
    PtpContext context = PtpContext::Read(head);
    if (context.token.empty()) context.token = target_.token;
    return context.Emit(kPushPath);
  }

  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    CountBytes(slice.size, 0);
    while (frame_head_.size() < relay::kFrameHeadBytes && slice.size > 0) {
      frame_head_ += *slice.data;
      slice.RemovePrefix(1);
      if (stream_) stream_->Consume(1);
      if (frame_head_.size() == relay::kFrameHeadBytes && !SendWrapper()) return;
    }
    if (slice.size > left_) return Fail(InvalidArgumentError("more than one message in a push"));
    left_ -= slice.size;
    if (slice.size > 0) call_->Send(std::move(slice));
  }

  bool SendWrapper() {
    size_t length = 0;
    for (char c : frame_head_.substr(1)) length = length << 8 | static_cast<unsigned char>(c);
    if (frame_head_[0] != 0 || length > kMaxMessageBytes) {
      Fail(frame_head_[0] != 0
               ? UnimplementedError("compressed messages are not supported")
               : ResourceExhaustedError("a message of {} bytes; at most {} are allowed", length,
                                        kMaxMessageBytes));
      return false;
    }
    std::string wrapper = "\x12";
    AppendVarint(&wrapper, length);
    call_->Send(relay::Slice::Take(relay::FrameHead(wrapper.size() + length) + wrapper));
    left_ = length;
    return true;
  }

  void OnEnd(relay::Headers) override {
    if (!stream_) return;
    if (frame_head_.size() < relay::kFrameHeadBytes || left_ > 0) {
      return Fail(InvalidArgumentError("the push ended without a whole message"));
    }
    call_->SendEnd();
  }

  void OnClosed(const absl::Status&) override {
    if (!std::exchange(stream_, nullptr)) return;
    CountCall(kMethod, CancelledError("the client left"));
    call_->Cancel();
  }

  // The client of FATE 2.2 does not look at codes, so whatever is no success has to be a status,
  // unless upstream's answers are asked for.
  void OnAnswer(absl::StatusOr<std::string> answer) {
    if (!stream_) return;
    if (!answer.ok()) return NotSent(answer.status());
    org::ppc::ptp::Outbound outbound;
    if (!outbound.ParseFromString(*answer)) {
      return Fail(UnavailableError("{}: the answer is no Outbound", target_.peer));
    }
    if (outbound.code() == transfer_queue::kSuccess) {
      return Answer(absl::OkStatus(), outbound.code(), outbound.message());
    }
    const auto failure =
        FailedPreconditionError("code {}: {}", outbound.code(), outbound.message());
    strict_ ? Answer(failure, outbound.code(), outbound.message()) : Fail(failure);
  }

  void NotSent(const absl::Status& why) {
    const std::string text = PartyText(
        self_, fmt::format("send to {}_{} error", target_.address.host, target_.address.port));
    const std::string detail =
        fmt::format("{}: {}; {}", target_.peer, Message(why), target_.remedy);
    absl::Status failure = FailureOf(transfer_queue::kNetError, text, detail);
    if (absl::IsDeadlineExceeded(why)) failure = absl::DeadlineExceededError(failure.message());
    strict_ ? Answer(failure, transfer_queue::kNetError, text + " : " + detail) : Fail(failure);
  }

  void Answer(const absl::Status& counted, std::string_view code, std::string_view message) {
    CountCall(kMethod, counted);
    relay::SendMessage(std::exchange(stream_, nullptr), EncodeOutbound(code, message));
  }

  void Fail(const absl::Status& status) {
    CountCall(kMethod, status);
    call_->Cancel();
    relay::SendStatus(std::exchange(stream_, nullptr), /*head_sent=*/false, status);
  }

  relay::Stream* stream_;  // null once answered or left
  const std::string self_;
  const Target target_;
  const bool strict_;  // ptp.strict_codes
  std::shared_ptr<relay::ClientCall> call_;
  std::string frame_head_;  // of the PushInbound
  size_t left_ = 0;         // bytes of it still to come
};

}  // namespace

void PushOnward(Gateway* gateway, const Target& target, relay::Stream* stream,
                const relay::Headers& head) {
  std::string self = gateway->SelfName("");
  auto onward =
      std::make_shared<Onward>(stream, std::move(self), target, gateway->config().strict_codes);
  stream->SetHandler(onward);
  onward->Start(gateway, head);
}

}  // namespace fate::rollsite
