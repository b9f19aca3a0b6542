#include "rollsite_load/sink.h"

#include <algorithm>

#include "base/text.h"
#include "osx/osx.pb.h"
#include "relay/grpc_wire.h"

namespace fate::bench {
namespace {

using relay::Slice;

constexpr size_t kBlockBytes = 1 << 20;

// What a queue push is answered. A stream of packets gets a Metadata, which may be empty: a proxy
// that parses answers, as Java OSX does, takes nothing else.
const std::string& Success() {
  static const std::string success = [] {
    org::ppc::ptp::TransportOutbound outbound;
    outbound.set_code("E0000000000");
    outbound.set_message("SUCCESS");
    return outbound.SerializeAsString();
  }();
  return success;
}

// Answers with what comes in.
class Echo final : public relay::StreamHandler {
 public:
  explicit Echo(relay::Stream* stream) : stream_(stream) {
    stream_->SendHeaders(relay::ResponseHead(), /*end=*/false);
  }

 private:
  void OnData(Slice slice) override { stream_->SendData(std::move(slice)); }
  void OnSent(size_t bytes) override { stream_->Consume(bytes); }
  void OnEnd(relay::Headers) override { stream_->SendEnd(relay::StatusTrailers(absl::OkStatus())); }
  void OnClosed(const absl::Status&) override {}
  relay::Stream* const stream_;
};

// Takes everything, at once or at its own pace; then answers.
class Take final : public relay::StreamHandler, public std::enable_shared_from_this<Take> {
 public:
  Take(relay::Stream* stream, std::string answer, absl::Duration delay)
      : stream_(stream), answer_(std::move(answer)), delay_(delay) {}

 private:
  void OnData(Slice slice) override {
    if (delay_ == absl::ZeroDuration()) return stream_->Consume(slice.size);
    waiting_ += slice.size;
    if (!std::exchange(ticking_, true)) Tick();
  }
  void Tick() {
    stream_->loop().After(delay_, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || !self->stream_) return;
      size_t size = std::min(self->waiting_, kBlockBytes);
      self->waiting_ -= size;
      self->stream_->Consume(size);
      if ((self->ticking_ = self->waiting_ > 0)) self->Tick();
    });
  }
  void OnEnd(relay::Headers) override {
    relay::SendMessage(std::exchange(stream_, nullptr), {Slice::Copy(answer_)});
  }
  void OnClosed(const absl::Status&) override { stream_ = nullptr; }

  relay::Stream* stream_;
  const std::string answer_;
  const absl::Duration delay_;
  size_t waiting_ = 0;
  bool ticking_ = false;
};

// One long message, as fast as it is taken.
class Download final : public relay::StreamHandler {
 public:
  Download(relay::Stream* stream, size_t bytes) : stream_(stream), left_(bytes) {}

 private:
  void OnData(Slice slice) override { stream_->Consume(slice.size); }
  void OnEnd(relay::Headers) override {
    stream_->SendHeaders(relay::ResponseHead(), /*end=*/false);
    stream_->SendData(Slice::Take(relay::FrameHead(left_)));
    Fill();
  }
  void OnSent(size_t) override { Fill(); }
  void OnClosed(const absl::Status&) override {}
  void Fill() {
    static const auto block = std::make_shared<std::string>(kBlockBytes, 'd');
    while (left_ > 0 && stream_->queued_bytes() < kBlockBytes) {
      size_t size = std::min(left_, kBlockBytes);
      left_ -= size;
      stream_->SendData({block, block->data(), size});
    }
    if (left_ == 0) stream_->SendEnd(relay::StatusTrailers(absl::OkStatus()));
  }

  relay::Stream* const stream_;
  size_t left_;
};

}  // namespace

void Sink(relay::Stream* stream, const relay::Headers& head) {
  auto number = [&](const char* name) {
    return ParseInt<int64_t>(relay::Find(head, name)).value_or(0);
  };
  if (int64_t bytes = number("x-bench-answer-bytes"); bytes > 0) {
    return stream->SetHandler(std::make_shared<Download>(stream, static_cast<size_t>(bytes)));
  }
  const std::string_view path = relay::Find(head, ":path");
  if (path.ends_with("/unaryCall")) {
    return stream->SetHandler(std::make_shared<Echo>(stream));
  }
  stream->SetHandler(
      std::make_shared<Take>(stream, path.ends_with("DataTransferService/push") ? "" : Success(),
                             absl::Milliseconds(number("x-bench-delay-ms"))));
}

}  // namespace fate::bench
