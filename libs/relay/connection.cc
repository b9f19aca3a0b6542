#include "relay/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {
namespace {

constexpr int kPartsPerWrite = 64;
constexpr absl::Duration kNear = absl::Microseconds(250);
// What lies ready for the socket beyond which no further frames are made.
constexpr size_t kOutputBytes = 256 << 10;
// DATA frames of bulk among near peers, where the work for each frame counts. Further away a large
// frame would keep the frames of other streams waiting.
constexpr uint32_t kNearFrameBytes = 64 << 10;
// Streams of a peer that is near: what they hold then stays in the processor's cache, which makes
// bulk cheaper by a third or more (bench/run.sh rollsite). For 1 GB/s it is enough.
constexpr uint32_t kNearStreamWindowBytes = 256 << 10;
// After an early answer the client may still be sending; it is reset when it had time to read.
constexpr absl::Duration kLingerAfterAnswer = absl::Seconds(1);
constexpr absl::Duration kMostGreetingDelay = absl::Milliseconds(20);
constexpr size_t kCopyBelowBytes = 2048;  // smaller slices would pin a whole block

// What a TLS server says to a client that speaks clear text.
bool IsTlsAlert(std::string_view bytes) { return bytes.starts_with("\x15\x03"); }

}  // namespace

Connection::Connection(EventLoop* loop, Side side, ReadBuffer* buffer, ConnectionOwner* owner,
                       std::string peer_name)
    : loop_(loop),
      side_(side),
      buffer_(buffer),
      owner_(owner),
      peer_name_(std::move(peer_name)),
      session_(
          side == Side::kServer ? http2::Session::Side::kServer : http2::Session::Side::kClient,
          this, &out_) {}

Connection::~Connection() {
  for (Stream* stream = streams_; stream; stream = stream->next_) {
    buffer_->Release(stream->unconsumed_bytes_);
  }
  while (streams_) Remove(streams_);
  ForgetEnded();
}

void Connection::Accept(Socket socket, Address peer, std::shared_ptr<tls::Session> session,
                        tls::Handshaker* handshaker) {
  socket_ = std::move(socket);
  peer_ = {std::move(peer.host), peer.port};
  if (!session) return Start();
  StartHandshakeTimer();
  Secure(std::move(session), handshaker);
}

void Connection::Connect(std::vector<Address> addresses) {
  untried_ = std::move(addresses);
  ConnectNext("the host name has no address");
}

void Connection::ConnectNext(const std::string& last_error) {
  std::string error = last_error;
  if (socket_.valid()) loop_->Forget(socket_.fd());
  while (!untried_.empty()) {
    auto socket = Socket::Connect(untried_.front());
    peer_.host = untried_.front().host;
    peer_.port = untried_.front().port;
    untried_.erase(untried_.begin());
    if (socket.ok()) {
      socket_ = *std::move(socket);
      connecting_ = true;
      return Start();
    }
    error = Message(socket.status());
  }
  socket_.Close();
  Close(UnavailableError("cannot connect to {}: {}", peer_name_, error));
}

// The socket belongs to the handshake until that is over.
void Connection::Secure(std::shared_ptr<tls::Session> session, tls::Handshaker* handshaker) {
  auto begin = side_ == Side::kServer ? TlsHandshake::Begin::kWait : TlsHandshake::Begin::kSend;
  tls_handshake_ = TlsHandshake::Start(
      loop_, socket_.fd(), session, handshaker, begin,
      [this, session](const absl::Status& result) { Secured(session, result); });
}

void Connection::Secured(const std::shared_ptr<tls::Session>& session, const absl::Status& result) {
  loop_->Defer([handshake = std::exchange(tls_handshake_, nullptr)] {});
  if (side_ == Side::kServer) owner_->OnHandshake(this, result);
  if (!result.ok()) return Close(result);
  peer_.secure = true;
  peer_.certificate = session->certificate();
  socket_.Secure(session);
  Start();
  ReadAgainSoon();  // what came along with the end of the handshake
}

