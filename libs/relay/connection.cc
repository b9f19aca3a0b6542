#include "relay/connection.h"

#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"
#include "relay/connection_callbacks.h"

namespace fate::relay {
namespace {

constexpr int kPartsPerWrite = 64;
constexpr size_t kFirstSmallFramesBytes = 1 << 10;  // enough for a connection of one call
constexpr size_t kSmallFramesBytes = 16 << 10;
constexpr absl::Duration kNear = absl::Microseconds(250);

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
      session_(ConnectionCallbacks::NewSession(this)) {}

Connection::~Connection() {
  for (const auto& stream : RemoveAll()) buffer_->Release(stream->unconsumed_bytes_);
  nghttp2_session_del(session_);
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
  if (socket_.valid()) loop_->Unwatch(socket_.fd());
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
  interest_ = EPOLLIN | (connecting_ ? EPOLLOUT : 0u);
  loop_->Watch(socket_.fd(), interest_, this);
  if (!connecting_) Established();
}

// A server's settings go out with its acknowledgement of the client's, which come at once.
void Connection::Established() {
  near_ = IsLoopback(peer_.host) || socket_.RoundTrip() < kNear;
  ConnectionCallbacks::SubmitSettings(session_, side_, near_);
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
    if (nobody_asks && side_ == Side::kServer) socket_.CloseBehindPeer();
    return Close(nobody_asks ? absl::CancelledError() : Broken("closed the connection"));
  }
  if (count < 0) {
    if (errno == EAGAIN || errno == EINTR) return MarkDirty();  // TLS may have to answer
    return Close(SocketBroke());
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
  ssize_t used =
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(block.get()), bytes);
  current_block_.reset();
  if (used == NGHTTP2_ERR_BAD_CLIENT_MAGIC) {
    NotHttp2();
    return false;
  }
  return !closed_ && WithinBounds(used);
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
    Produce();
    if (closed_) return;
    progress = !out_.empty() || socket_.has_unsent();
    if (!WriteOut()) return;
    TellWritten();
    if (closed_) return;
  }
  if (out_.empty() && !socket_.has_unsent() && !nghttp2_session_want_read(session_) &&
      !nghttp2_session_want_write(session_)) {
    return Close(Broken(violation_.empty() ? "closed the connection"
                                           : fmt::format("breaks the protocol ({})", violation_)));
  }
  SetInterest();
}

// Turns queued frames into bytes until enough lie ready for the socket.
void Connection::Produce() {
  while (out_.bytes() < kOutputBytes) {
    const uint8_t* bytes = nullptr;
    ssize_t size = nghttp2_session_mem_send(session_, &bytes);
    if (size < 0) {
      return Close(InternalError("cannot write to {}: {}", peer_name_,
                                 nghttp2_strerror(static_cast<int>(size))));
    }
    if (size == 0) return;
    Append({reinterpret_cast<const char*>(bytes), static_cast<size_t>(size)});
  }
}

void Connection::Append(std::string_view bytes) {
  if (out_.empty() && small_ && small_.use_count() == 1) small_->clear();
  if (!small_ || small_->capacity() - small_->size() < bytes.size()) {
    const bool first = !small_;
    small_ = std::make_shared<std::string>();
    small_->reserve(std::max(first ? kFirstSmallFramesBytes : kSmallFramesBytes, bytes.size()));
  }
  const char* start = small_->data() + small_->size();
  small_->append(bytes);
  if (!out_.Extend(start, bytes.size())) out_.Push({small_, start, bytes.size()});
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
    for (size_t left = static_cast<size_t>(written); left > 0;) left -= out_.Pop(left).size;
  }
  return true;
}

void Connection::TellWritten() {
  while (!on_written_.empty() && on_written_.front().first <= written_bytes_) {
    auto on_written = std::move(on_written_.front().second);
    on_written_.pop_front();
    on_written(true);
  }
}

void Connection::SetInterest() {
  uint32_t wanted = (reading_paused_ ? 0u : EPOLLIN) | (write_blocked_ ? EPOLLOUT : 0u);
  if (wanted == interest_) return;
  interest_ = wanted;
  loop_->Change(socket_.fd(), wanted, this);
}

