#include "relay/connection_callbacks.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"

namespace fate::relay {
namespace {

// After an early answer the client may still be sending; it is reset when it had time to read.
constexpr absl::Duration kLingerAfterAnswer = absl::Seconds(1);
constexpr size_t kCopyBelowBytes = 2048;  // smaller slices would pin a whole block
// Streams of a peer that is near: what they hold then stays in the processor's cache, which makes
// bulk cheaper by a third or more (bench/run.sh rollsite). For 1 GB/s it is enough.
constexpr uint32_t kNearStreamWindowBytes = 256 << 10;
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

// Of what the stream queues.
nghttp2_data_provider Provider(Stream* stream, nghttp2_data_source_read_callback read) {
  nghttp2_data_provider provider{};
  provider.source.ptr = stream;
  provider.read_callback = read;
  return provider;
}

}  // namespace

// One after the other, mostly: a head's fields, then its frame's end; pieces of a frame of data.
Stream* ConnectionCallbacks::FindStream(Connection* connection, int32_t id) {
  if (connection->found_ && connection->found_->id_ == id) return connection->found_;
  connection->found_ =
      static_cast<Stream*>(nghttp2_session_get_stream_user_data(connection->session_, id));
  return connection->found_;
}

int ConnectionCallbacks::OnBeginHeaders(nghttp2_session* session, const nghttp2_frame* frame,
                                        void* user) {
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
    connection->found_ = stream;
  } else if (Stream* stream = FindStream(connection, id)) {
    stream->incoming_.Reserve(kFewHeaders, kFewHeaderBytes);
  }
  return 0;
}