// Clients in clear text come and go with each call: a timer of their own would cost more than the
// server's looking at them now and then.
void Connection::Start() {
  if (side_ == Side::kServer && !peer_.secure) {
    started_at_ = loop_->Now();
  } else {
    StartHandshakeTimer();
  }
  if (!connecting_) Established();
  // Its first bytes are there (Socket::Listen), without a turn of their own.
  if (side_ == Side::kServer && !peer_.secure) Read();
  if (closed_) return;
  interest_ = WantedEvents() | (connecting_ ? EPOLLOUT : 0u);
  loop_->Watch(socket_.fd(), interest_, this);
}

// A server's settings go out with its acknowledgement of the client's, which come at once.
void Connection::Established() {
  near_ = IsLoopback(peer_.host) || socket_.RoundTrip() < kNear;
  session_.Start({.stream_window_bytes = near_ ? kNearStreamWindowBytes : kRelayStreamWindowBytes,
                  .connection_window_bytes = kRelayConnectionWindowBytes,
                  .frame_bytes = near_ ? kNearFrameBytes : http2::kUsualFrameBytes,
                  .max_streams = kMaxRelayStreamsPerConnection,
                  .max_headers = kMaxHeaders,
                  .max_header_bytes = kMaxHttpHeaderBytes});
  if (side_ == Side::kClient) MarkDirty();
}

// Before the handshake the likeliest cause is a wrong port.
absl::Status Connection::Broken(std::string_view what) const {
  if (handshaken_) return UnavailableError("{} {}", peer_name_, what);
  return UnavailableError("{} does not answer in HTTP/2 (gRPC): it {}; is the port right?",
                          peer_name_, what);
}

// What errno says, unless TLS knows better.
absl::Status Connection::SocketBroke() const {
  int error = errno;
  if (absl::Status failure = socket_.failure(); !failure.ok()) return failure;
  return UnavailableError("the connection to {} broke: {}", peer_name_, std::strerror(error));
}

void Connection::Handshaken() {
  if (!handshaken_ && stream_count_ == 0) idle_since_ = loop_->Now();
  handshaken_ = true;
  loop_->Cancel(std::exchange(handshake_timer_, 0));
}

void Connection::OnReady(uint32_t epoll_events) {
  if (closed_) return;
  if (reading_paused_ && (epoll_events & (EPOLLHUP | EPOLLERR))) {
    return Close(UnavailableError("the connection to {} broke", peer_name_));
  }
  if (connecting_) {
    if (absl::Status result = socket_.ConnectResult(); !result.ok()) {
      return ConnectNext(Message(result));
    }
    connecting_ = false;
    if (tls_) {
      loop_->Unwatch(socket_.fd());
      const std::string& name = tls_->server_name;
      return Secure(tls_->context->NewSession(peer_name_, name), tls_->handshaker);
    }
    Established();
  }
  if (epoll_events & EPOLLOUT) {
    write_blocked_ = false;
    MarkDirty();
  }
  if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) Read();
}

// One read a turn, so that a busy peer does not starve the others.
void Connection::Read() {
  if (buffer_->full()) {
    reading_paused_ = true;
    buffer_->Pause(weak_from_this());
    return SetInterest();
  }
  const size_t limit = pace_.bytes();
  const auto blocks = buffer_->Blocks(peer_.secure ? Socket::kTlsReadBytes : limit);
  iovec parts[ReadBuffer::kBlocks];
  for (size_t i = 0; i < blocks.size(); ++i) {
    parts[i] = {blocks[i].get(), ReadBuffer::kBlockBytes};
  }
  ssize_t count = socket_.Read(parts, static_cast<int>(blocks.size()), limit);
  if (count == 0) {
    const bool nobody_asks = handshaken_ && stream_count_ == 0;
    if (nobody_asks && side_ == Side::kServer) {
      loop_->Forget(socket_.fd());
      socket_.CloseBehindPeer();
    }
    return Close(nobody_asks ? absl::CancelledError() : Broken("closed the connection"));
  }
  if (count < 0) {
    if (errno != EAGAIN && errno != EINTR) return Close(SocketBroke());
    if (peer_.secure) MarkDirty();  // TLS may have to answer
    return;
  }
  meter_.Tick(loop_->Now());
  keep_alive_.Heard(loop_->Now());
  size_t left = static_cast<size_t>(count);
  for (int i = 0; left > 0; ++i) {
    size_t size = std::min(left, ReadBuffer::kBlockBytes);
    if (!Feed(blocks[i], size)) return;
    left -= size;
  }
  pace_.Done(static_cast<size_t>(count));
  if (socket_.has_received()) ReadAgainSoon();
  MarkDirty();
}

