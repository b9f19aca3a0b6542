#include "relay/unary_call.h"

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {

void UnaryCall::Serve(Stream* stream, Headers head, std::vector<Slice> received,
                      Collected* collected, Handler handler) {
  std::shared_ptr<UnaryCall> call(
      new UnaryCall(stream, std::move(head), collected, std::move(handler)));
  stream->SetHandler(call);
  call->SetDeadline();
  for (Slice& slice : received) call->OnData(std::move(slice));
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
  size_t size = slice.size;
  if (absl::Status status = reader_.Add(std::move(slice)); !status.ok()) return Fail(status);
  stream_->Consume(size);
}

void UnaryCall::OnEnd(Headers) {
  if (over()) return;
  if (!reader_.complete()) return Fail(InvalidArgumentError("the call ended without a message"));
  Release();
  auto handler = std::exchange(handler_, nullptr);
  handler(shared_from_this());
}

void UnaryCall::OnClosed(const absl::Status&) {
  if (over()) return;
  const auto on_cancel = std::exchange(on_cancel_, nullptr);
  End();
  if (on_cancel) on_cancel();
}

void UnaryCall::Answer(std::string message) {
  std::vector<Slice> pieces;
  pieces.push_back(Slice::Take(std::move(message)));
  Answer(std::move(pieces));
}

void UnaryCall::Answer(std::vector<Slice> pieces, const Headers& metadata) {
  if (Stream* stream = End()) SendMessage(stream, std::move(pieces), metadata);
}

void UnaryCall::Answer(std::vector<Slice> pieces, const Headers& metadata,
                       std::function<void(bool)> written) {
  Stream* stream = End();
  if (!stream) return loop_->Defer([written = std::move(written)] { written(false); });
  stream->OnWritten(std::move(written));
  SendMessage(stream, std::move(pieces), metadata);
}

void UnaryCall::Fail(const absl::Status& status) {
  if (Stream* stream = End()) SendStatus(stream, /*head_sent=*/false, status);
}

Stream* UnaryCall::End() {
  if (over()) return nullptr;
  // It may hold this call, and be the last that does.
  const auto on_cancel = std::exchange(on_cancel_, nullptr);
  Release();
  loop_->Cancel(std::exchange(timer_, 0));
  handler_ = nullptr;
  return std::exchange(stream_, nullptr);
}

// One that has ended holds nothing, and may outlive the count.
void UnaryCall::Release() {
  if (const size_t held = std::exchange(held_bytes_, 0)) collected_->bytes -= held;
}

}  // namespace fate::relay
