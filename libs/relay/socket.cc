#include "relay/socket.h"

#include <arpa/inet.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <thread>

#include "base/status.h"

namespace fate::relay {
namespace {

struct SocketAddress {
  sockaddr_storage storage{};
  socklen_t size = 0;
  const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

absl::StatusOr<SocketAddress> ToSocketAddress(const Address& address) {
  SocketAddress result;
  auto* v4 = reinterpret_cast<sockaddr_in*>(&result.storage);
  auto* v6 = reinterpret_cast<sockaddr_in6*>(&result.storage);
  if (inet_pton(AF_INET, address.host.c_str(), &v4->sin_addr) == 1) {
    v4->sin_family = AF_INET;
    v4->sin_port = htons(static_cast<uint16_t>(address.port));
    result.size = sizeof *v4;
  } else if (inet_pton(AF_INET6, address.host.c_str(), &v6->sin6_addr) == 1) {
    v6->sin6_family = AF_INET6;
    v6->sin6_port = htons(static_cast<uint16_t>(address.port));
    result.size = sizeof *v6;
  } else {
    return InvalidArgumentError("'{}' is no numeric address", address.host);
  }
  return result;
}

absl::StatusOr<std::vector<Address>> ResolveNow(const Address& address) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (int error = getaddrinfo(address.host.c_str(), nullptr, &hints, &found); error != 0) {
    return UnavailableError("cannot resolve the host name {}: {}", address.host,
                            gai_strerror(error));
  }
  std::vector<Address> addresses;
  for (addrinfo* it = found; it != nullptr; it = it->ai_next) {
    char text[NI_MAXHOST];
    if (getnameinfo(it->ai_addr, it->ai_addrlen, text, sizeof text, nullptr, 0, NI_NUMERICHOST) ==
        0) {
      addresses.push_back({text, address.port});
    }
  }
  freeaddrinfo(found);
  return addresses;
}

}  // namespace

std::string Address::ToString() const {
  bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : fmt::format("{}:{}", host, port);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  Close();
  fd_ = std::exchange(other.fd_, -1);
  return *this;
}

absl::StatusOr<Socket> Socket::Listen(const Address& address) {
  ASSIGN_OR_RETURN(SocketAddress where, ToSocketAddress(address));
  Socket socket(::socket(where.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  int on = 1;
  setsockopt(socket.fd_, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (bind(socket.fd_, where.get(), where.size) != 0 || listen(socket.fd_, SOMAXCONN) != 0) {
    return UnavailableError("cannot listen on {}: {}; is another process using the port?",
                            address.ToString(), std::strerror(errno));
  }
  return socket;
}

absl::StatusOr<Socket> Socket::Connect(const Address& numeric) {
  ASSIGN_OR_RETURN(SocketAddress where, ToSocketAddress(numeric));
  Socket socket(::socket(where.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return UnavailableError("cannot make a socket: {}", std::strerror(errno));
  socket.SetOptions();
  if (connect(socket.fd_, where.get(), where.size) != 0 && errno != EINPROGRESS) {
    return UnavailableError("{}", std::strerror(errno));
  }
  return socket;
}

absl::Status Socket::ConnectResult() const {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  return error == 0 ? absl::OkStatus() : UnavailableError("{}", std::strerror(error));
}

Socket Socket::Accept() const {
  Socket socket(accept4(fd_, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) socket.SetOptions();
  return socket;
}

// Keep-alive finds out within about 90 s that a peer has vanished without a word.
void Socket::SetOptions() const {
  int on = 1, idle_s = 60, interval_s = 10, probes = 3;
  unsigned unacknowledged_ms = 60'000;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

ssize_t Socket::Read(const iovec* parts, int count) const { return readv(fd_, parts, count); }

ssize_t Socket::Write(const iovec* parts, int count) const {
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<size_t>(count);
  return sendmsg(fd_, &message, MSG_NOSIGNAL);
}

int Socket::LocalPort() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  if (storage.ss_family == AF_INET6) {
    return ntohs(reinterpret_cast<sockaddr_in6*>(&storage)->sin6_port);
  }
  return ntohs(reinterpret_cast<sockaddr_in*>(&storage)->sin_port);
}

std::string Socket::PeerHost() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  char text[NI_MAXHOST];
  if (getpeername(fd_, reinterpret_cast<sockaddr*>(&storage), &size) != 0 ||
      getnameinfo(reinterpret_cast<sockaddr*>(&storage), size, text, sizeof text, nullptr, 0,
                  NI_NUMERICHOST) != 0) {
    return "";
  }
  return text;
}

void Socket::Close() {
  if (fd_ >= 0) close(std::exchange(fd_, -1));
}

bool IsNumeric(const std::string& host) { return ToSocketAddress({host, 0}).ok(); }

void Resolve(const Address& address, std::shared_ptr<EventLoop::Mailbox> mailbox,
             std::function<void(absl::StatusOr<std::vector<Address>>)> done) {
  std::thread([address, mailbox = std::move(mailbox), done = std::move(done)]() mutable {
    auto found = ResolveNow(address);
    mailbox->Post([found = std::move(found), done = std::move(done)] { done(found); });
  }).detach();
}

}  // namespace fate::relay