// For bytes that the socket holds and epoll knows nothing of.
void Connection::ReadAgainSoon() {
  loop_->Defer([weak = weak_from_this()] {
    if (auto self = weak.lock(); self && !self->closed_ && self->socket_.has_received()) {
      self->Read();
    }
  });
}

bool Connection::Feed(const std::shared_ptr<char[]>& block, size_t bytes) {
  if (!handshaken_ && side_ == Side::kClient && IsTlsAlert({block.get(), bytes})) {
    Close(UnavailableError("{} speaks TLS; switch TLS on for this route", peer_name_));
    return false;
  }
  current_block_ = block;
  const bool good = session_.Feed({block.get(), bytes});
  current_block_.reset();
  if (closed_) return false;
  meter_.Received(bytes);
  if (!session_.in_header_block()) {
    block_since_ = absl::InfiniteFuture();
  } else if (block_since_ == absl::InfiniteFuture()) {
    block_since_ = loop_->Now();
  }
  if (good) return WithinBounds();
  EndAtFault();
  return false;
}

// A browser, curl or a health probe: say what this port is.
void Connection::NotHttp2() {
  std::string text =
      "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\n\r\n"
      "This port speaks gRPC over HTTP/2; health and metrics are on the admin port.\n";
  iovec part{text.data(), text.size()};
  (void)socket_.Write(&part, 1);
  Close(UnavailableError("{} does not speak HTTP/2", peer_name_));
}

void Connection::MarkDirty() {
  if (dirty_ || closed_) return;
  dirty_ = true;
  loop_->CallAtTurnEnd(shared_from_this());
}

void Connection::Flush() {
  dirty_ = false;
  if (closed_ || connecting_ || tls_handshake_ || !socket_.valid()) return;
  bool progress = true;
  while (progress && !write_blocked_) {
    session_.Produce(kOutputBytes);
    if (closed_) return;
    if (!greeted_ && HoldsGreeting()) return;
    progress = !out_.empty() || socket_.has_unsent();
    if (!WriteOut()) return;
    TellWritten();
    if (closed_) return;
  }
  const bool nothing_left = out_.empty() && !socket_.has_unsent() && stream_count_ == 0;
  if (nothing_left && (draining_ || session_.peer_goes_away())) {
    return Close(Broken("closed the connection"));
  }
  SetInterest();
}

// A client that has sent its whole call with the connection waits for nothing but the answer: the
// server's settings go with that, if it comes soon. It saves both sides a wake-up. (A client that
// waits for the settings before it calls gets them at once.)
bool Connection::HoldsGreeting() {
  const bool waits_for_answer = side_ == Side::kServer && stream_count_ == 1 &&
                                streams_->end_received() && !streams_->answer_begun_;
  if (waits_for_answer) {
    if (greeting_timer_ != 0) return true;
    greeting_timer_ = loop_->After(kMostGreetingDelay, [this] {
      greeting_timer_ = 0;
      greeted_ = true;
      MarkDirty();
    });
    return true;
  }
  loop_->Cancel(std::exchange(greeting_timer_, 0));
  greeted_ = true;
  return false;
}

