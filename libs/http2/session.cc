// What a session sends, and its streams' lives; session_receive.cc has what it receives.
#include "http2/session.h"

#include <algorithm>
#include <utility>

namespace fate::http2 {
namespace {

constexpr int32_t kLastId = INT32_MAX - 2;

}  // namespace

std::string_view ErrorName(uint32_t code) {
  static constexpr std::string_view kNames[] = {"NO_ERROR",
                                                "PROTOCOL_ERROR",
                                                "INTERNAL_ERROR",
                                                "FLOW_CONTROL_ERROR",
                                                "SETTINGS_TIMEOUT",
                                                "STREAM_CLOSED",
                                                "FRAME_SIZE_ERROR",
                                                "REFUSED_STREAM",
                                                "CANCEL",
                                                "COMPRESSION_ERROR",
                                                "CONNECT_ERROR",
                                                "ENHANCE_YOUR_CALM",
                                                "INADEQUATE_SECURITY",
                                                "HTTP_1_1_REQUIRED"};
  return code < std::size(kNames) ? kNames[code] : "an unknown error";
}

void StreamList::PushBack(StreamState* stream) {
  Remove(stream);
  stream->list_ = this;
  stream->before_ = last_;
  (last_ ? last_->after_ : first_) = stream;
  last_ = stream;
}

void StreamList::Remove(StreamState* stream) {
  StreamList* const list = std::exchange(stream->list_, nullptr);
  if (!list) return;
  (stream->before_ ? stream->before_->after_ : list->first_) = stream->after_;
  (stream->after_ ? stream->after_->before_ : list->last_) = stream->before_;
  stream->before_ = stream->after_ = nullptr;
}

void Session::PutFrame(FrameType type, uint8_t flags, int32_t stream, std::string_view payload) {
  char bytes[kFrameHeadBytes + 48];
  WriteFrameHead({static_cast<uint32_t>(payload.size()), type, flags, stream}, bytes);
  if (payload.size() <= sizeof bytes - kFrameHeadBytes) {
    std::copy(payload.begin(), payload.end(), bytes + kFrameHeadBytes);
    return out_->Append({bytes, kFrameHeadBytes + payload.size()});
  }
  out_->Append({bytes, kFrameHeadBytes});
  out_->Append(payload);
}

void Session::Start(const Settings& settings) {
  settings_ = settings;
  started_ = true;
  const bool is_server = side_ == Side::kServer;
  state_ = is_server ? State::kPreface : State::kFrameHead;
  left_ = is_server ? kPreface.size() : 0;
  if (!is_server) out_->Append(kPreface);
  const std::pair<Setting, uint32_t> values[] = {
      {kInitialWindowSize, settings.stream_window_bytes},
      {kMaxFrameSize, settings.frame_bytes},
      {kMaxHeaderListSize, settings.max_header_bytes},
      is_server ? std::pair(kMaxConcurrentStreams, settings.max_streams)
                : std::pair(kEnablePush, 0u)};
  char payload[6 * std::size(values)];
  char* at = payload;
  for (const auto& [setting, value] : values) {
    WriteNumber(setting, 2, at);
    WriteNumber(value, 4, at + 2);
    at += 6;
  }
  PutFrame(kSettingsFrame, 0, 0, {payload, sizeof payload});
  GiveBack(0, settings.connection_window_bytes - static_cast<uint32_t>(kUsualWindowBytes));
  SendWaiting();
}

void Session::GiveBack(int32_t id, uint32_t bytes) {
  char payload[4];
  WriteNumber(bytes, 4, payload);
  if (bytes > 0) PutFrame(kWindowUpdateFrame, 0, id, {payload, sizeof payload});
}

StreamState* Session::Find(int32_t id) const {
  if (found_ && found_->id == id) return found_;
  const auto it = streams_.find(id);
  if (it == streams_.end()) return nullptr;
  return found_ = it->second;
}

void Session::SendRequest(StreamState* stream, const Headers& head, bool end) {
  if (waiting_.empty() && MaySendRequest()) return BeginRequest(stream, head, end);
  waiting_.push_back({stream, head, end});
  if (next_id_ > kLastId) RefuseWaiting();  // the peer has seen all ids that there are
}

bool Session::MaySendRequest() {
  return started_ && !peer_goes_away_ && streams_.size() < peer_max_streams_ && next_id_ <= kLastId;
}

void Session::BeginRequest(StreamState* stream, const Headers& head, bool end) {
  stream->id = std::exchange(next_id_, next_id_ + 2);
  stream->send_window_ = peer_stream_window_;
  streams_.emplace(stream->id, stream);
  SendBlock(stream, head, end);
  if (end) stream->end_queued = stream->end_sent = true;
  Schedule(stream);
}

void Session::SendWaiting() {
  while (!waiting_.empty() && MaySendRequest()) {
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    BeginRequest(request.stream, request.head, request.end);
  }
  if (next_id_ > kLastId) RefuseWaiting();
}

void Session::RefuseWaiting() {
  peer_goes_away_ = true;
  for (const Request& request : waiting_) Reset(request.stream, ErrorCode::kRefusedStream);
}

void Session::SendHead(StreamState* stream, const Headers& head, bool end) {
  if (stopped_ || stream->reset_queued_ || stream->head_sent_) return;
  SendBlock(stream, head, end);
  if (!end) return Schedule(stream);
  stream->end_queued = stream->end_sent = true;
  owner_->OnEndSent(stream);
  if (!stopped_) Schedule(stream);
}

// Compressed when sent, in the order of the frames.
void Session::SendBlock(StreamState* stream, const Headers& headers, bool end) {
  thread_local std::string block;
  block.clear();
  encoder_.Encode(headers, &block);
  stream->head_sent_ = true;
  std::string_view rest = block;
  FrameType type = kHeadersFrame;
  uint8_t flags = end ? kEndStream : 0;
  do {
    const std::string_view part = rest.substr(0, kUsualFrameBytes);
    rest.remove_prefix(part.size());
    if (rest.empty()) flags |= kEndHeaders;
    PutFrame(type, flags, stream->id, part);
    type = kContinuationFrame;
    flags = 0;
  } while (!rest.empty());
}

void Session::Resume(StreamState* stream) { Schedule(stream); }

void Session::Schedule(StreamState* stream) {
  if (stream->reset_queued_) return endings_.PushBack(stream);
  if (!stream->head_sent_) return;
  if (stream->end_sent) {
    if (stream->end_received) endings_.PushBack(stream);
    return;
  }
  if (!stream->out.empty()) {
    if (stream->send_window_ > 0 && stream->list_ != &senders_) senders_.PushBack(stream);
  } else if (stream->end_queued) {
    endings_.PushBack(stream);
  }
}

void Session::Reset(StreamState* stream, uint32_t error_code) {
  if (stream->reset_queued_) return;
  if (data_ == stream) SkipData();
  stream->reset_queued_ = true;
  stream->reset_code_ = error_code;
  stream->out.Clear();
  Schedule(stream);
}

void Session::Consume(StreamState* stream, size_t bytes, uint32_t window) {
  stream->consumed_bytes_ += static_cast<uint32_t>(bytes);
  if (stream->end_received || stream->reset_queued_) return;
  window = std::min(window, settings_.stream_window_bytes);
  const uint32_t withheld = settings_.stream_window_bytes - window;
  if (stream->consumed_bytes_ < withheld + window / 2) return;
  const uint32_t bytes_back = stream->consumed_bytes_ - withheld;
  stream->received_bytes_ -= bytes_back;
  stream->consumed_bytes_ = withheld;
  GiveBack(stream->id, bytes_back);
}

void Session::Ping() { PutFrame(kPingFrame, 0, 0, std::string_view("fatehttp", 8)); }

void Session::GoAway(ErrorCode code, std::string_view text) {
  going_away_ = true;
  if (!started_) return;
  std::string payload(8, '\0');
  WriteNumber(static_cast<uint32_t>(last_peer_id_), 4, payload.data());
  WriteNumber(code, 4, payload.data() + 4);
  payload.append(text);
  PutFrame(kGoAwayFrame, 0, 0, payload);
}

void Session::Produce(size_t most) {
  while (!stopped_) {
    if (StreamState* stream = endings_.first()) {
      SendEnd(stream);
      continue;
    }
    StreamState* stream = senders_.first();
    if (!stream || send_window_ <= 0 || out_->bytes() >= most) return;
    SendData(stream);
  }
}

void Session::SendEnd(StreamState* stream) {
  StreamList::Remove(stream);
  if (stream->reset_queued_) {
    if (stream->id != 0) {
      char payload[4];
      WriteNumber(stream->reset_code_, 4, payload);
      PutFrame(kResetFrame, 0, stream->id, {payload, sizeof payload});
    }
    return Close(stream, stream->reset_code_);
  }
  if (stream->end_sent) return Close(stream, ErrorCode::kNoError);
  if (stream->trailers.empty()) {
    PutFrame(kDataFrame, kEndStream, stream->id, "");
  } else {
    SendBlock(stream, stream->trailers, /*end=*/true);
  }
  EndSent(stream);
}

// One frame of a stream that has data and a window; the others come first then.
void Session::SendData(StreamState* stream) {
  const auto limit = std::min<int64_t>(
      {send_window_, stream->send_window_, std::min(send_frame_bytes_, peer_frame_bytes_)});
  const size_t size = std::min(stream->out.bytes(), static_cast<size_t>(limit));
  const bool is_last = stream->end_queued && size == stream->out.bytes();
  const bool has_trailers = !stream->trailers.empty();
  char head[kFrameHeadBytes];
  WriteFrameHead({static_cast<uint32_t>(size), kDataFrame,
                  static_cast<uint8_t>(is_last && !has_trailers ? kEndStream : 0), stream->id},
                 head);
  out_->Append({head, sizeof head});
  for (size_t left = size; left > 0;) {
    Slice slice = stream->out.Pop(left);
    left -= slice.size;
    out_->Push(std::move(slice));
  }
  send_window_ -= static_cast<int64_t>(size);
  stream->send_window_ -= static_cast<int64_t>(size);
  if (is_last && has_trailers) SendBlock(stream, stream->trailers, /*end=*/true);
  if (is_last) stream->end_sent = true;
  if (!is_last && !stream->out.empty() && stream->send_window_ > 0) {
    senders_.PushBack(stream);
  } else {
    StreamList::Remove(stream);
  }
  owner_->OnSent(stream, size);
  if (stopped_ || !is_last) return;
  EndSent(stream);
}

void Session::EndSent(StreamState* stream) {
  stream->end_sent = true;
  owner_->OnEndSent(stream);
  if (!stopped_ && stream->end_received) Close(stream, ErrorCode::kNoError);
}

void Session::Close(StreamState* stream, uint32_t error_code) {
  StreamList::Remove(stream);
  if (found_ == stream) found_ = nullptr;
  if (data_ == stream) SkipData();
  if (stream->id == 0) {
    std::erase_if(waiting_, [&](const Request& request) { return request.stream == stream; });
  } else {
    streams_.erase(stream->id);
  }
  owner_->OnClosed(stream, error_code);
  if (!stopped_ && !waiting_.empty()) SendWaiting();
}

}  // namespace fate::http2
