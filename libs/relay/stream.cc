#include "relay/stream.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>

#include "relay/connection.h"
#include "relay/grpc_wire.h"

namespace fate::relay {

Stream::Stream(Connection* connection, int32_t id)
    : connection_(connection), id_(id), opened_at_(connection->loop().Now()) {}

EventLoop& Stream::loop() const { return connection_->loop(); }

const Peer& Stream::peer() const { return connection_->peer(); }

void Stream::SendHeaders(const Headers& headers, bool end) {
  if (connection_->closed_) return;
  answer_begun_ = true;
  if (end) end_queued_ = true;
  if (end && meter_) meter_->OnStatus(headers);
  connection_->SubmitResponse(this, headers, end);
}

void Stream::SendData(Slice slice) {
  if (meter_) meter_->OnAnswer(slice.view());
  out_.Push(std::move(slice));
  if (out_.bytes() > kUsualFrameBytes) connection_->has_bulk_ = true;
  Resume();
}

void Stream::SendEnd(Headers trailers) {
  if (end_queued_) return;
  trailers_ = std::move(trailers);
  end_queued_ = true;
  if (meter_) meter_->OnStatus(trailers_);
  Resume();
}

void Stream::Resume() {
  if (connection_->closed_) return;
  if (std::exchange(waits_for_data_, false)) {
    nghttp2_session_resume_data(connection_->session_, id_);
  }
  connection_->MarkDirty();
}

void Stream::Sent(size_t bytes) {
  if (meter_) meter_->OnSent(bytes);
  if (auto handler = handler_) handler->OnSent(bytes);
}

void Stream::FailLater(absl::Status why) {
  if (std::exchange(failing_, true)) return;
  loop().Defer([weak = connection_->weak_from_this(), id = id_, why = std::move(why)] {
    const auto connection = weak.lock();
    if (!connection || connection->closed_) return;
    void* const stream = nghttp2_session_get_stream_user_data(connection->session_, id);
    if (stream) static_cast<Stream*>(stream)->Fail(why);
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
  out_.Clear();
  if (connection_->closed_) return;
  connection_->buffer_->Release(std::exchange(unconsumed_bytes_, 0));
  nghttp2_submit_rst_stream(connection_->session_, NGHTTP2_FLAG_NONE, id_, error_code);
  connection_->MarkDirty();
}

void Stream::Consume(size_t bytes) {
  if (connection_->closed_) return;
  bytes = std::min(bytes, unconsumed_bytes_);
  unconsumed_bytes_ -= bytes;
  if (meter_) meter_->OnConsumed(bytes);
  connection_->buffer_->Release(bytes);
  nghttp2_session_consume_stream(connection_->session_, id_, bytes);
  connection_->MarkDirty();
}

}  // namespace fate::relay