// False when the connection has been closed.
bool Connection::WriteOut() {
  while (!out_.empty() || socket_.has_unsent()) {
    iovec parts[kPartsPerWrite];
    int count = 0;
    for (const Slice& slice : out_.slices()) {
      if (count == kPartsPerWrite) break;
      parts[count++] = {const_cast<char*>(slice.data), slice.size};
    }
    ssize_t written = socket_.Write(parts, count);
    if (written < 0 && (errno == EAGAIN || errno == EINTR)) {
      write_blocked_ = errno == EAGAIN;
      return true;
    }
    if (written < 0) {
      absl::Status why = SocketBroke();
      if (!handshaken_) Read();  // the peer may have said why
      Close(why);
      return false;
    }
    written_bytes_ = taken_bytes_;
    taken_bytes_ += static_cast<uint64_t>(written);
    if (!socket_.has_unsent()) written_bytes_ = taken_bytes_;
    out_.RemovePrefix(static_cast<size_t>(written));
  }
  session_.Written();
  return true;
}

void Connection::TellWritten() {
  while (!on_written_.empty() && on_written_.front().first <= written_bytes_) {
    auto on_written = std::move(on_written_.front().second);
    on_written_.pop_front();
    on_written(true);
  }
}

uint32_t Connection::WantedEvents() const {
  return (reading_paused_ ? 0u : EPOLLIN) | (write_blocked_ ? EPOLLOUT : 0u);
}

void Connection::SetInterest() {
  const uint32_t wanted = WantedEvents();
  if (wanted == interest_ || interest_ == kNotWatched) return;
  interest_ = wanted;
  loop_->Change(socket_.fd(), wanted);
}

void Connection::ResumeReading() {
  if (closed_) return;
  reading_paused_ = false;
  SetInterest();
  if (socket_.has_received()) ReadAgainSoon();
}

Stream* Connection::Open(const Headers& headers, bool end, std::shared_ptr<StreamHandler> handler) {
  Stream* stream = Add(new Stream(this));
  stream->handler_ = std::move(handler);
  session_.SendRequest(stream, headers, end);
  MarkDirty();
  return stream;
}

Stream* Connection::Add(Stream* stream) {
  stream->next_ = streams_;
  if (streams_) streams_->previous_ = stream;
  ++stream_count_;
  return streams_ = stream;
}

uint32_t Connection::WindowOf(const Stream& stream) const {
  return near_ && stream.is_bulk_ ? buffer_->NearBulkWindow() : kRelayStreamWindowBytes;
}

void Connection::EndBulk(Stream* stream) {
  if (std::exchange(stream->is_bulk_, false)) buffer_->BulkEnds();
}

// Moves it to those that have ended.
void Connection::Remove(Stream* stream) {
  EndBulk(stream);
  (stream->previous_ ? stream->previous_->next_ : streams_) = stream->next_;
  if (stream->next_) stream->next_->previous_ = stream->previous_;
  --stream_count_;
  stream->next_ = std::exchange(ended_, stream);
}

// Their meters have work to do, for which nobody should wait.
void Connection::ForgetEnded() {
  while (ended_) {
    const std::unique_ptr<Stream> first(ended_);
    ended_ = first->next_;
  }
}

void Connection::SendsBulk() {
  if (near_) session_.SendFramesOf(kNearFrameBytes);
}

http2::StreamState* Connection::NewRequest(int32_t) {
  meter_.CallBegun();
  pace_.Work(ReadPace::kWorkOfCall);
  idle_since_ = absl::InfiniteFuture();
  return Add(new Stream(this));
}

void Connection::OnHead(http2::StreamState* state, Headers head, bool end) {
  auto* stream = static_cast<Stream*>(state);
  if (side_ == Side::kServer) {
    owner_->OnRequest(stream, std::move(head), end);
  } else if (auto handler = stream->handler_) {
    handler->OnHeaders(std::move(head), end);
  }
}

void Connection::OnData(http2::StreamState* state, std::string_view bytes) {
  auto* stream = static_cast<Stream*>(state);
  if (!stream->handler_) return;
  stream->unconsumed_bytes_ += bytes.size();
  stream->received_bytes_ += bytes.size();
  buffer_->Hold(bytes.size());
  if (stream->received_bytes_ > ReadBuffer::kBulkBytes && !std::exchange(stream->is_bulk_, true)) {
    buffer_->BulkBegins();
  }
  Slice slice = bytes.size() < kCopyBelowBytes ? Slice::Copy(bytes)
                                               : Slice{current_block_, bytes.data(), bytes.size()};
  if (stream->meter_) stream->meter_->OnRequest(bytes);
  std::shared_ptr(stream->handler_)->OnData(std::move(slice));
}

