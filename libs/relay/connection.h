#pragma once

// One HTTP/2 connection on libnghttp2, server or client side: reads into shared blocks, hands
// DATA on as slices, writes with as few system calls as it can. Windows: 1 MB a stream (256 kB for
// a peer on the same network), 4 MB a connection. The connection's credit is returned on receipt
// and a stream's when its data has gone on, so that one stalled stream blocks no other and holds 1
// MB at most.

#include <cstdint>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <vector>

#include "relay/abuse.h"
#include "relay/event_loop.h"
#include "relay/keep_alive.h"
#include "relay/read_buffer.h"
#include "relay/slice.h"
#include "relay/socket.h"
#include "relay/stream.h"
#include "relay/tls.h"
#include "relay/tls_handshake.h"

struct nghttp2_session;

namespace fate::relay {

class Connection;

inline constexpr absl::Duration kHandshakeTimeout = absl::Seconds(5);
// Of DATA; the larger ones of bulk among near peers, where the work for each frame counts. Further
// away a large frame would keep the frames of other streams waiting.
inline constexpr uint32_t kUsualFrameBytes = 16 << 10, kNearFrameBytes = 64 << 10;

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
                         public std::enable_shared_from_this<Connection> {
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
  bool usable() const { return !closed_ && !peer_going_away_; }
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
  friend struct ConnectionCallbacks;

  void OnReady(uint32_t epoll_events) override;
  void OnTurnEnd() override { Flush(); }
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
  void Meter(uint8_t frame_type, uint8_t flags, bool has_data);
  bool WithinBounds(ptrdiff_t fed);
  void NoteViolation(uint32_t error_code, std::string_view detail);
  void RefuseHeaders(Stream* stream);
  void Cut(std::string_view reason, std::string_view detail);
  void GiveUpPeer(std::string_view what, absl::Duration silence);
  std::string PeerText() const;
  void NotHttp2();
  void MarkDirty();
  void Flush();
  void Produce();
  bool WriteOut();
  void TellWritten();
  void SetInterest();
  void Handshaken();
  absl::Status Broken(std::string_view what) const;
  absl::Status SocketBroke() const;
  Stream* Add(std::unique_ptr<Stream> stream);
  std::unique_ptr<Stream> Remove(Stream* stream);
  std::vector<std::unique_ptr<Stream>> RemoveAll();
  void SubmitResponse(Stream* stream, const Headers& headers, bool end);
  void EndStream(Stream* stream, uint32_t error_code);
  void Append(std::string_view bytes);

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
  nghttp2_session* session_ = nullptr;
  Stream* streams_ = nullptr;  // a list of those it owns
  size_t stream_count_ = 0;
  Stream* found_ = nullptr;  // whose frame came last
  SliceQueue out_;
  uint64_t taken_bytes_ = 0;    // by the socket, since the start
  uint64_t written_bytes_ = 0;  // of these, what the kernel has got; TLS keeps some for a while
  // Whom to tell when that many bytes have been written: ends of answers.
  std::list<std::pair<uint64_t, std::function<void(bool)>>> on_written_;
  std::shared_ptr<std::string> small_;  // where small frames are gathered
  std::shared_ptr<char[]> current_block_;
  EventLoop::TimerId handshake_timer_ = 0;
  uint32_t interest_ = 0;
  AbuseMeter meter_;
  KeepAlive keep_alive_;
  ReadPace pace_;
  absl::Time started_at_ = absl::InfiniteFuture();   // server side, clear text
  absl::Time idle_since_ = absl::InfiniteFuture();   // while there is no call
  absl::Time block_since_ = absl::InfiniteFuture();  // of a header block that is not complete
  std::string violation_;                            // why the library ends the connection
  bool connecting_ = false, handshaken_ = false, dirty_ = false, closed_ = false;
  bool write_blocked_ = false, reading_paused_ = false, peer_going_away_ = false;
  bool draining_ = false;
  bool near_ = false;      // on the same machine or network
  bool has_bulk_ = false;  // more was queued on a stream than a frame of the usual size takes
};

}  // namespace fate::relay
