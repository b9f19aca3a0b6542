#pragma once

// One side of an HTTP/2 connection (RFC 9113) without its socket: Feed takes what came, an Output
// gets what is to be sent. It keeps the rules, the windows and the order of frames; streams belong
// to the owner, which decides what a call is. Not served: CONNECT, server push, priorities.
//
// The connection's credit is returned on receipt, a stream's when its owner has consumed the data:
// one stalled stream blocks no other.

#include <cstdint>
#include <list>
#include <string>
#include <string_view>

#include "absl/container/flat_hash_map.h"
#include "base/slice.h"
#include "http2/frames.h"
#include "http2/headers.h"
#include "http2/hpack.h"
#include "http2/output.h"
#include "http2/rules.h"

namespace fate::http2 {

// What the session knows of a stream; the owner's stream is one.
struct StreamState {
  int32_t id = 0;    // 0: a request that still waits to be sent
  SliceQueue out;    // DATA to send
  Headers trailers;  // to send behind it
  bool end_queued = false, end_sent = false, end_received = false, head_received = false;

 private:
  friend class Session;
  friend class StreamList;
  StreamState *before_ = nullptr, *after_ = nullptr;
  class StreamList* list_ = nullptr;
  int64_t send_window_ = 0;
  uint32_t received_bytes_ = 0;  // of the window, without what has been given back
  uint32_t consumed_bytes_ = 0;  // of these; to be given back
  uint64_t content_left_ = kNoContentLength;
  uint32_t reset_code_ = 0;
  bool head_sent_ = false, reset_queued_ = false;
};

// Streams that wait for something, in order.
class StreamList {
 public:
  StreamState* first() const { return first_; }
  void PushBack(StreamState* stream);  // out of the list it is in
  static void Remove(StreamState* stream);

 private:
  StreamState *first_ = nullptr, *last_ = nullptr;
};

class Session {
 public:
  enum class Side { kServer, kClient };

  struct Settings {
    uint32_t stream_window_bytes = kUsualWindowBytes;
    uint32_t connection_window_bytes = kUsualWindowBytes;
    uint32_t frame_bytes = kUsualFrameBytes;  // received
    uint32_t max_streams = 100;               // of the peer; server side
    uint32_t max_headers = 256;
    uint32_t max_header_bytes = 64 << 10;
  };

  // Called by Feed and Produce, SendHead also calls OnEndSent. May call anything but these two.
  class Owner {
   public:
    // A whole frame has come. `has_data`: of DATA, which was handed on.
    virtual void OnFrame(uint8_t type, uint8_t flags, bool has_data) = 0;
    // A frame that changes nothing or breaks a rule of its stream.
    virtual void OnRefusedFrame() = 0;
    // Server side: the stream of a new request; OnHead or OnHeadTooLong follow.
    virtual StreamState* NewRequest(int32_t id) = 0;
    // The head of a request or answer, well-formed. `end`: OnEnd follows.
    virtual void OnHead(StreamState* stream, Headers head, bool end) = 0;
    // Headers beyond the settings' bounds: head or trailers.
    virtual void OnHeadersTooLong(StreamState* stream) = 0;
    virtual void OnData(StreamState* stream, std::string_view bytes) = 0;
    virtual void OnEnd(StreamState* stream, Headers trailers) = 0;
    // So much of `out` has gone to the output.
    virtual void OnSent(StreamState* stream, size_t bytes) = 0;
    virtual void OnEndSent(StreamState* stream) = 0;
    // The stream is over, by its ends, by a RST_STREAM of either side, or refused: the session
    // knows it no more.
    virtual void OnClosed(StreamState* stream, uint32_t error_code) = 0;

   protected:
    ~Owner() = default;
  };

  // How the peer broke the rules, for GOAWAY and the log.
  enum class Fault { kNone, kNotHttp2, kProtocol, kAcknowledgements, kContinuations };

  Session(Side side, Owner* owner, Output* out) : side_(side), owner_(owner), out_(out) {}
  Session(const Session&) = delete;

  // First of all: what this side begins with. Requests sent before wait for it.
  void Start(const Settings& settings);
  // False: the connection is to end, fault() says why. Nothing more may be fed.
  bool Feed(std::string_view bytes);
  // Puts DATA, resets and ends into the output until that holds `most` bytes or all are there.
  void Produce(size_t most);
  // Nothing is called or sent from now on, also within the callback that calls this.
  void Stop() { stopped_ = true; }

  Fault fault() const { return fault_; }
  ErrorCode fault_code() const { return fault_code_; }
  std::string_view fault_text() const { return fault_text_; }

