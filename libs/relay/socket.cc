#include "relay/socket.h"

#include <arpa/inet.h>
#include <linux/sockios.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <thread>

#include "base/status.h"

namespace fate::relay {
namespace {

constexpr size_t kTlsWriteBytes = 128 << 10;

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

Address ToAddress(const sockaddr_storage& storage) {
  char text[INET6_ADDRSTRLEN] = "";
  if (storage.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(storage);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof text);
    return {text, ntohs(v6.sin6_port)};
  }
  const auto& v4 = reinterpret_cast<const sockaddr_in&>(storage);
  uint8_t bytes[4];
  std::memcpy(bytes, &v4.sin_addr, sizeof bytes);
  char* end = text;  // inet_ntop prints; this is a part of each accept
  for (const uint8_t byte : bytes) {
    if (end != text) *end++ = '.';
    end = std::to_chars(end, text + sizeof text, byte).ptr;
  }
  return {std::string(text, end), ntohs(v4.sin_port)};
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

bool use_reno_on_loopback = false;

}  // namespace

void UseRenoOnLoopback() { use_reno_on_loopback = true; }

std::string Address::ToString() const {
  bool v6 = host.find(':') != std::string::npos;
  return v6 ? fmt::format("[{}]:{}", host, port) : host + ':' + std::to_string(port);
}

Socket& Socket::operator=(Socket&& other) noexcept {
  Close();
  fd_ = std::exchange(other.fd_, -1);
  session_ = std::move(other.session_);
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
  socket.SetOptions(IsLoopback(address.host));
  // The client speaks first: a connection is of use when its first bytes are there. One that stays
  // silent is handed over after this.
  int silent_s = 1;
  setsockopt(socket.fd_, IPPROTO_TCP, TCP_DEFER_ACCEPT, &silent_s, sizeof silent_s);
  return socket;
}

absl::StatusOr<Socket> Socket::Connect(const Address& numeric) {
  ASSIGN_OR_RETURN(SocketAddress where, ToSocketAddress(numeric));
  Socket socket(::socket(where.get()->sa_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (!socket.valid()) return UnavailableError("cannot make a socket: {}", std::strerror(errno));
  socket.SetOptions(IsLoopback(numeric.host));
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

Socket Socket::Accept(Address* peer) const {
  sockaddr_storage from{};
  socklen_t size = sizeof from;
  Socket socket(
      accept4(fd_, reinterpret_cast<sockaddr*>(&from), &size, SOCK_NONBLOCK | SOCK_CLOEXEC));
  if (socket.valid()) *peer = ToAddress(from);
  return socket;
}

// Keep-alive finds out within about 90 s that a peer has vanished without a word. A listener hands
// its options on to what it accepts (tcp(7)). Where BBR is the system's choice it paces with
// timers, which takes a third of the processor's time on the loopback and is of no use there.
void Socket::SetOptions(bool loopback) const {
  int on = 1, idle_s = 60, interval_s = 10, probes = 3;
  unsigned unacknowledged_ms = 60'000;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  setsockopt(fd_, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPIDLE, &idle_s, sizeof idle_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof interval_s);
  setsockopt(fd_, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof probes);
  if (loopback && use_reno_on_loopback) setsockopt(fd_, IPPROTO_TCP, TCP_CONGESTION, "reno", 4);
  setsockopt(fd_, IPPROTO_TCP, TCP_USER_TIMEOUT, &unacknowledged_ms, sizeof unacknowledged_ms);
}

absl::Duration Socket::RoundTrip() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size);
  return absl::Microseconds(info.tcpi_rtt);
}

absl::Duration Socket::Unacknowledged() const {
  tcp_info info{};
  socklen_t size = sizeof info;
  getsockopt(fd_, IPPROTO_TCP, TCP_INFO, &info, &size);
  // A peer whose window is closed answers each probe.
  if (info.tcpi_unacked == 0 && info.tcpi_probes < 2) return absl::ZeroDuration();
  return absl::Milliseconds(info.tcpi_last_ack_recv);
}

ssize_t Socket::Read(const iovec* parts, int count, size_t limit) {
  if (session_) return ReadSecure(parts, count, limit);
  if (limit <= parts[0].iov_len) return recv(fd_, parts[0].iov_base, limit, 0);
  int whole = 1;
  for (size_t bytes = parts[0].iov_len; whole < count && bytes < limit; ++whole) {
    bytes += parts[whole].iov_len;
  }
  return readv(fd_, parts, whole);
}

ssize_t Socket::Write(const iovec* parts, int count) {
  if (session_) return WriteSecure(parts, count);
  msghdr message{};
  message.msg_iov = const_cast<iovec*>(parts);
  message.msg_iovlen = static_cast<size_t>(count);
  return sendmsg(fd_, &message, MSG_NOSIGNAL);
}

// One call of the kernel for many records; they lie in a buffer that all sockets of a thread share.
ssize_t Socket::ReadSecure(const iovec* parts, int count, size_t limit) {
  if (!session_->has_received() && session_->over()) return TlsEnd();
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(kTlsReadBytes);
  ssize_t size = 0;
  if (!session_->has_received()) {
    size = recv(fd_, buffer.get(), std::min(limit, kTlsReadBytes), 0);
    if (size <= 0) return size;
  }
  size_t plain = session_->Decrypt({buffer.get(), static_cast<size_t>(size)}, parts, count);
  if (plain > 0) return static_cast<ssize_t>(plain);
  if (session_->over()) return TlsEnd();
  errno = EAGAIN;
  return -1;
}

// 0 for an end that the peer announced, else the failure.
ssize_t Socket::TlsEnd() const {
  if (session_->failure().ok()) return 0;
  errno = EPROTO;
  return -1;
}

ssize_t Socket::WriteSecure(const iovec* parts, int count) {
  if (!SendUnsent()) return -1;
  if (count == 0) return 0;
  thread_local std::string records;
  records.clear();
  size_t taken = session_->Encrypt(parts, count, kTlsWriteBytes, &records);
  if (taken == 0) {
    errno = EPROTO;
    return -1;
  }
  ssize_t sent = send(fd_, records.data(), records.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno != EAGAIN && errno != EINTR) return -1;
  session_->unsent().append(records, static_cast<size_t>(std::max<ssize_t>(sent, 0)));
  return static_cast<ssize_t>(taken);
}

bool Socket::SendUnsent() {
  std::string& unsent = session_->unsent();
  if (unsent.empty()) return true;
  ssize_t sent = send(fd_, unsent.data(), unsent.size(), MSG_NOSIGNAL);
  if (sent < 0) return false;
  unsent.erase(0, static_cast<size_t>(sent));
  if (unsent.empty()) return true;
  errno = EAGAIN;
  return false;
}

int Socket::LocalPort() const {
  sockaddr_storage storage{};
  socklen_t size = sizeof storage;
  getsockname(fd_, reinterpret_cast<sockaddr*>(&storage), &size);
  return ToAddress(storage).port;
}

void Socket::Close() {
  if (fd_ < 0) return;
  if (session_) {
    session_->SayGoodbye();
    SendUnsent();
    session_.reset();
  }
  close(std::exchange(fd_, -1));
}

void Socket::CloseBehindPeer() {
  int unacknowledged = 0;
  if (!session_ && ioctl(fd_, SIOCOUTQ, &unacknowledged) == 0 && unacknowledged == 0) {
    const linger at_once{.l_onoff = 1, .l_linger = 0};
    setsockopt(fd_, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  Close();
}

bool IsLoopback(std::string_view host) { return host.starts_with("127.") || host == "::1"; }

bool IsNumeric(const std::string& host) { return ToSocketAddress({host, 0}).ok(); }

void Resolve(const Address& address, std::shared_ptr<EventLoop::Mailbox> mailbox,
             std::function<void(absl::StatusOr<std::vector<Address>>)> done) {
  std::thread([address, mailbox = std::move(mailbox), done = std::move(done)]() mutable {
    auto found = ResolveNow(address);
    mailbox->Post([found = std::move(found), done = std::move(done)] { done(found); });
  }).detach();
}

}  // namespace fate::relay
