#pragma once

// One HTTP/2 connection, server or client side: a session (http2/session.h) and its socket. Reads
// into shared blocks, hands DATA on as slices, writes with as few system calls as it can. Windows:
// 1 MB a stream, 4 MB a connection, so that a stalled stream holds 1 MB at most; for a peer on the
// same network 256 kB a stream, and 1 MB for all streams of bulk together.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "http2/output.h"
#include "http2/session.h"
#include "relay/abuse.h"
#include "relay/event_loop.h"
#include "relay/keep_alive.h"
#include "relay/read_buffer.h"
#include "relay/slice.h"
#include "relay/socket.h"
#include "relay/stream.h"
#include "relay/tls.h"
#include "relay/tls_handshake.h"

namespace fate::relay {

class Connection;

inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);
class ConnectionOwner {
 public:
  // Server side: a request. The owner sets the stream's handler or answers.
  virtual void OnRequest(Stream* stream, Headers headers, bool end) = 0;
  // Server side: the TLS handshake is over.
  virtual void OnHandshake(Connection* /*connection*/, const absl::Status& /*result*/) {}
  // The connection is over; streams have been told. The owner drops it after this turn.
  virtual void OnConnectionClosed(Connection* connection) = 0;

 protected:
  ~ConnectionOwner() = default;
};

class Connection final : public EventLoop::Watcher,
                         public std::enable_shared_from_this<Connection>,
                         private http2::Session::Owner {
 public:
  enum class Side { kServer, kClient };

  Connection(EventLoop* loop, Side side, ReadBuffer* buffer, ConnectionOwner* owner,
             std::string peer_name);
  ~Connection();

  // Server side. `session`: TLS comes first, computed by `handshaker`; null: clear text.
  void Accept(Socket socket, Address peer, std::shared_ptr<tls::Session> session = nullptr,
              tls::Handshaker* handshaker = nullptr);
  // Client side: tries the numeric addresses in order.
  void Connect(std::vector<Address> addresses);
  // Client side, before Connect.
  void UseTls(std::shared_ptr<const TlsClient> tls) { tls_ = std::move(tls); }
  const std::shared_ptr<const TlsClient>& tls() const { return tls_; }
  // Client side; also before the connection stands: what is sent waits.
  Stream* Open(const Headers& headers, bool end, std::shared_ptr<StreamHandler> handler);
  // Tells every stream `why` and closes the socket.
  void Close(const absl::Status& why);
  // GOAWAY: no new streams; closes when the running ones have ended.
  void Drain();

  // May take calls at all; may take one without making it wait.
  bool usable() const { return !closed_ && !session_.peer_goes_away(); }
  bool accepts_streams() const;
  size_t stream_count() const { return stream_count_; }
  bool closed() const { return closed_; }
  EventLoop& loop() const { return *loop_; }
  const Peer& peer() const { return peer_; }
  void ResumeReading();
  // Server side, asked every few seconds; LookAtTime then ends connections without calls for
  // `idle`, and those that take longer than `headers` for one header block.
  bool WantsALook(absl::Duration idle, absl::Duration headers) const;
  void LookAtTime(absl::Duration idle, absl::Duration headers);
  // Asked every KeepAliveSettings::look(); LookForPeer then asks the peer, or ends the connection
  // when it is gone.
  bool IsSilent(const KeepAliveSettings& settings) const;
  void LookForPeer(const KeepAliveSettings& settings);

 private:
  friend class Stream;

  // http2::Session::Owner
  void OnFrame(uint8_t type, uint8_t flags, bool has_data) override;
  void OnRefusedFrame() override { meter_.Frame(AbuseMeter::kRefusedFrame); }
  http2::StreamState* NewRequest(int32_t id) override;
  void OnHead(http2::StreamState* state, Headers head, bool end) override;
  void OnHeadersTooLong(http2::StreamState* state) override;
  void OnData(http2::StreamState* state, std::string_view bytes) override;
  void OnEnd(http2::StreamState* state, Headers trailers) override;
  void OnSent(http2::StreamState* state, size_t bytes) override;
  void OnEndSent(http2::StreamState* state) override;
  void OnClosed(http2::StreamState* state, uint32_t error_code) override;

  void OnReady(uint32_t epoll_events) override;
  void OnTurnEnd() override {
    Flush();
    ForgetEnded();
  }
  void Start();
  void Established();
  void StartHandshakeTimer();
  void EndSilent();
  void Secure(std::shared_ptr<tls::Session> session, tls::Handshaker* handshaker);
  void Secured(const std::shared_ptr<tls::Session>& session, const absl::Status& result);
  void ConnectNext(const std::string& last_error);
  void Read();
  void ReadAgainSoon();
  bool Feed(const std::shared_ptr<char[]>& block, size_t bytes);
  bool WithinBounds();
  void EndAtFault();
  void SayGoodbye(uint32_t error_code, std::string_view text);
  void ResetLater(int32_t id);
  void SendsBulk();
  void Cut(std::string_view reason, std::string_view detail);
  void GiveUpPeer(std::string_view what, absl::Duration silence);
  std::string PeerText() const;
  void NotHttp2();
  void MarkDirty();
  void Flush();
  bool WriteOut();
  void TellWritten();
  bool HoldsGreeting();
  uint32_t WantedEvents() const;
  void SetInterest();
  void Handshaken();
  absl::Status Broken(std::string_view what) const;
  absl::Status SocketBroke() const;
  uint32_t WindowOf(const Stream& stream) const;
  void EndBulk(Stream* stream);
  Stream* Add(Stream* stream);
  void Remove(Stream* stream);
  void ForgetEnded();

  EventLoop* const loop_;
  const Side side_;
  ReadBuffer* const buffer_;
  ConnectionOwner* const owner_;
  const std::string peer_name_;
  Peer peer_;
  std::shared_ptr<const TlsClient> tls_;
  std::shared_ptr<TlsHandshake> tls_handshake_;  // while it lasts
  Socket socket_;
  std::vector<Address> untried_;
  Stream* streams_ = nullptr;  // a list of those it owns
  Stream* ended_ = nullptr;    // another: kept until what they led to has been written
  size_t stream_count_ = 0;
  http2::Output out_;
  http2::Session session_;
  uint64_t taken_bytes_ = 0;    // by the socket, since the start
  uint64_t written_bytes_ = 0;  // of these, what the kernel has got; TLS keeps some for a while
  // Whom to tell when that many bytes have been written: ends of answers.
  std::list<std::pair<uint64_t, std::function<void(bool)>>> on_written_;
  std::shared_ptr<char[]> current_block_;
  EventLoop::TimerId handshake_timer_ = 0;
  EventLoop::TimerId greeting_timer_ = 0;  // while it is held back
  static constexpr uint32_t kNotWatched = ~uint32_t{0};
  uint32_t interest_ = kNotWatched;  // epoll events
  AbuseMeter meter_;
  KeepAlive keep_alive_;
  ReadPace pace_;
  absl::Time started_at_ = absl::InfiniteFuture();   // server side, clear text
  absl::Time idle_since_ = absl::InfiniteFuture();   // while there is no call
  absl::Time block_since_ = absl::InfiniteFuture();  // of a header block that is not complete
  bool connecting_ = false, handshaken_ = false, dirty_ = false, closed_ = false;
  bool write_blocked_ = false, reading_paused_ = false;
  bool draining_ = false;
  bool greeted_ = false;  // what a connection begins with has gone out, or may go
  bool near_ = false;     // on the same machine or network
};

}  // namespace fate::relay