void Connection::OnEnd(http2::StreamState* state, Headers trailers) {
  auto* stream = static_cast<Stream*>(state);
  EndBulk(stream);
  if (auto handler = stream->handler_) handler->OnEnd(std::move(trailers));
}

void Connection::OnSent(http2::StreamState* state, size_t bytes) {
  auto* stream = static_cast<Stream*>(state);
  meter_.Data();
  if (stream->meter_) stream->meter_->OnSent(bytes);
  if (auto handler = stream->handler_) handler->OnSent(bytes);
}

void Connection::OnEndSent(http2::StreamState* state) {
  auto* stream = static_cast<Stream*>(state);
  if (auto on_written = std::exchange(stream->on_written_, nullptr)) {
    on_written_.emplace_back(taken_bytes_ + out_.bytes(), std::move(on_written));
  }
  if (side_ == Side::kServer && !stream->end_received()) ResetLater(state->id);
}

// A server that has answered early lets the client read the answer, then stops it.
void Connection::ResetLater(int32_t id) {
  loop_->After(kLingerAfterAnswer, [weak = weak_from_this(), id] {
    auto self = weak.lock();
    http2::StreamState* stream = self && !self->closed_ ? self->session_.Find(id) : nullptr;
    if (!stream) return;
    self->session_.Reset(stream, kNoError);
    self->MarkDirty();
  });
}

void Connection::OnClosed(http2::StreamState* state, uint32_t error_code) {
  auto* const stream = static_cast<Stream*>(state);
  Remove(stream);
  buffer_->Release(std::exchange(stream->unconsumed_bytes_, 0));
  if (stream_count_ == 0) idle_since_ = loop_->Now();
  if (error_code == kNoError) {
    meter_.CallCompleted();
  } else if (side_ == Side::kServer && loop_->Now() - stream->opened_at_ < kRapidReset) {
    meter_.CallReset();
  }
  MarkDirty();
  const auto handler = std::move(stream->handler_);
  const bool complete = error_code == kNoError && stream->end_received();
  if (auto on_written = std::exchange(stream->on_written_, nullptr)) on_written(false);
  if (!handler) return;
  if (complete) {
    handler->OnClosed(absl::OkStatus());
  } else if (error_code == kCancel) {
    handler->OnClosed(CancelledError("{} cancelled the call", peer_name_));
  } else if (!handshaken_) {
    handler->OnClosed(Broken("breaks the protocol"));
  } else if (error_code == kRefusedStream) {
    handler->OnClosed(absl::AbortedError(peer_name_ + " refuses further calls"));
  } else {
    handler->OnClosed(
        UnavailableError("{} broke the call off ({})", peer_name_, http2::ErrorName(error_code)));
  }
}

void Connection::Close(const absl::Status& why) {
  if (std::exchange(closed_, true)) return;
  session_.Stop();
  auto self = shared_from_this();
  loop_->Cancel(std::exchange(handshake_timer_, 0));
  loop_->Cancel(std::exchange(greeting_timer_, 0));
  if (auto handshake = std::exchange(tls_handshake_, nullptr)) {
    handshake->Cancel();
    loop_->Defer([handshake] {});  // lives to the end of the turn
    if (side_ == Side::kServer) owner_->OnHandshake(this, why);
  }
  if (socket_.valid()) loop_->Forget(socket_.fd());
  socket_.Close();
  TellWritten();
  for (auto& [bytes, on_written] : std::exchange(on_written_, {})) on_written(false);
  while (Stream* const stream = streams_) {
    Remove(stream);
    buffer_->Release(std::exchange(stream->unconsumed_bytes_, 0));
    if (auto on_written = std::exchange(stream->on_written_, nullptr)) on_written(false);
    if (auto handler = std::move(stream->handler_)) handler->OnClosed(why);
  }
  ForgetEnded();
  owner_->OnConnectionClosed(this);
  loop_->CallAtTurnEnd(self);  // lives so long
}

}  // namespace fate::relay
