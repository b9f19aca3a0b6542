#include "relay/stream.h"

#include <algorithm>

#include "relay/connection.h"
#include "relay/grpc_wire.h"

namespace fate::relay {

Stream::Stream(Connection* connection)
    : connection_(connection), opened_at_(connection->loop().Now()) {}

EventLoop& Stream::loop() const { return connection_->loop(); }

const Peer& Stream::peer() const { return connection_->peer(); }

void Stream::SendHeaders(const Headers& headers, bool end) {
  if (connection_->closed_) return;
  answer_begun_ = true;
  if (end && meter_) meter_->OnStatus(headers);
  connection_->session_.SendHead(this, headers, end);
  connection_->MarkDirty();
}

void Stream::SendData(Slice slice) {
  if (meter_) meter_->OnAnswer(slice.view());
  out.Push(std::move(slice));
  if (out.bytes() > http2::kUsualFrameBytes) connection_->SendsBulk();
  Resume();
}

void Stream::SendEnd(Headers last) {
  if (end_queued) return;
  trailers = std::move(last);
  end_queued = true;
  if (meter_) meter_->OnStatus(trailers);
  Resume();
}

void Stream::Resume() {
  if (connection_->closed_) return;
  connection_->session_.Resume(this);
  connection_->MarkDirty();
}

void Stream::FailLater(absl::Status why) {
  if (std::exchange(failing_, true)) return;
  loop().Defer([weak = connection_->weak_from_this(), id = id, why = std::move(why)] {
    const auto connection = weak.lock();
    if (!connection || connection->closed_) return;
    if (http2::StreamState* stream = connection->session_.Find(id)) {
      static_cast<Stream*>(stream)->Fail(why);
    }
  });
}

void Stream::Fail(const absl::Status& why) {
  const auto handler = std::exchange(handler_, nullptr);
  answer_begun_ ? Reset(kEnhanceYourCalm) : SendStatus(this, /*head_sent=*/false, why);
  if (handler) handler->OnClosed(why);
}

void Stream::Reset(uint32_t error_code) {
  handler_.reset();
  on_written_ = nullptr;
  out.Clear();
  if (connection_->closed_) return;
  connection_->buffer_->Release(std::exchange(unconsumed_bytes_, 0));
  connection_->session_.Reset(this, error_code);
  connection_->MarkDirty();
}

void Stream::Consume(size_t bytes) {
  if (connection_->closed_) return;
  bytes = std::min(bytes, unconsumed_bytes_);
  unconsumed_bytes_ -= bytes;
  if (meter_) meter_->OnConsumed(bytes);
  connection_->buffer_->Release(bytes);
  connection_->session_.Consume(this, bytes, connection_->WindowOf(*this));
  connection_->MarkDirty();
}

}  // namespace fate::relay
