#include "relay/connection.h"

#include <nghttp2/nghttp2.h>
#include <sys/epoll.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {
namespace {

// After an early answer the client may still be sending; it is reset when it had time to read.
constexpr absl::Duration kLingerAfterAnswer = absl::Seconds(1);
// What lies ready for the socket beyond which no further frames are made.
constexpr size_t kOutputBytes = 256 << 10;
constexpr int kPartsPerWrite = 64;
constexpr size_t kCopyBelowBytes = 2048;            // smaller slices would pin a whole block
constexpr size_t kFirstSmallFramesBytes = 1 << 10;  // enough for a connection of one call
constexpr size_t kSmallFramesBytes = 16 << 10;
// Streams of a peer that is near: what they hold then stays in the processor's cache, which makes
// bulk cheaper by a third or more (bench/run.sh rollsite). For 1 GB/s it is enough within kNear.
constexpr uint32_t kNearStreamWindowBytes = 256 << 10;
constexpr absl::Duration kNear = absl::Microseconds(250);
constexpr size_t kUsualHeaders = 24, kUsualHeaderBytes = 600;  // of a request
constexpr size_t kFewHeaders = 4, kFewHeaderBytes = 128;       // of an answer
constexpr size_t kHeaderOverheadBytes = 32;                    // RFC 9113, 6.5.2

nghttp2_nv ToNv(const Header& header) {
  auto bytes = [](std::string_view text) {
    return reinterpret_cast<uint8_t*>(const_cast<char*>(text.data()));
  };
  return {bytes(header.name), bytes(header.value), header.name.size(), header.value.size(),
          NGHTTP2_NV_FLAG_NONE};
}

// Good until the next call on this thread: the library copies what it is given.
const std::vector<nghttp2_nv>& ToNvs(const Headers& headers) {
  thread_local std::vector<nghttp2_nv> result;
  result.clear();
  for (const Header& header : headers) result.push_back(ToNv(header));
  return result;
}

// What a TLS server says to a client that speaks clear text.
bool IsTlsAlert(std::string_view bytes) { return bytes.starts_with("\x15\x03"); }

}  // namespace

// The library's callbacks; user data is the Connection.
struct ConnectionCallbacks {
  static Stream* FindStream(nghttp2_session* session, int32_t id) {
    return static_cast<Stream*>(nghttp2_session_get_stream_user_data(session, id));
  }

