#pragma once

// One HTTP/2 stream, seen the same from both sides: the server's (a request came in) and the
// client's (Upstreams::Open made it). Belongs to its connection and to the loop's thread.

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "http2/session.h"
#include "relay/event_loop.h"
#include "relay/headers.h"
#include "relay/slice.h"
#include "tls/certificate.h"

namespace fate::relay {

// What the peer does. Events of one stream come in this order, OnSent anywhere between.
class StreamHandler {
 public:
  virtual ~StreamHandler() = default;
  // Client side: the response's head. `end`: the peer has ended its half with it (trailers-only).
  virtual void OnHeaders(Headers /*headers*/, bool /*end*/) {}
  // The bytes count against the stream's window until Stream::Consume returns them.
  virtual void OnData(Slice slice) = 0;
  // The peer has ended its half; also after OnHeaders with `end`.
  virtual void OnEnd(Headers trailers) = 0;
  // `bytes` of what was queued with SendData have gone to the socket.
  virtual void OnSent(size_t /*bytes*/) {}
  // Last event, and the end of the Stream. OK: both halves ended. kCancelled: the peer reset the
  // stream on purpose. kAborted: the peer has surely not looked at it. Else why it broke.
  virtual void OnClosed(const absl::Status& why) = 0;
};

class Connection;

// Who is at the other end of a connection.
struct Peer {
  std::string host;  // numeric; server side only
  int port = 0;
  std::shared_ptr<const tls::Certificate> certificate;  // verified; null if none was shown
  bool secure = false;                                  // the connection is TLS
};

// Sees what passes through a server's stream, to account for it; goes with the stream.
class Meter {
 public:
  virtual ~Meter() = default;
  virtual void OnRequest(std::string_view bytes) = 0;  // DATA that is handed on
  virtual void OnConsumed(size_t bytes) = 0;           // and that has gone on
  virtual void OnAnswer(std::string_view bytes) = 0;   // DATA that is queued
  virtual void OnSent(size_t bytes) = 0;               // and that has gone to the socket
  virtual void OnStatus(const Headers& trailers) = 0;  // the end of the answer is queued
};

class Stream : private http2::StreamState {
 public:
  void SetHandler(std::shared_ptr<StreamHandler> handler) { handler_ = std::move(handler); }

  // Server side: the response's head, once. With `end` nothing may follow.
  void SendHeaders(const Headers& headers, bool end);
  // Queues; the peer's window decides when it goes out. The caller bounds queued_bytes().
  void SendData(Slice slice);
  // Ends this half after what is queued. Only servers send trailers.
  void SendEnd(Headers trailers = {});
  // Server side, before the end is queued: runs once, with true when the whole answer has gone to
  // the socket, with false when it cannot any more. Never after Reset.
  void OnWritten(std::function<void(bool written)> function) { on_written_ = std::move(function); }
  // Server side, before the call's first DATA.
  void SetMeter(std::unique_ptr<Meter> meter) { meter_ = std::move(meter); }
  Meter* meter() const { return meter_.get(); }
  // RST_STREAM. No event follows, not even OnClosed; the Stream is gone for the caller.
  void Reset(uint32_t error_code);
  // Server side: ends the call at the end of this turn, for its handler as if the client had left:
  // with `why`, or by ENHANCE_YOUR_CALM, RESOURCE_EXHAUSTED to gRPC, if the answer has begun.
  void FailLater(absl::Status why);
  // Returns `bytes` of received data to the peer's window.
  void Consume(size_t bytes);

  size_t queued_bytes() const { return out.bytes(); }
  bool end_sent() const { return StreamState::end_sent; }
  bool end_received() const { return StreamState::end_received; }
  EventLoop& loop() const;
  const Peer& peer() const;

 private:
  friend class Connection;
  explicit Stream(Connection* connection);
  void Resume();
  void Fail(const absl::Status& why);

  Connection* const connection_;
  Stream *previous_ = nullptr, *next_ = nullptr;  // of the connection's list
  std::shared_ptr<StreamHandler> handler_;
  std::unique_ptr<Meter> meter_;
  std::function<void(bool)> on_written_;
  absl::Time opened_at_;
  size_t unconsumed_bytes_ = 0;
  uint64_t received_bytes_ = 0;
  bool is_bulk_ = false;  // and more of it may come
  bool answer_begun_ = false, failing_ = false;
};

using http2::kCancel;
using http2::kEnhanceYourCalm;
using http2::kNoError;
using http2::kRefusedStream;

}  // namespace fate::relay
