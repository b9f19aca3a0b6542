// What a session receives.
#include <algorithm>
#include <utility>

#include "http2/session.h"

namespace fate::http2 {
namespace {

constexpr int kMostBlockFrames = 9;                    // HEADERS and CONTINUATIONs
constexpr size_t kMostBlockBytes = size_t{512} << 10;  // of them together
constexpr int kMostUnreadAnswers = 1000;               // to PING, SETTINGS and what is refused
constexpr size_t kUsualHeaders = 24, kUsualHeaderBytes = 600;  // of a request
constexpr size_t kFewHeaders = 4, kFewHeaderBytes = 128;       // of an answer
constexpr uint32_t kSettingBytes = 6, kPriorityBytes = 5;

}  // namespace

bool Session::Feed(std::string_view bytes) {
  while (!bytes.empty() || (state_ == State::kPayload && left_ == 0)) {
    bool good = true;
    switch (state_) {
      case State::kPreface:
        good = FeedPreface(&bytes);
        break;
      case State::kFrameHead:
        good = FeedFrameHead(&bytes);
        break;
      case State::kPayload:
        good = FeedPayload(&bytes);
        break;
      case State::kPadLength:
      case State::kData:
      case State::kSkip:
        good = FeedData(&bytes);
        break;
    }
    if (!good || stopped_) return false;
  }
  return true;
}

bool Session::Break(ErrorCode code, std::string_view text, Fault fault) {
  fault_ = fault;
  fault_code_ = code;
  fault_text_ = text;
  return false;
}

bool Session::Refused() {
  owner_->OnRefusedFrame();
  return true;
}

// A frame that is answered by one of this side's own, which the peer might not read.
bool Session::Answered() {
  if (++unread_answers_ <= kMostUnreadAnswers) return true;
  return Break(ErrorCode::kEnhanceYourCalm, "", Fault::kAcknowledgements);
}

// A fault of one stream only.
bool Session::BreakStream(int32_t id, ErrorCode code) {
  Refused();
  if (stopped_) return false;
  if (StreamState* stream = Find(id)) {
    Reset(stream, code);
  } else {
    char payload[4];
    WriteNumber(code, 4, payload);
    PutFrame(kResetFrame, 0, id, {payload, sizeof payload});
  }
  return Answered();
}

bool Session::FeedPreface(std::string_view* bytes) {
  const std::string_view wanted = kPreface.substr(kPreface.size() - left_, bytes->size());
  if (!bytes->starts_with(wanted)) {
    return Break(ErrorCode::kProtocolError, "no preface of HTTP/2", Fault::kNotHttp2);
  }
  bytes->remove_prefix(wanted.size());
  left_ -= static_cast<uint32_t>(wanted.size());
  if (left_ == 0) state_ = State::kFrameHead;
  return true;
}

bool Session::FeedFrameHead(std::string_view* bytes) {
  if (partial_.empty() && bytes->size() >= kFrameHeadBytes) {
    head_ = ReadFrameHead(bytes->data());
    bytes->remove_prefix(kFrameHeadBytes);
    return BeginFrame();
  }
  const size_t size = std::min(bytes->size(), kFrameHeadBytes - partial_.size());
  partial_.append(bytes->substr(0, size));
  bytes->remove_prefix(size);
  if (partial_.size() < kFrameHeadBytes) return true;
  head_ = ReadFrameHead(partial_.data());
  partial_.clear();
  return BeginFrame();
}

bool Session::BeginFrame() {
  if (head_.size > settings_.frame_bytes) {
    return Break(ErrorCode::kFrameSizeError, "a frame larger than SETTINGS allow");
  }
  if (!std::exchange(greeted_, true) && (head_.type != kSettingsFrame || (head_.flags & kAck))) {
    return Break(ErrorCode::kProtocolError, "the first frame is not SETTINGS");
  }
  if (block_stream_ != 0 && (head_.type != kContinuationFrame || head_.stream != block_stream_)) {
    return Break(ErrorCode::kProtocolError, "a frame within a header block");
  }
  left_ = head_.size;
  padding_ = 0;
  has_content_ = false;
  if (head_.type == kDataFrame) return BeginData();
  // Nobody's payload is not kept.
  state_ = head_.type > kContinuationFrame ? State::kSkip : State::kPayload;
  if (state_ == State::kSkip && left_ == 0) return EndData();
  return true;
}

bool Session::FeedPayload(std::string_view* bytes) {
  std::string_view payload;
  if (partial_.empty() && bytes->size() >= left_) {
    payload = bytes->substr(0, left_);
    bytes->remove_prefix(left_);
    state_ = State::kFrameHead;
    return OnPayload(payload);
  }
  const size_t size = std::min<size_t>(bytes->size(), left_);
  partial_.append(bytes->substr(0, size));
  bytes->remove_prefix(size);
  left_ -= static_cast<uint32_t>(size);
  if (left_ > 0) return true;
  state_ = State::kFrameHead;
  const std::string whole = std::exchange(partial_, {});
  return OnPayload(whole);
}

bool Session::IsIdle(int32_t id) const {
  const bool of_peer = (id % 2 == 1) == (side_ == Side::kServer);
  return of_peer ? id > last_peer_id_ : id >= next_id_;
}

bool Session::BeginData() {
  const int32_t id = head_.stream;
  if (id == 0 || IsIdle(id)) return Break(ErrorCode::kProtocolError, "DATA of no stream");
  received_bytes_ += left_;
  if (received_bytes_ > settings_.connection_window_bytes) {
    return Break(ErrorCode::kFlowControlError, "more DATA than the connection's window");
  }
  if (received_bytes_ >= settings_.connection_window_bytes / 2) {
    GiveBack(0, std::exchange(received_bytes_, 0));
  }
  const bool is_padded = head_.flags & kPadded;
  if (is_padded && left_ == 0) {
    return Break(ErrorCode::kFrameSizeError, "a padded frame without its padding's length");
  }
  data_ = Find(id);
  if (data_ && data_->reset_queued_) data_ = nullptr;
  state_ = is_padded ? State::kPadLength : data_ ? State::kData : State::kSkip;
  if (data_ && !BeginDataOf(data_)) return false;
  return left_ > 0 || EndData();
}

// Breaks the stream if it may not have this frame; false if that ends the connection.
bool Session::BeginDataOf(StreamState* stream) {
  if (stream->end_received) return BreakStream(stream->id, ErrorCode::kStreamClosed);
  if (!stream->head_received) return BreakStream(stream->id, ErrorCode::kProtocolError);
  stream->received_bytes_ += left_;
  if (stream->received_bytes_ <= settings_.stream_window_bytes) return true;
  return BreakStream(stream->id, ErrorCode::kFlowControlError);
}

// The stream does not want the rest of the frame.
void Session::SkipData() {
  data_ = nullptr;
  if (state_ == State::kData) state_ = State::kSkip;
}

bool Session::FeedData(std::string_view* bytes) {
  if (state_ == State::kPadLength) {
    padding_ = static_cast<uint8_t>(bytes->front());
    bytes->remove_prefix(1);
    if (--left_ < padding_) return Break(ErrorCode::kProtocolError, "padding beyond its frame");
    left_ -= padding_;
    if (data_) Consume(data_, padding_ + 1);
    state_ = data_ ? State::kData : State::kSkip;
  }
  if (state_ == State::kData && left_ > 0 && !bytes->empty()) {
    const std::string_view part = bytes->substr(0, left_);
    bytes->remove_prefix(part.size());
    left_ -= static_cast<uint32_t>(part.size());
    const bool is_known_size = data_->content_left_ != kNoContentLength;
    if (is_known_size && part.size() > data_->content_left_) {
      if (!BreakStream(data_->id, ErrorCode::kProtocolError)) return false;
    } else {
      if (is_known_size) data_->content_left_ -= part.size();
      has_content_ = true;
      owner_->OnData(data_, part);
      if (stopped_) return false;
    }
  }
  if (state_ == State::kData && left_ > 0) return true;
  const size_t skipped = std::min<size_t>(bytes->size(), left_ + padding_);
  const size_t of_data = std::min<size_t>(skipped, left_);
  bytes->remove_prefix(skipped);
  left_ -= static_cast<uint32_t>(of_data);
  padding_ -= static_cast<uint32_t>(skipped - of_data);
  return left_ + padding_ > 0 ? true : EndData();
}

// Of DATA, and of frames that nobody knows.
bool Session::EndData() {
  state_ = State::kFrameHead;
  StreamState* const stream = std::exchange(data_, nullptr);
  const bool is_data = head_.type == kDataFrame;
  // What was under way when the stream ended is nobody's fault.
  if (is_data && !stream) return head_.size > 0 ? true : Refused();
  owner_->OnFrame(head_.type, head_.flags, has_content_);
  if (stopped_ || !is_data || !(head_.flags & kEndStream)) return !stopped_;
  return Ended(stream, {});
}

// The peer has ended its half.
bool Session::Ended(StreamState* stream, Headers trailers) {
  if (stream->content_left_ != kNoContentLength && stream->content_left_ > 0) {
    return BreakStream(stream->id, ErrorCode::kProtocolError);
  }
  stream->end_received = true;
  owner_->OnEnd(stream, std::move(trailers));
  if (!stopped_ && stream->end_sent && !stream->reset_queued_) {
    Close(stream, ErrorCode::kNoError);
  }
  return !stopped_;
}

bool Session::OnPayload(std::string_view payload) {
  switch (head_.type) {
    case kHeadersFrame:
      return OnHeaders(payload);
    case kContinuationFrame:
      return OnContinuation(payload);
    case kResetFrame:
      return OnReset(payload);
    case kSettingsFrame:
      return OnSettings(payload);
    case kPingFrame:
      return OnPing(payload);
    case kGoAwayFrame:
      return OnGoAway(payload);
    case kWindowUpdateFrame:
      return OnWindowUpdate(payload);
    case kPriorityFrame:
      if (head_.stream == 0) return Break(ErrorCode::kProtocolError, "PRIORITY of no stream");
      if (payload.size() != kPriorityBytes)
        return BreakStream(head_.stream, ErrorCode::kFrameSizeError);
      owner_->OnFrame(head_.type, head_.flags, false);
      return !stopped_;
    default:
      return Break(ErrorCode::kProtocolError, "PUSH_PROMISE, which is switched off");
  }
}

bool Session::OnHeaders(std::string_view payload) {
  if (head_.stream == 0 || head_.stream % 2 == 0) {
    return Break(ErrorCode::kProtocolError, "HEADERS of no stream of this side's client");
  }
  size_t padding = 0;
  if (head_.flags & kPadded) {
    if (payload.empty()) return Break(ErrorCode::kFrameSizeError, "HEADERS cut short");
    padding = static_cast<uint8_t>(payload.front());
    payload.remove_prefix(1);
  }
  if (head_.flags & kHasPriority) {
    if (payload.size() < kPriorityBytes) {
      return Break(ErrorCode::kFrameSizeError, "HEADERS cut short");
    }
    payload.remove_prefix(kPriorityBytes);
  }
  if (padding > payload.size()) {
    return Break(ErrorCode::kProtocolError, "padding beyond its frame");
  }
  payload.remove_suffix(padding);
  block_flags_ = head_.flags;
  if (head_.flags & kEndHeaders) return OnHeaderBlock(payload);
  block_stream_ = head_.stream;
  block_frames_ = 1;
  block_ = payload;
  return true;
}

bool Session::OnContinuation(std::string_view payload) {
  if (block_stream_ == 0) {
    return Break(ErrorCode::kProtocolError, "CONTINUATION of no header block");
  }
  if (++block_frames_ > kMostBlockFrames || block_.size() + payload.size() > kMostBlockBytes) {
    return Break(ErrorCode::kEnhanceYourCalm, "", Fault::kContinuations);
  }
  block_.append(payload);
  if (!(head_.flags & kEndHeaders)) return true;
  head_.stream = std::exchange(block_stream_, 0);
  head_.type = kHeadersFrame;
  head_.flags = block_flags_ | kEndHeaders;
  const std::string block = std::exchange(block_, {});
  return OnHeaderBlock(block);
}

bool Session::OnHeaderBlock(std::string_view block) {
  const int32_t id = head_.stream;
  StreamState* const stream = Find(id);
  const bool is_request = !stream && side_ == Side::kServer && id > last_peer_id_;
  Headers headers;
  if (is_request) {
    headers.Reserve(kUsualHeaders, kUsualHeaderBytes);
  } else {
    headers.Reserve(kFewHeaders, kFewHeaderBytes);
  }
  const HpackDecoder::Result result =
      decoder_.Decode(block, settings_.max_headers, settings_.max_header_bytes, &headers);
  if (result == HpackDecoder::Result::kBroken) {
    return Break(ErrorCode::kCompressionError,
                 "a header block that is none, or of more than a megabyte");
  }
  if (is_request) return OnNewRequest(std::move(headers), result);
  if (stream && !stream->reset_queued_) return OnHeadersOf(stream, std::move(headers), result);
  // Of a stream that is over: the peer may not know yet.
  if (IsIdle(id)) return Break(ErrorCode::kProtocolError, "HEADERS of no stream");
  return Refused();
}

bool Session::OnNewRequest(Headers headers, HpackDecoder::Result result) {
  const int32_t id = head_.stream;
  if (going_away_) return Refused();  // last_peer_id_ was told: the client tries elsewhere
  last_peer_id_ = id;
  uint64_t length = kNoContentLength;
  const bool too_long = result == HpackDecoder::Result::kTooLong;
  const bool is_good =
      too_long || (result == HpackDecoder::Result::kOk && CheckRequest(headers, &length).empty());
  if (!is_good) return BreakStream(id, ErrorCode::kProtocolError);
  if (streams_.size() >= settings_.max_streams) {
    return BreakStream(id, ErrorCode::kRefusedStream);
  }
  StreamState* const stream = owner_->NewRequest(id);
  stream->id = id;
  stream->send_window_ = peer_stream_window_;
  streams_.emplace(id, stream);
  found_ = stream;
  stream->content_left_ = length;
  if (too_long && (head_.flags & kEndStream)) stream->end_received = true;
  owner_->OnFrame(kHeadersFrame, head_.flags, false);
  if (stopped_) return false;
  stream->head_received = true;
  if (too_long) {
    owner_->OnHeadersTooLong(stream);
    if (!stopped_ && stream->end_received) Schedule(stream);
    return !stopped_;
  }
  const bool end = head_.flags & kEndStream;
  owner_->OnHead(stream, std::move(headers), end);
  if (stopped_ || !end) return !stopped_;
  return Ended(stream, {});
}

// An answer's head, or trailers of either side.
bool Session::OnHeadersOf(StreamState* stream, Headers headers, HpackDecoder::Result result) {
  const bool end = head_.flags & kEndStream;
  if (stream->end_received) return BreakStream(stream->id, ErrorCode::kStreamClosed);
  const bool is_head = !stream->head_received;
  uint64_t length = kNoContentLength;
  bool is_good = result == HpackDecoder::Result::kOk;
  if (is_good && is_head) is_good = CheckResponse(headers, &length).empty();
  if (is_good && !is_head) is_good = end && CheckTrailers(headers).empty();
  if (result == HpackDecoder::Result::kTooLong) {
    owner_->OnFrame(kHeadersFrame, head_.flags, false);
    if (!stopped_) owner_->OnHeadersTooLong(stream);
    return !stopped_;
  }
  if (!is_good) return BreakStream(stream->id, ErrorCode::kProtocolError);
  owner_->OnFrame(kHeadersFrame, head_.flags, false);
  if (stopped_) return false;
  if (is_head) {
    if (headers[0].value.starts_with('1') && !end) return true;  // informational
    stream->head_received = true;
    if (!end) stream->content_left_ = length;  // without content it may tell that of another
    owner_->OnHead(stream, std::move(headers), end);
    if (stopped_) return false;
    headers = {};
  }
  return end && !stream->reset_queued_ ? Ended(stream, std::move(headers)) : true;
}

bool Session::OnReset(std::string_view payload) {
  if (payload.size() != 4) return Break(ErrorCode::kFrameSizeError, "RST_STREAM of a wrong size");
  if (head_.stream == 0 || IsIdle(head_.stream)) {
    return Break(ErrorCode::kProtocolError, "RST_STREAM of no stream");
  }
  owner_->OnFrame(head_.type, head_.flags, false);
  if (stopped_) return false;
  if (StreamState* stream = Find(head_.stream)) Close(stream, ReadNumber(payload.data(), 4));
  return !stopped_;
}

bool Session::OnSettings(std::string_view payload) {
  if (head_.stream != 0) return Break(ErrorCode::kProtocolError, "SETTINGS of a stream");
  const bool is_ack = head_.flags & kAck;
  if (payload.size() % kSettingBytes != 0 || (is_ack && !payload.empty())) {
    return Break(ErrorCode::kFrameSizeError, "SETTINGS of a wrong size");
  }
  int64_t window = -1;
  for (; !payload.empty(); payload.remove_prefix(kSettingBytes)) {
    const uint32_t value = ReadNumber(payload.data() + 2, 4);
    switch (ReadNumber(payload.data(), 2)) {
      case kHeaderTableSize:
        encoder_.SetPeerLimit(value);
        break;
      case kEnablePush:
        if (value > (side_ == Side::kServer ? 1u : 0u)) {
          return Break(ErrorCode::kProtocolError, "SETTINGS_ENABLE_PUSH of a wrong value");
        }
        break;
      case kMaxConcurrentStreams:
        peer_max_streams_ = value;
        break;
      case kInitialWindowSize:
        if (value > kMostWindowBytes) {
          return Break(ErrorCode::kFlowControlError, "SETTINGS_INITIAL_WINDOW_SIZE above 2^31-1");
        }
        window = value;
        break;
      case kMaxFrameSize:
        if (value < kUsualFrameBytes || value > 0xffffff) {
          return Break(ErrorCode::kProtocolError, "SETTINGS_MAX_FRAME_SIZE of a wrong value");
        }
        peer_frame_bytes_ = value;
        break;
      default:
        break;
    }
  }
  if (window >= 0 && !ApplyWindow(static_cast<uint32_t>(window))) return false;
  owner_->OnFrame(head_.type, head_.flags, false);
  if (stopped_ || is_ack) return !stopped_;
  PutFrame(kSettingsFrame, kAck, 0, "");
  SendWaiting();
  return Answered();
}

// Streams that are open have got it too: RFC 9113, 6.9.2.
bool Session::ApplyWindow(uint32_t bytes) {
  const int64_t change = int64_t{bytes} - peer_stream_window_;
  peer_stream_window_ = bytes;
  if (change == 0) return true;
  for (const auto& [id, stream] : streams_) {
    stream->send_window_ += change;
    if (stream->send_window_ > kMostWindowBytes) {
      return Break(ErrorCode::kFlowControlError, "a window above 2^31-1");
    }
    if (stream->send_window_ <= 0 && stream->list_ == &senders_) StreamList::Remove(stream);
    Schedule(stream);
  }
  return true;
}

bool Session::OnPing(std::string_view payload) {
  if (payload.size() != 8) return Break(ErrorCode::kFrameSizeError, "PING of a wrong size");
  if (head_.stream != 0) return Break(ErrorCode::kProtocolError, "PING of a stream");
  owner_->OnFrame(head_.type, head_.flags, false);
  if (stopped_ || (head_.flags & kAck)) return !stopped_;
  PutFrame(kPingFrame, kAck, 0, payload);
  return Answered();
}

bool Session::OnGoAway(std::string_view payload) {
  if (payload.size() < 8) return Break(ErrorCode::kFrameSizeError, "GOAWAY cut short");
  if (head_.stream != 0) return Break(ErrorCode::kProtocolError, "GOAWAY of a stream");
  owner_->OnFrame(head_.type, head_.flags, false);
  if (stopped_) return false;
  const auto last = static_cast<int32_t>(ReadNumber(payload.data(), 4) & 0x7fffffff);
  RefuseWaiting();
  if (side_ == Side::kServer) return true;
  std::vector<StreamState*> refused;
  for (const auto& [id, stream] : streams_) {
    if (id > last) refused.push_back(stream);
  }
  for (StreamState* stream : refused) {
    if (!stopped_) Close(stream, ErrorCode::kRefusedStream);
  }
  return !stopped_;
}

bool Session::OnWindowUpdate(std::string_view payload) {
  if (payload.size() != 4) {
    return Break(ErrorCode::kFrameSizeError, "WINDOW_UPDATE of a wrong size");
  }
  const int32_t id = head_.stream;
  if (id != 0 && IsIdle(id)) return Break(ErrorCode::kProtocolError, "WINDOW_UPDATE of no stream");
  const auto bytes = static_cast<int64_t>(ReadNumber(payload.data(), 4) & 0x7fffffff);
  owner_->OnFrame(head_.type, head_.flags, false);
  if (stopped_) return false;
  StreamState* const stream = id == 0 ? nullptr : Find(id);
  if (id != 0 && !stream) return true;  // it is over
  int64_t& window = stream ? stream->send_window_ : send_window_;
  if (bytes == 0) {
    if (stream) return BreakStream(id, ErrorCode::kProtocolError);
    return Break(ErrorCode::kProtocolError, "WINDOW_UPDATE of nothing");
  }
  if (window + bytes > kMostWindowBytes) {
    if (stream) return BreakStream(id, ErrorCode::kFlowControlError);
    return Break(ErrorCode::kFlowControlError, "a window above 2^31-1");
  }
  window += bytes;
  if (stream) Schedule(stream);
  return true;
}

}  // namespace fate::http2