  // Client side. Waits while the peer allows no further streams.
  void SendRequest(StreamState* stream, const Headers& head, bool end);
  // Server side, once. Data and trailers follow unless `end`.
  void SendHead(StreamState* stream, const Headers& head, bool end);
  // `out`, `trailers` or `end_queued` of the stream have changed.
  void Resume(StreamState* stream);
  // RST_STREAM when Produce comes to it, and OnClosed; nothing of the stream is told before that.
  void Reset(StreamState* stream, uint32_t error_code);
  // Gives so much received data back to the peer's window. Never more than `window` bytes are then
  // on their way to the stream or received and not consumed (what the peer was told before counts).
  void Consume(StreamState* stream, size_t bytes, uint32_t window = kMostWindowBytes);
  void Ping();
  // No new streams of the peer from now on.
  void GoAway(ErrorCode code, std::string_view text);
  // The output has been written: acknowledgements do not pile up.
  void Written() { unread_answers_ = 0; }
  // Frames sent may be larger than kUsualFrameBytes if the peer takes them.
  void SendFramesOf(uint32_t bytes) { send_frame_bytes_ = bytes; }

  StreamState* Find(int32_t id) const;
  uint32_t peer_max_streams() const { return peer_max_streams_; }
  bool peer_goes_away() const { return peer_goes_away_; }
  // A header block has begun and is not complete.
  bool in_header_block() const {
    return block_stream_ != 0 || (state_ == State::kPayload && head_.type == kHeadersFrame);
  }

 private:
  enum class State { kPreface, kFrameHead, kPayload, kPadLength, kData, kSkip };

  bool FeedPreface(std::string_view* bytes);
  bool FeedFrameHead(std::string_view* bytes);
  bool FeedPayload(std::string_view* bytes);
  bool FeedData(std::string_view* bytes);
  bool BeginFrame();
  bool BeginData();
  bool BeginDataOf(StreamState* stream);
  bool EndData();
  void SkipData();
  bool OnPayload(std::string_view payload);
  bool OnHeaders(std::string_view payload);
  bool OnContinuation(std::string_view payload);
  bool OnHeaderBlock(std::string_view block);
  bool OnNewRequest(Headers headers, HpackDecoder::Result result);
  bool OnHeadersOf(StreamState* stream, Headers headers, HpackDecoder::Result result);
  bool OnReset(std::string_view payload);
  bool OnSettings(std::string_view payload);
  bool ApplyWindow(uint32_t bytes);
  bool OnPing(std::string_view payload);
  bool OnGoAway(std::string_view payload);
  bool OnWindowUpdate(std::string_view payload);
  bool IsIdle(int32_t id) const;
  bool Ended(StreamState* stream, Headers trailers);
  bool Break(ErrorCode code, std::string_view text, Fault fault = Fault::kProtocol);
  bool BreakStream(int32_t id, ErrorCode code);
  bool Refused();
  bool Answered();

  bool MaySendRequest();
  void BeginRequest(StreamState* stream, const Headers& head, bool end);
  void SendWaiting();
  void RefuseWaiting();
  void SendBlock(StreamState* stream, const Headers& headers, bool end);
  void SendData(StreamState* stream);
  void SendEnd(StreamState* stream);
  void EndSent(StreamState* stream);
  void Close(StreamState* stream, uint32_t error_code);
  void Schedule(StreamState* stream);
  void GiveBack(int32_t id, uint32_t bytes);
  void PutFrame(FrameType type, uint8_t flags, int32_t stream, std::string_view payload);

  const Side side_;
  Owner* const owner_;
  Output* const out_;
  Settings settings_;
  bool started_ = false, stopped_ = false, greeted_ = false, going_away_ = false;
  bool peer_goes_away_ = false;
  Fault fault_ = Fault::kNone;
  ErrorCode fault_code_ = ErrorCode::kNoError;
  std::string fault_text_;

  // What is being received.
  State state_ = State::kFrameHead;
  FrameHead head_{};
  std::string partial_;          // of a frame's head or its payload
  uint32_t left_ = 0;            // of the payload, without padding; or of the preface
  uint32_t padding_ = 0;         // behind it
  bool has_content_ = false;     // of the DATA
  StreamState* data_ = nullptr;  // whose DATA it is; null: nobody's
  std::string block_;            // a header block in several frames
  int32_t block_stream_ = 0;     // 0: none
  uint8_t block_flags_ = 0;
  int block_frames_ = 0;
  HpackDecoder decoder_;
  uint32_t received_bytes_ = 0;  // of the connection's window, not given back

  // Streams.
  absl::flat_hash_map<int32_t, StreamState*> streams_;
  mutable StreamState* found_ = nullptr;  // the last
  int32_t last_peer_id_ = 0, next_id_ = 1;

  // What is to be sent.
  struct Request {
    StreamState* stream;
    Headers head;
    bool end;
  };
  std::list<Request> waiting_;
  StreamList senders_;  // have data and a window
  StreamList endings_;  // are to be reset, ended without data, or closed
  HpackEncoder encoder_;
  int64_t send_window_ = kUsualWindowBytes;
  int64_t peer_stream_window_ = kUsualWindowBytes;
  uint32_t peer_frame_bytes_ = kUsualFrameBytes, send_frame_bytes_ = kUsualFrameBytes;
  uint32_t peer_max_streams_ = 100;  // until it says
  int unread_answers_ = 0;           // to frames of the peer, not written yet
};

}  // namespace fate::http2