  static int OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto* connection = static_cast<Connection*>(user);
    int32_t id = frame->hd.stream_id;
    connection->block_since_ = connection->loop_->Now();
    if (frame->headers.cat == NGHTTP2_HCAT_REQUEST) {
      connection->meter_.CallBegun();
      connection->pace_.Work(ReadPace::kWorkOfCall);
      connection->idle_since_ = absl::InfiniteFuture();
      Stream* stream = connection->Add(std::unique_ptr<Stream>(new Stream(connection, id)));
      stream->incoming_.Reserve(kUsualHeaders, kUsualHeaderBytes);
      nghttp2_session_set_stream_user_data(session, id, stream);
      connection->heading_ = stream;
    } else if (Stream* stream = connection->heading_ = FindStream(session, id)) {
      stream->incoming_.Reserve(kFewHeaders, kFewHeaderBytes);
    }
    return 0;
  }

  static int OnHeader(nghttp2_session*, const nghttp2_frame*, const uint8_t* name, size_t name_size,
                      const uint8_t* value, size_t value_size, uint8_t, void* user) {
    Stream* stream = static_cast<Connection*>(user)->heading_;
    if (!stream || stream->incoming_too_long_) return 0;
    stream->incoming_bytes_ += name_size + value_size + kHeaderOverheadBytes;
    if (stream->incoming_bytes_ > kMaxHttpHeaderBytes || stream->incoming_.size() >= kMaxHeaders) {
      stream->incoming_too_long_ = true;
      stream->incoming_.clear();
      return 0;
    }
    stream->incoming_.push_back({{reinterpret_cast<const char*>(name), name_size},
                                 {reinterpret_cast<const char*>(value), value_size}});
    return 0;
  }

  static int OnFrameReceived(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    auto* connection = static_cast<Connection*>(user);
    const bool is_data = frame->hd.type == NGHTTP2_DATA;
    connection->Meter(frame->hd.type, frame->hd.flags,
                      is_data && frame->hd.length > frame->data.padlen);
    switch (frame->hd.type) {
      case NGHTTP2_SETTINGS:
        connection->Handshaken();
        return 0;
      case NGHTTP2_GOAWAY:
        connection->peer_going_away_ = true;
        return 0;
      case NGHTTP2_HEADERS:
      case NGHTTP2_DATA:
        break;
      default:
        return 0;
    }
    Stream* stream = FindStream(session, frame->hd.stream_id);
    if (!stream) return 0;
    bool end = (frame->hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (end) stream->end_received_ = true;
    Headers headers;
    if (frame->hd.type == NGHTTP2_HEADERS) {
      if (stream->incoming_too_long_) return connection->RefuseHeaders(stream), 0;
      headers = std::exchange(stream->incoming_, {});
      stream->incoming_bytes_ = 0;
      if (!stream->head_received_) {
        if (Find(headers, ":status").starts_with('1') && !end) return 0;  // informational
        stream->head_received_ = true;
        DeliverHead(connection, stream, std::move(headers), end);
        headers.clear();
      }
    }
    if (end) {
      if (auto handler = stream->handler_) handler->OnEnd(std::move(headers));
    }
    return 0;
  }

  static void DeliverHead(Connection* connection, Stream* stream, Headers headers, bool end) {
    if (connection->side_ == Connection::Side::kServer) {
      connection->owner_->OnRequest(stream, std::move(headers), end);
    } else if (auto handler = stream->handler_) {
      handler->OnHeaders(std::move(headers), end);
    }
  }

  static int OnDataChunk(nghttp2_session* session, uint8_t, int32_t id, const uint8_t* data,
                         size_t size, void* user) {
    auto* connection = static_cast<Connection*>(user);
    nghttp2_session_consume_connection(session, size);
    Stream* stream = FindStream(session, id);
    if (!stream || !stream->handler_) return 0;
    stream->unconsumed_bytes_ += size;
    connection->buffer_->Hold(size);
    const char* bytes = reinterpret_cast<const char*>(data);
    Slice slice = size < kCopyBelowBytes ? Slice::Copy({bytes, size})
                                         : Slice{connection->current_block_, bytes, size};
    if (stream->meter_) stream->meter_->OnRequest({bytes, size});
    std::shared_ptr(stream->handler_)->OnData(std::move(slice));
    return 0;
  }

  static int OnStreamClose(nghttp2_session* session, int32_t id, uint32_t error_code, void* user) {
    if (Stream* stream = FindStream(session, id)) {
      static_cast<Connection*>(user)->EndStream(stream, error_code);
    }
    return 0;
  }

  static int OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
    static_cast<Connection*>(user)->meter_.Frame(AbuseMeter::kRefusedFrame);
    return 0;
  }

  static int OnFrameSent(nghttp2_session* session, const nghttp2_frame* frame, void* user) {
    if (frame->hd.type == NGHTTP2_GOAWAY) {
      const nghttp2_goaway& end = frame->goaway;
      static_cast<Connection*>(user)->NoteViolation(
          end.error_code, {reinterpret_cast<const char*>(end.opaque_data), end.opaque_data_len});
      return 0;
    }
    bool carries_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
    if (!carries_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
    auto* connection = static_cast<Connection*>(user);
    Stream* stream = FindStream(session, frame->hd.stream_id);
    if (!stream) return 0;
    stream->end_sent_ = true;
    if (auto on_written = std::exchange(stream->on_written_, nullptr)) {
      connection->on_written_.emplace_back(connection->taken_bytes_ + connection->out_.bytes(),
                                           std::move(on_written));
    }
    if (connection->side_ == Connection::Side::kServer && !stream->end_received_) {
      ResetLater(connection, frame->hd.stream_id);
    }
    return 0;
  }

  // A server that has answered early lets the client read the answer, then stops it.
  static void ResetLater(Connection* connection, int32_t id) {
    connection->loop_->After(kLingerAfterAnswer, [weak = connection->weak_from_this(), id] {
      auto self = weak.lock();
      if (!self || self->closed_ || !FindStream(self->session_, id)) return;
      nghttp2_submit_rst_stream(self->session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
      self->MarkDirty();
    });
  }

  // A request that could not be sent at all, for instance after GOAWAY.
  static int OnFrameNotSent(nghttp2_session* session, const nghttp2_frame* frame, int, void* user) {
    if (frame->hd.type != NGHTTP2_HEADERS) return 0;
    if (Stream* stream = FindStream(session, frame->hd.stream_id)) {
      static_cast<Connection*>(user)->EndStream(stream, NGHTTP2_REFUSED_STREAM);
    }
    return 0;
  }

  static ssize_t ReadData(nghttp2_session* session, int32_t id, uint8_t*, size_t limit,
                          uint32_t* flags, nghttp2_data_source* source, void*) {
    auto* stream = static_cast<Stream*>(source->ptr);
    size_t size = std::min(limit, stream->out_.bytes());
    if (size == 0 && !stream->end_queued_) {
      stream->waits_for_data_ = true;
      return NGHTTP2_ERR_DEFERRED;
    }
    if (size > 0) *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
    if (stream->end_queued_ && size == stream->out_.bytes()) {
      *flags |= NGHTTP2_DATA_FLAG_EOF;
      if (!stream->trailers_.empty()) {
        *flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
        const auto& trailers = ToNvs(stream->trailers_);
        nghttp2_submit_trailer(session, id, trailers.data(), trailers.size());
      }
    }
    return static_cast<ssize_t>(size);
  }

  static int SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head, size_t size,
                      nghttp2_data_source* source, void* user) {
    auto* connection = static_cast<Connection*>(user);
    auto* stream = static_cast<Stream*>(source->ptr);
    constexpr size_t kFrameHeadBytes = 9;
    connection->Append({reinterpret_cast<const char*>(frame_head), kFrameHeadBytes});
    for (size_t left = size; left > 0;) {
      Slice slice = stream->out_.Pop(left);
      left -= slice.size;
      if (slice.size < kCopyBelowBytes) {
        connection->Append(slice.view());
      } else {
        connection->out_.Push(std::move(slice));
      }
    }
    if (size > 0) connection->meter_.Data();
    stream->Sent(size);
    return connection->out_.bytes() >= kOutputBytes ? NGHTTP2_ERR_PAUSE : 0;
  }

  static nghttp2_session_callbacks* Make() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, &OnBeginHeaders);
    nghttp2_session_callbacks_set_on_header_callback(callbacks, &OnHeader);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, &OnFrameReceived);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, &OnDataChunk);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, &OnStreamClose);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, &OnFrameSent);
    nghttp2_session_callbacks_set_on_frame_not_send_callback(callbacks, &OnFrameNotSent);
    nghttp2_session_callbacks_set_on_invalid_frame_recv_callback(callbacks, &OnInvalidFrame);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, &SendData);
    return callbacks;
  }

  static nghttp2_option* MakeOptions() {
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_option_set_no_closed_streams(options, 1);
    // A second line behind AbuseMeter, which knows honest resets from rapid ones.
    nghttp2_option_set_stream_reset_rate_limit(options, 10'000, 1'000);
    return options;
  }

  static nghttp2_session* NewSession(Connection* connection) {
    static nghttp2_session_callbacks* callbacks = Make();
    static nghttp2_option* options = MakeOptions();
    nghttp2_session* session = nullptr;
    if (connection->side_ == Connection::Side::kServer) {
      nghttp2_session_server_new2(&session, callbacks, connection, options);
    } else {
      nghttp2_session_client_new2(&session, callbacks, connection, options);
    }
    return session;
  }

  static void SubmitSettings(nghttp2_session* session, Connection::Side side, bool near) {
    std::vector<nghttp2_settings_entry> settings = {
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
         near ? kNearStreamWindowBytes : kRelayStreamWindowBytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHttpHeaderBytes}};
    if (side == Connection::Side::kServer) {
      settings.push_back({NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, kMaxRelayStreamsPerConnection});
    } else {
      settings.push_back({NGHTTP2_SETTINGS_ENABLE_PUSH, 0});
    }
    nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size());
    nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0,
                                          kRelayConnectionWindowBytes);
  }
};

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
  ConnectionCallbacks::SubmitSettings(session_, side_,
                                      IsLoopback(peer_.host) || socket_.RoundTrip() < kNear);
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
  const auto& blocks = buffer_->Blocks();
  iovec parts[ReadBuffer::kBlocks];
  for (int i = 0; i < ReadBuffer::kBlocks; ++i) {
    parts[i] = {blocks[i].get(), ReadBuffer::kBlockBytes};
  }
  ssize_t count = socket_.Read(parts, ReadBuffer::kBlocks, pace_.bytes());
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
  nghttp2_data_provider provider{};
  provider.source.ptr = stream;
  provider.read_callback = &ConnectionCallbacks::ReadData;
  const auto& nvs = ToNvs(headers);
  int32_t id = nghttp2_submit_request(session_, nullptr, nvs.data(), nvs.size(),
                                      end ? nullptr : &provider, stream);
  stream->id_ = id;
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
  return std::unique_ptr<Stream>(stream);
}

std::vector<std::unique_ptr<Stream>> Connection::RemoveAll() {
  std::vector<std::unique_ptr<Stream>> streams;
  while (streams_) streams.push_back(Remove(streams_));
  return streams;
}

void Connection::SubmitResponse(Stream* stream, const Headers& headers, bool end) {
  nghttp2_data_provider provider{};
  provider.source.ptr = stream;
  provider.read_callback = &ConnectionCallbacks::ReadData;
  const auto& nvs = ToNvs(headers);
  nghttp2_submit_response(session_, stream->id_, nvs.data(), nvs.size(), end ? nullptr : &provider);
  MarkDirty();
}

void Connection::EndStream(Stream* stream, uint32_t error_code) {
  const std::unique_ptr<Stream> owned = Remove(stream);
  if (heading_ == stream) heading_ = nullptr;
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