void Connection::ResumeReading() {
  if (closed_) return;
  reading_paused_ = false;
  SetInterest();
  if (socket_.has_received()) ReadAgainSoon();
}

Stream* Connection::Open(const Headers& headers, bool end, std::shared_ptr<StreamHandler> handler) {
  Stream* stream = Add(std::unique_ptr<Stream>(new Stream(this, 0)));
  stream->id_ = ConnectionCallbacks::SubmitRequest(session_, headers, end, stream);
  stream->end_queued_ = end;
  stream->handler_ = std::move(handler);
  MarkDirty();
  return stream;
}

Stream* Connection::Add(std::unique_ptr<Stream> stream) {
  stream->next_ = streams_;
  if (streams_) streams_->previous_ = stream.get();
  ++stream_count_;
  return streams_ = stream.release();
}

std::unique_ptr<Stream> Connection::Remove(Stream* stream) {
  (stream->previous_ ? stream->previous_->next_ : streams_) = stream->next_;
  if (stream->next_) stream->next_->previous_ = stream->previous_;
  --stream_count_;
  if (found_ == stream) found_ = nullptr;
  return std::unique_ptr<Stream>(stream);
}

std::vector<std::unique_ptr<Stream>> Connection::RemoveAll() {
  std::vector<std::unique_ptr<Stream>> streams;
  while (streams_) streams.push_back(Remove(streams_));
  return streams;
}

void Connection::SubmitResponse(Stream* stream, const Headers& headers, bool end) {
  ConnectionCallbacks::SubmitResponse(session_, headers, end, stream);
  MarkDirty();
}

void Connection::EndStream(Stream* stream, uint32_t error_code) {
  const std::unique_ptr<Stream> owned = Remove(stream);
  nghttp2_session_set_stream_user_data(session_, stream->id_, nullptr);
  buffer_->Release(std::exchange(stream->unconsumed_bytes_, 0));
  if (stream_count_ == 0) idle_since_ = loop_->Now();
  if (error_code == NGHTTP2_NO_ERROR) {
    meter_.CallCompleted();
  } else if (side_ == Side::kServer && loop_->Now() - stream->opened_at_ < kRapidReset) {
    meter_.CallReset();
  }
  MarkDirty();
  if (auto on_written = std::exchange(stream->on_written_, nullptr)) on_written(false);
  auto handler = std::move(stream->handler_);
  if (!handler) return;
  if (error_code == NGHTTP2_NO_ERROR && stream->end_received_) {
    handler->OnClosed(absl::OkStatus());
  } else if (error_code == NGHTTP2_CANCEL) {
    handler->OnClosed(CancelledError("{} cancelled the call", peer_name_));
  } else if (!handshaken_) {
    handler->OnClosed(Broken("breaks the protocol"));
  } else if (error_code == NGHTTP2_REFUSED_STREAM) {
    handler->OnClosed(absl::AbortedError(peer_name_ + " refuses further calls"));
  } else {
    handler->OnClosed(UnavailableError("{} broke the call off ({})", peer_name_,
                                       nghttp2_http2_strerror(error_code)));
  }
}

void Connection::Close(const absl::Status& why) {
  if (std::exchange(closed_, true)) return;
  auto self = shared_from_this();
  loop_->Cancel(std::exchange(handshake_timer_, 0));
  if (auto handshake = std::exchange(tls_handshake_, nullptr)) {
    handshake->Cancel();
    loop_->Defer([handshake] {});  // lives to the end of the turn
    if (side_ == Side::kServer) owner_->OnHandshake(this, why);
  }
  socket_.Close();
  TellWritten();
  for (auto& [bytes, on_written] : std::exchange(on_written_, {})) on_written(false);
  const auto streams = RemoveAll();
  for (const auto& stream : streams) {
    buffer_->Release(std::exchange(stream->unconsumed_bytes_, 0));
    if (auto on_written = std::exchange(stream->on_written_, nullptr)) on_written(false);
    if (auto handler = std::move(stream->handler_)) handler->OnClosed(why);
  }
  owner_->OnConnectionClosed(this);
  loop_->CallAtTurnEnd(self);  // lives so long
}

}  // namespace fate::relay
