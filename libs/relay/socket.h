#pragma once

// A non-blocking TCP socket, in clear text. This is the seam for TLS: a connection knows its
// peer through Read, Write and the address only.

#include <sys/uio.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "relay/event_loop.h"

namespace fate::relay {

struct Address {
  std::string host;
  int port = 0;
  std::string ToString() const;  // "10.0.0.2:9370"
  friend auto operator<=>(const Address&, const Address&) = default;
};

class Socket {
 public:
  explicit Socket(int fd = -1) : fd_(fd) {}
  ~Socket() { Close(); }
  Socket(Socket&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Socket& operator=(Socket&& other) noexcept;

  // Listens. Error: kUnavailable naming the address when it is taken.
  static absl::StatusOr<Socket> Listen(const Address& address);
  // Starts to connect to a numeric address; ConnectResult tells the outcome once writable.
  static absl::StatusOr<Socket> Connect(const Address& numeric);
  absl::Status ConnectResult() const;
  // The next waiting connection; errno as of accept(2) when invalid.
  Socket Accept() const;

  // As readv(2) and writev(2): -1 with errno EAGAIN when not ready.
  ssize_t Read(const iovec* parts, int count) const;
  ssize_t Write(const iovec* parts, int count) const;

  int LocalPort() const;
  // The numeric address at the other end, "" when there is none.
  std::string PeerHost() const;
  bool valid() const { return fd_ >= 0; }
  int fd() const { return fd_; }
  void Close();

 private:
  void SetOptions() const;
  int fd_;
};

bool IsNumeric(const std::string& host);

// Looks a host name up on a thread of its own and answers on the loop of `mailbox`.
void Resolve(const Address& address, std::shared_ptr<EventLoop::Mailbox> mailbox,
             std::function<void(absl::StatusOr<std::vector<Address>>)> done);

}  // namespace fate::relay
