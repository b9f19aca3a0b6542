// What a connection's peer may do, how it is stopped, and how connections end in peace
// (relay/abuse.h).
#include <nghttp2/nghttp2.h>

#include "base/limits.h"
#include "base/status.h"
#include "relay/connection.h"
#include "relay/grpc_wire.h"

namespace fate::relay {
namespace {

// Past a GOAWAY that the peer does not read.
constexpr absl::Duration kGoodbyeTime = absl::Seconds(10);

}  // namespace

std::string Connection::PeerText() const {
  return peer_.host.empty() ? peer_name_ : Address{peer_.host, peer_.port}.ToString();
}

void Connection::StartHandshakeTimer() {
  if (handshake_timer_ != 0) return;
  handshake_timer_ = loop_->After(kHandshakeTimeout, [this] {
    handshake_timer_ = 0;
    EndSilent();
  });
}

void Connection::EndSilent() {
  if (side_ == Side::kServer) ReportCut("handshake", PeerText(), "", loop_->Now());
  Close(connecting_ ? UnavailableError("cannot connect to {}: no answer within 5 s", peer_name_)
        : tls_handshake_
            ? UnavailableError("the TLS handshake with {} is not over after 5 s; is the port "
                               "right?",
                               peer_name_)
            : Broken("is silent for 5 s"));
}

void Connection::Meter(uint8_t frame_type, uint8_t flags, bool has_data) {
  pace_.Work(1);
  switch (frame_type) {
    case NGHTTP2_HEADERS:
      block_since_ = absl::InfiniteFuture();
      keep_alive_.CallMoved();
      return;
    case NGHTTP2_DATA:
      keep_alive_.CallMoved();
      if (has_data) return meter_.Data();
      if (!(flags & NGHTTP2_FLAG_END_STREAM)) meter_.Frame(1);
      return;
    case NGHTTP2_SETTINGS:  // a new window size is applied to every stream
      if (flags & NGHTTP2_FLAG_ACK) return meter_.Frame(1);
      return meter_.Frame(AbuseMeter::kSettingsFrame + static_cast<double>(stream_count_) / 50);
    case NGHTTP2_PRIORITY:  // may make a stream that nobody has opened
      return meter_.Frame(AbuseMeter::kPriorityFrame);
    default:
      return meter_.Frame(1);
  }
}

// `fed`: what the library said to received bytes.
bool Connection::WithinBounds(ptrdiff_t fed) {
  if (fed >= 0) {
    meter_.Received(static_cast<size_t>(fed));
    std::string_view reason = meter_.Verdict();
    if (!reason.empty()) Cut(reason, "");
    return reason.empty();
  }
  const char* error = nghttp2_strerror(static_cast<int>(fed));
  if (fed == NGHTTP2_ERR_FLOODED) {
    Cut("acknowledgements", "");
  } else if (fed == NGHTTP2_ERR_TOO_MANY_CONTINUATIONS) {
    Cut("continuations", "");
  } else {
    if (side_ == Side::kServer) ReportCut("protocol", PeerText(), error, loop_->Now());
    Close(Broken(fmt::format("breaks the protocol ({})", error)));
  }
  return false;
}

// The peer gets what can be written at once: whoever floods does not read.
void Connection::Cut(std::string_view reason, std::string_view detail) {
  ReportCut(reason, PeerText(), detail, loop_->Now());
  const std::string_view text = Explain(reason);
  violation_ = text;
  nghttp2_submit_goaway(
      session_, NGHTTP2_FLAG_NONE, nghttp2_session_get_last_proc_stream_id(session_),
      NGHTTP2_ENHANCE_YOUR_CALM, reinterpret_cast<const uint8_t*>(text.data()), text.size());
  Produce();
  if (!closed_) WriteOut();
  Close(Broken(fmt::format("was cut off: it {}", text)));
}

// A GOAWAY with an error is the library's end of a connection that breaks the rules.
void Connection::NoteViolation(uint32_t error_code, std::string_view detail) {
  if (error_code == NGHTTP2_NO_ERROR || !violation_.empty()) return;
  violation_ =
      fmt::format("{}{}{}", nghttp2_http2_strerror(error_code), detail.empty() ? "" : ", ", detail);
  ReportCut("protocol", PeerText(), violation_, loop_->Now());
}

// A header block that is longer than anybody's: the call ends, the connection goes on.
void Connection::RefuseHeaders(Stream* stream) {
  meter_.Frame(AbuseMeter::kRefusedHeaders);
  stream->incoming_.clear();
  stream->incoming_bytes_ = 0;
  auto why = ResourceExhaustedError(
      "the metadata of a call may have {} entries and {} KiB; this one has more, send less",
      kMaxHeaders, kMaxHttpHeaderBytes >> 10);
  auto handler = std::move(stream->handler_);
  if (side_ == Side::kServer && !stream->head_received_) {
    stream->head_received_ = true;
    return SendStatus(stream, /*head_sent=*/false, why);
  }
  stream->Reset(NGHTTP2_ENHANCE_YOUR_CALM);
  if (handler) handler->OnClosed(UnavailableError("{} sends too much metadata", PeerText()));
}

bool Connection::WantsALook(absl::Duration idle, absl::Duration headers) const {
  if (closed_) return false;
  const absl::Time now = loop_->Now();
  if (!handshaken_) return now - started_at_ > kHandshakeTimeout;
  return now - block_since_ > headers || now - idle_since_ > idle;
}

void Connection::Drain() {
  if (closed_) return;
  draining_ = true;
  nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE,
                        nghttp2_session_get_last_proc_stream_id(session_), NGHTTP2_NO_ERROR,
                        nullptr, 0);
  MarkDirty();
}

bool Connection::accepts_streams() const {
  if (!usable()) return false;
  uint32_t limit =
      nghttp2_session_get_remote_settings(session_, NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS);
  return stream_count_ < limit;
}

void Connection::LookAtTime(absl::Duration idle, absl::Duration headers) {
  if (closed_) return;
  const absl::Time now = loop_->Now();
  if (!handshaken_ && now - started_at_ > kHandshakeTimeout) return EndSilent();
  if (!handshaken_) return;
  if (now - block_since_ > headers) return Cut("headers", "");
  if (stream_count_ > 0 || now - idle_since_ <= idle) return;
  if (!draining_) {
    ReportCut("idle", PeerText(), "", now);
    return Drain();
  }
  if (now - idle_since_ > idle + kGoodbyeTime) Close(Broken("does not read what it is sent"));
}

}  // namespace fate::relay
