#include "rollsite/push_onward.h"

#include <memory>

#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/hop.h"
#include "rollsite/queue_messages.h"
#include "rollsite/topic_peek.h"

namespace fate::rollsite {
namespace {

constexpr char kMethod[] = "queue_push_onward";

// What has to be seen of a PushInbound before it goes on: its topic is its first field.
constexpr size_t kTopicWithinBytes = kMaxTopicBytes + 8;

class Onward final : public relay::StreamHandler, public std::enable_shared_from_this<Onward> {
 public:
  Onward(Gateway* gateway, relay::Stream* stream, const Target& target, relay::Headers head,
         const PtpContext& context)
      : gateway_(gateway),
        stream_(stream),
        target_(target),
        head_(std::move(head)),
        context_(context) {}

 private:
  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    CountBytes(slice.size, 0);
    while (frame_head_.size() < relay::kFrameHeadBytes && slice.size > 0) {
      frame_head_ += *slice.data;
      slice.RemovePrefix(1);
      stream_->Consume(1);
      if (frame_head_.size() < relay::kFrameHeadBytes) continue;
      auto length = relay::ParseFrameHead(frame_head_, kMaxMessageBytes);
      if (!length.ok()) return Fail(length.status());
      length_ = *length;
    }
    if (frame_head_.size() < relay::kFrameHeadBytes) return;
    if (slice.size > length_ - received_) {
      return Fail(InvalidArgumentError("more than one message in a push"));
    }
    received_ += slice.size;
    hop_ ? hop_->Send(std::move(slice)) : Begin(std::move(slice));
  }

  void OnEnd(relay::Headers) override {
    if (!stream_) return;
    if (frame_head_.size() < relay::kFrameHeadBytes || received_ < length_) {
      return Fail(InvalidArgumentError("the push ended without a whole message"));
    }
    if (!hop_ && !StartHop("")) return;
    hop_->SendEnd();
  }

  void OnClosed(const absl::Status&) override {
    if (!std::exchange(stream_, nullptr)) return;
    CountCall(kMethod, CancelledError("the client left"));
    if (hop_) hop_->Cancel();
  }

  // The hop starts when the topic has been seen; usually the whole message is there then.
  void Begin(relay::Slice slice) {
    if (begin_.empty() && slice.size == length_) {
      const auto topic = TopicInMessage(slice.view(), /*wrapped=*/false);
      if (StartHop(topic.value_or(""))) hop_->Send(std::move(slice));
      return;
    }
    begin_.Append(std::move(slice), length_ - received_);
    const std::string seen = begin_.Sub(0, std::min(begin_.size(), kTopicWithinBytes)).ToString();
    const auto topic = TopicInMessage(seen, /*wrapped=*/false);
    if (!topic && received_ < std::min(length_, kTopicWithinBytes)) return;
    if (!StartHop(topic.value_or(""))) return;
    for (const relay::Slice& piece : begin_.pieces()) hop_->Send(piece);
    begin_ = {};
  }

  // `topic`: "" if none is known.
  bool StartHop(std::string_view topic) {
    auto metadata = QueueMetadata::Read(head_);
    if (!metadata.ok()) {
      Fail(metadata.status());
      return false;
    }
    PtpContext context = context_;
    if (context.token.empty()) context.token = target_.token;
    auto timeout = relay::ParseTimeout(relay::Find(head_, "grpc-timeout"));
    Hop::Options options;
    options.metadata = context.Emit(kPushPath);
    if (metadata->durable) options.metadata.push_back({queue_client::kDurableHeader, "1"});
    options.topic = topic;
    options.own_number = metadata->producer.id.empty();
    options.producer = options.own_number ? Number(context, options.topic) : metadata->producer;
    options.bytes = length_;
    if (timeout) options.deadline = gateway_->loop().Now() + *timeout;
    std::weak_ptr<Onward> weak = weak_from_this();
    options.on_sent = [weak](size_t bytes) {
      if (auto self = weak.lock(); self && self->stream_) self->stream_->Consume(bytes);
    };
    hop_ =
        Hop::Start(gateway_, target_, std::move(options), [weak](absl::StatusOr<HopAnswer> answer) {
          if (auto self = weak.lock()) self->OnAnswer(answer);
        });
    return true;
  }

  transfer_queue::Producer Number(const PtpContext& context, const std::string& topic) {
    HopNumbers* numbers = gateway_->hop_numbers();
    if (topic.empty()) return numbers->Single();
    return numbers->Next(std::string(context.Target()), std::string(context.session), topic);
  }

  // The client of FATE 2.2 does not look at codes, so whatever is no success has to be a status,
  // unless upstream's answers are asked for.
  void OnAnswer(const absl::StatusOr<HopAnswer>& answer) {
    if (!stream_) return;
    if (!answer.ok()) return NotSent(answer.status());
    if (answer->code == transfer_queue::kSuccess) {
      relay::Headers metadata;
      if (answer->numbered) {
        const auto sequence = relay::Find(head_, queue_client::kSequenceHeader);
        if (!sequence.empty()) metadata.push_back({queue_client::kSequenceHeader, sequence});
      }
      return Answer(absl::OkStatus(), answer->code, answer->message, metadata);
    }
    const auto failure = FailureOf(answer->code, answer->message,
                                   fmt::format("answered on the way from {}", target_.text->peer));
    strict() ? Answer(failure, answer->code, answer->message) : Fail(failure);
  }

  void NotSent(const absl::Status& why) {
    std::string where = target_.text->authority;  // "host:port"
    if (const size_t colon = where.rfind(':'); colon != std::string::npos) where[colon] = '_';
    const std::string text =
        PartyText(gateway_->SelfName(""), fmt::format("send to {} error", where));
    std::string detail = fmt::format("{}: {}", target_.text->peer, Message(why));
    // Who has no room says itself what to do; it is there.
    if (!absl::IsResourceExhausted(why)) detail += "; " + target_.text->remedy;
    absl::Status failure = FailureOf(transfer_queue::kNetError, text, detail);
    if (absl::IsDeadlineExceeded(why) || absl::IsResourceExhausted(why)) {
      failure = absl::Status(why.code(), failure.message());
    }
    strict() ? Answer(failure, transfer_queue::kNetError, text + " : " + detail) : Fail(failure);
  }

  bool strict() const { return gateway_->config().strict_codes; }

  void Answer(const absl::Status& counted, std::string_view code, std::string_view message,
              const relay::Headers& metadata = {}) {
    CountCall(kMethod, counted);
    relay::SendMessage(std::exchange(stream_, nullptr), EncodeOutbound(code, message), metadata);
  }

  void Fail(const absl::Status& status) {
    CountCall(kMethod, status);
    if (hop_) hop_->Cancel();
    relay::SendStatus(std::exchange(stream_, nullptr), /*head_sent=*/false, status);
  }

  Gateway* const gateway_;
  relay::Stream* stream_;  // null once answered or left
  const Target target_;
  const relay::Headers head_;
  const PtpContext context_;
  std::string frame_head_;  // of the PushInbound
  size_t length_ = 0, received_ = 0;
  Rope begin_;  // what has come of it before the hop was started
  std::shared_ptr<Hop> hop_;
};

}  // namespace

void PushOnward(Gateway* gateway, const Target& target, relay::Stream* stream, relay::Headers head,
                const PtpContext& context) {
  stream->SetHandler(std::make_shared<Onward>(gateway, stream, target, std::move(head), context));
}

}  // namespace fate::rollsite