int ConnectionCallbacks::OnHeader(nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name,
                                  size_t name_size, const uint8_t* value, size_t value_size,
                                  uint8_t, void* user) {
  Stream* stream = FindStream(static_cast<Connection*>(user), frame->hd.stream_id);
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

int ConnectionCallbacks::OnFrameReceived(nghttp2_session*, const nghttp2_frame* frame, void* user) {
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
  Stream* stream = FindStream(connection, frame->hd.stream_id);
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

void ConnectionCallbacks::DeliverHead(Connection* connection, Stream* stream, Headers headers,
                                      bool end) {
  if (connection->side_ == Connection::Side::kServer) {
    connection->owner_->OnRequest(stream, std::move(headers), end);
  } else if (auto handler = stream->handler_) {
    handler->OnHeaders(std::move(headers), end);
  }
}

int ConnectionCallbacks::OnDataChunk(nghttp2_session* session, uint8_t, int32_t id,
                                     const uint8_t* data, size_t size, void* user) {
  auto* connection = static_cast<Connection*>(user);
  nghttp2_session_consume_connection(session, size);
  Stream* stream = FindStream(connection, id);
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

int ConnectionCallbacks::OnStreamClose(nghttp2_session*, int32_t id, uint32_t error_code,
                                       void* user) {
  if (Stream* stream = FindStream(static_cast<Connection*>(user), id)) {
    static_cast<Connection*>(user)->EndStream(stream, error_code);
  }
  return 0;
}

int ConnectionCallbacks::OnInvalidFrame(nghttp2_session*, const nghttp2_frame*, int, void* user) {
  static_cast<Connection*>(user)->meter_.Frame(AbuseMeter::kRefusedFrame);
  return 0;
}

int ConnectionCallbacks::OnFrameSent(nghttp2_session*, const nghttp2_frame* frame, void* user) {
  if (frame->hd.type == NGHTTP2_GOAWAY) {
    const nghttp2_goaway& end = frame->goaway;
    static_cast<Connection*>(user)->NoteViolation(
        end.error_code, {reinterpret_cast<const char*>(end.opaque_data), end.opaque_data_len});
    return 0;
  }
  bool carries_end = frame->hd.type == NGHTTP2_DATA || frame->hd.type == NGHTTP2_HEADERS;
  if (!carries_end || !(frame->hd.flags & NGHTTP2_FLAG_END_STREAM)) return 0;
  auto* connection = static_cast<Connection*>(user);
  Stream* stream = FindStream(connection, frame->hd.stream_id);
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
void ConnectionCallbacks::ResetLater(Connection* connection, int32_t id) {
  connection->loop_->After(kLingerAfterAnswer, [weak = connection->weak_from_this(), id] {
    auto self = weak.lock();
    if (!self || self->closed_ || !FindStream(self.get(), id)) return;
    nghttp2_submit_rst_stream(self->session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_NO_ERROR);
    self->MarkDirty();
  });
}

// A request that could not be sent at all, for instance after GOAWAY.
int ConnectionCallbacks::OnFrameNotSent(nghttp2_session*, const nghttp2_frame* frame, int,
                                        void* user) {
  if (frame->hd.type != NGHTTP2_HEADERS) return 0;
  if (Stream* stream = FindStream(static_cast<Connection*>(user), frame->hd.stream_id)) {
    static_cast<Connection*>(user)->EndStream(stream, NGHTTP2_REFUSED_STREAM);
  }
  return 0;
}

// The library makes room for the largest frame, which connections without bulk can do without.
ssize_t ConnectionCallbacks::FrameLimit(nghttp2_session*, uint8_t, int32_t, int32_t, int32_t,
                                        uint32_t peer_limit, void* user) {
  auto* connection = static_cast<Connection*>(user);
  return std::min(connection->near_ && connection->has_bulk_ ? kNearFrameBytes : kUsualFrameBytes,
                  peer_limit);
}

ssize_t ConnectionCallbacks::ReadData(nghttp2_session* session, int32_t id, uint8_t*, size_t limit,
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

int ConnectionCallbacks::SendData(nghttp2_session*, nghttp2_frame*, const uint8_t* frame_head,
                                  size_t size, nghttp2_data_source* source, void* user) {
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

nghttp2_session_callbacks* ConnectionCallbacks::Make() {
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
  nghttp2_session_callbacks_set_data_source_read_length_callback(callbacks, &FrameLimit);
  return callbacks;
}

nghttp2_option* ConnectionCallbacks::MakeOptions() {
  nghttp2_option* options = nullptr;
  nghttp2_option_new(&options);
  nghttp2_option_set_no_auto_window_update(options, 1);
  nghttp2_option_set_no_closed_streams(options, 1);
  // A second line behind AbuseMeter, which knows honest resets from rapid ones.
  nghttp2_option_set_stream_reset_rate_limit(options, 10'000, 1'000);
  return options;
}

nghttp2_session* ConnectionCallbacks::NewSession(Connection* connection) {
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

void ConnectionCallbacks::SubmitSettings(nghttp2_session* session, Connection::Side side,
                                         bool near) {
  const nghttp2_settings_entry for_side =
      side == Connection::Side::kServer
          ? nghttp2_settings_entry{NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS,
                                   kMaxRelayStreamsPerConnection}
          : nghttp2_settings_entry{NGHTTP2_SETTINGS_ENABLE_PUSH, 0};
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE,
       near ? kNearStreamWindowBytes : kRelayStreamWindowBytes},
      {NGHTTP2_SETTINGS_MAX_FRAME_SIZE, near ? kNearFrameBytes : kUsualFrameBytes},
      {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, kMaxHttpHeaderBytes},
      for_side};
  nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings));
  nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kRelayConnectionWindowBytes);
}

int32_t ConnectionCallbacks::SubmitRequest(nghttp2_session* session, const Headers& headers,
                                           bool end, Stream* stream) {
  const auto provider = Provider(stream, &ReadData);
  const auto& nvs = ToNvs(headers);
  return nghttp2_submit_request(session, nullptr, nvs.data(), nvs.size(), end ? nullptr : &provider,
                                stream);
}

void ConnectionCallbacks::SubmitResponse(nghttp2_session* session, const Headers& headers, bool end,
                                         Stream* stream) {
  const auto provider = Provider(stream, &ReadData);
  const auto& nvs = ToNvs(headers);
  nghttp2_submit_response(session, stream->id_, nvs.data(), nvs.size(), end ? nullptr : &provider);
}

}  // namespace fate::relay
