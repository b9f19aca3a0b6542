// What a connection's peer may do, how it is stopped, and how connections end in peace
// (relay/abuse.h).
#include "base/limits.h"
#include "base/status.h"
#include "relay/connection.h"
#include "relay/grpc_wire.h"

namespace fate::relay {
namespace {

// Past a GOAWAY that the peer does not read.
constexpr absl::Duration kGoodbyeTime = absl::Seconds(10);
constexpr size_t kGoodbyeBytes = 64 << 10;

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

void Connection::OnFrame(uint8_t type, uint8_t flags, bool has_data) {
  pace_.Work(1);
  switch (type) {
    case http2::kHeadersFrame:
      return keep_alive_.CallMoved();
    case http2::kDataFrame:
      keep_alive_.CallMoved();
      if (has_data) return meter_.Data();
      if (!(flags & http2::kEndStream)) meter_.Frame(1);
      return;
    case http2::kSettingsFrame:  // a new window size is applied to every stream
      Handshaken();
      if (flags & http2::kAck) return meter_.Frame(1);
      return meter_.Frame(AbuseMeter::kSettingsFrame + static_cast<double>(stream_count_) / 50);
    case http2::kPriorityFrame:  // nobody else sends many
      return meter_.Frame(AbuseMeter::kPriorityFrame);
    default:
      return meter_.Frame(1);
  }
}

bool Connection::WithinBounds() {
  const std::string_view reason = meter_.Verdict();
  if (!reason.empty()) Cut(reason, "");
  return reason.empty();
}

// The peer has broken HTTP/2's rules, or a bound that the session keeps.
void Connection::EndAtFault() {
  switch (session_.fault()) {
    case http2::Session::Fault::kNotHttp2:
      return NotHttp2();
    case http2::Session::Fault::kAcknowledgements:
      return Cut("acknowledgements", "");
    case http2::Session::Fault::kContinuations:
      return Cut("continuations", "");
    case http2::Session::Fault::kNone:
    case http2::Session::Fault::kProtocol:
      break;
  }
  const std::string what =
      fmt::format("{}, {}", http2::ErrorName(session_.fault_code()), session_.fault_text());
  ReportCut("protocol", PeerText(), what, loop_->Now());
  SayGoodbye(session_.fault_code(), session_.fault_text());
  Close(Broken(fmt::format("breaks the protocol ({})", what)));
}

// The peer gets what can be written at once: whoever floods does not read.
void Connection::SayGoodbye(uint32_t error_code, std::string_view text) {
  session_.GoAway(static_cast<http2::ErrorCode>(error_code), text);
  session_.Produce(kGoodbyeBytes);
  if (!closed_) WriteOut();
}

void Connection::Cut(std::string_view reason, std::string_view detail) {
  ReportCut(reason, PeerText(), detail, loop_->Now());
  const std::string_view text = Explain(reason);
  SayGoodbye(kEnhanceYourCalm, text);
  Close(Broken(fmt::format("was cut off: it {}", text)));
}

// A header block that is longer than anybody's: the call ends, the connection goes on.
void Connection::OnHeadersTooLong(http2::StreamState* state) {
  auto* stream = static_cast<Stream*>(state);
  meter_.Frame(AbuseMeter::kRefusedHeaders);
  auto why = ResourceExhaustedError(
      "the metadata of a call may have {} entries and {} KiB; this one has more, send less",
      kMaxHeaders, kMaxHttpHeaderBytes >> 10);
  auto handler = std::move(stream->handler_);
  if (side_ == Side::kServer && !stream->answer_begun_ && !handler) {
    return SendStatus(stream, /*head_sent=*/false, why);
  }
  stream->Reset(kEnhanceYourCalm);
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
  session_.GoAway(http2::kNoError, "");
  MarkDirty();
}

bool Connection::accepts_streams() const {
  return usable() && stream_count_ < session_.peer_max_streams();
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
