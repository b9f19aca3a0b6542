#include "relay/unary_call.h"

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {

void UnaryCall::Serve(Stream* stream, Headers head, Collected* collected, Handler handler) {
  std::shared_ptr<UnaryCall> call(
      new UnaryCall(stream, std::move(head), collected, std::move(handler)));
  stream->SetHandler(call);
  call->SetDeadline();
}

UnaryCall::UnaryCall(Stream* stream, Headers head, Collected* collected, Handler handler)
    : stream_(stream),
      loop_(&stream->loop()),
      head_(std::move(head)),
      collected_(collected),
      handler_(std::move(handler)),
      reader_(kMaxMessageBytes) {}

UnaryCall::~UnaryCall() { Release(); }

void UnaryCall::SetDeadline() {
  auto timeout = ParseTimeout(Find(head_, "grpc-timeout"));
  if (!timeout) return;
  timer_ = loop_->After(*timeout, [weak = weak_from_this()] {
    auto self = weak.lock();
    if (!self || self->over()) return;
    self->timer_ = 0;
    auto on_cancel = std::exchange(self->on_cancel_, nullptr);
    self->Fail(DeadlineExceededError("the caller's deadline has passed"));
    if (on_cancel) on_cancel();
  });
}

void UnaryCall::OnData(Slice slice) {
  if (over()) return;
  held_bytes_ += slice.size;
  collected_->bytes += slice.size;
  if (collected_->bytes > kMaxCollectedBytes) {
    return Fail(ResourceExhaustedError("{} bytes of messages are being received already; try again",
                                       collected_->bytes));
  }
  std::string_view bytes = slice.view();
  while (!bytes.empty()) {
    auto message = reader_.Next(&bytes);
    if (!message.ok()) return Fail(message.status());
    if (!*message) continue;
    if (has_message_) return Fail(InvalidArgumentError("more than one message in a unary call"));
    message_ = std::move(**message);
    has_message_ = true;
  }
  stream_->Consume(slice.size);
}

void UnaryCall::OnEnd(Headers) {
  if (over()) return;
  if (!has_message_) return Fail(InvalidArgumentError("the call ended without a message"));
  Release();
  auto handler = std::exchange(handler_, nullptr);
  handler(shared_from_this());
}

void UnaryCall::OnClosed(const absl::Status&) {
  if (over()) return;
  End();
  if (auto on_cancel = std::exchange(on_cancel_, nullptr)) on_cancel();
}

void UnaryCall::Answer(std::string message) {
  std::vector<Slice> pieces;
  pieces.push_back(Slice::Take(std::move(message)));
  Answer(std::move(pieces));
}

void UnaryCall::Answer(std::vector<Slice> pieces) {
  if (Stream* stream = End()) SendMessage(stream, std::move(pieces));
}

void UnaryCall::Fail(const absl::Status& status) {
  if (Stream* stream = End()) SendStatus(stream, /*head_sent=*/false, status);
}

Stream* UnaryCall::End() {
  if (over()) return nullptr;
  Release();
  loop_->Cancel(std::exchange(timer_, 0));
  handler_ = nullptr;
  return std::exchange(stream_, nullptr);
}

void UnaryCall::Release() { collected_->bytes -= std::exchange(held_bytes_, 0); }

}  // namespace fate::relay
