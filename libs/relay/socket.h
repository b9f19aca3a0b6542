#pragma once

// A non-blocking TCP socket, in clear text or, once Secure was called, in TLS: whoever reads and
// writes need not know which.

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "relay/event_loop.h"
#include "tls/session.h"

namespace fate::relay {

struct Address {
  std::string host;
  int port = 0;
  std::string ToString() const;  // "10.0.0.2:9370"
  friend auto operator<=>(const Address&, const Address&) = default;
};

class Socket {
 public:
  static constexpr size_t kTlsReadBytes = 256 << 10;

  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept
      : fd_(std::exchange(other.fd_, -1)), session_(std::move(other.session_)) {}
  Socket& operator=(Socket&& other) noexcept;

  // Listens. Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<Socket> Listen(const Address& address);
  // Starts to connect to a numeric address; ConnectResult tells the outcome once writable.
  static absl::StatusOr<Socket> Connect(const Address& numeric);
  absl::Status ConnectResult() const;
  // The next waiting connection and its address; errno as of accept(2) when invalid.
  Socket Accept(Address* peer) const;

  // Goes on in TLS, whose handshake is over.
  void Secure(std::shared_ptr<tls::Session> session) { session_ = std::move(session); }

  // As readv(2) and writev(2): -1 with errno EAGAIN when not ready. In TLS, `parts` to read into
  // have room for kTlsReadBytes, and a write may take bytes that it has not sent yet.
  // `limit`: about how many bytes to read at most.
  ssize_t Read(const iovec* parts, int count, size_t limit = SIZE_MAX);
  ssize_t Write(const iovec* parts, int count);
  // Sends what Write took; as Write of nothing.
  bool has_unsent() const { return session_ && !session_->unsent().empty(); }
  // Read has something to tell although the socket is not ready for reading.
  bool has_received() const { return session_ && (session_->has_received() || session_->over()); }
  // Why TLS failed, as Session::failure.
  absl::Status failure() const { return session_ ? session_->failure() : absl::OkStatus(); }

  // To the peer and back, as TCP has measured it so far.
  absl::Duration RoundTrip() const;
  // For how long the peer's machine has acknowledged nothing, though something was sent; zero when
  // it has, also if it takes no more at present.
  absl::Duration Unacknowledged() const;
  int LocalPort() const;
  bool valid() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void Close();
  // After the peer has closed its side: does without the rest of TCP's goodbye, which the peer's
  // program does not see. Saves both sides work, and a client that connects for each call the port
  // that it could not use for a minute. In clear text, and once the peer has all that was sent;
  // else as Close.
  void CloseBehindPeer();

 private:
  void SetOptions(bool loopback) const;
  ssize_t TlsEnd() const;
  ssize_t ReadSecure(const iovec* parts, int count, size_t limit);
  ssize_t WriteSecure(const iovec* parts, int count);
  bool SendUnsent();
  int fd_;
  std::shared_ptr<tls::Session> session_;  // null: clear text
};

// For this process: sockets of this machine only ask for the congestion control "reno". Where BBR
// is the system's choice it paces with timers, which takes a third of the processor's time on the
// loopback and is of no use there. To be called before the first socket is made.
void UseRenoOnLoopback();

bool IsNumeric(const std::string& host);
// Of this machine only: 127.0.0.0/8 or ::1. `host` is numeric.
bool IsLoopback(std::string_view host);

// Looks a host name up on a thread of its own and answers on the loop of `mailbox`.
void Resolve(const Address& address, std::shared_ptr<EventLoop::Mailbox> mailbox,
             std::function<void(absl::StatusOr<std::vector<Address>>)> done);

}  // namespace fate::relay
