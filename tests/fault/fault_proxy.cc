#include "fault/fault_proxy.h"

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>

namespace fate::fault {
namespace {

constexpr std::chrono::milliseconds kStep{5};  // how soon a changed fault is seen

sockaddr_in ToSockaddr(const std::string& host, int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  inet_pton(AF_INET, host.c_str(), &address.sin_addr);
  return address;
}

bool Readable(int fd) {
  pollfd poll_fd{fd, POLLIN, 0};
  return poll(&poll_fd, 1, static_cast<int>(kStep.count())) > 0;
}

}  // namespace

Proxy::Proxy(relay::Address target) : target_(std::move(target)) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = ToSockaddr("127.0.0.26", 0);
  socklen_t size = sizeof address;
  if (bind(listener_, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener_, 64) != 0) {
    std::abort();
  }
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  thread_ = std::thread([this] { Accept(); });
}

Proxy::~Proxy() {
  stop_ = true;
  thread_.join();
  ResetAll();
  for (auto& link : links_) {
    link->up.join();
    link->down.join();
    close(link->client);
    close(link->server);
  }
  close(listener_);
}

void Proxy::Set(const Fault& fault) {
  std::lock_guard lock(mutex_);
  fault_ = fault;
}

Fault Proxy::current() {
  std::lock_guard lock(mutex_);
  return fault_;
}

void Proxy::ResetAll() {
  std::lock_guard lock(mutex_);
  for (auto& link : links_) End(link.get(), Fault::End::kReset);
}

// Descriptors are closed with the proxy only: a pump may still hold their number.
void Proxy::End(Link* link, Fault::End how) {
  if (link->over.exchange(true)) return;
  for (int fd : {link->client, link->server}) {
    if (how == Fault::End::kReset) {  // connect(AF_UNSPEC) sends a reset
      sockaddr nowhere{};
      nowhere.sa_family = AF_UNSPEC;
      connect(fd, &nowhere, sizeof nowhere);
    } else {
      shutdown(fd, SHUT_RDWR);
    }
  }
}

void Proxy::Accept() {
  while (!stop_) {
    if (!Readable(listener_)) continue;
    auto link = std::make_unique<Link>();
    link->client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (link->client < 0) continue;
    ++accepted_;
    link->server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address = ToSockaddr(target_.host, target_.port);
    if (connect(link->server, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
      End(link.get(), Fault::End::kReset);
    }
    Link* raw = link.get();
    link->up = std::thread([this, raw] { Pump(raw, true); });
    link->down = std::thread([this, raw] { Pump(raw, false); });
    std::lock_guard lock(mutex_);
    links_.push_back(std::move(link));
  }
}

void Proxy::Pump(Link* link, bool up) {
  const int from = up ? link->client : link->server;
  std::vector<char> buffer(64 << 10);
  while (!link->over && !stop_) {
    if (!Readable(from)) continue;
    Fault fault = current();
    if (fault.silent) {
      std::this_thread::sleep_for(kStep);
      continue;
    }
    size_t room = buffer.size();
    if (fault.bytes_per_second > 0) room = std::min<size_t>(room, fault.bytes_per_second / 50 + 1);
    if (up && fault.end != Fault::End::kNone) {
      uint64_t done = link->client_bytes;
      if (done >= fault.end_after_bytes) return End(link, fault.end);
      room = std::min<size_t>(room, fault.end_after_bytes - done);
    }
    ssize_t size = recv(from, buffer.data(), room, 0);
    if (size <= 0) return End(link, size == 0 ? Fault::End::kClose : Fault::End::kReset);
    if (fault.bytes_per_second > 0) {
      std::this_thread::sleep_for(std::chrono::microseconds(static_cast<uint64_t>(size) *
                                                            1'000'000 / fault.bytes_per_second));
    }
    std::this_thread::sleep_for(fault.delay);
    if (!Pass(link, up, buffer.data(), static_cast<size_t>(size))) return;
  }
}

bool Proxy::Pass(Link* link, bool up, const char* bytes, size_t size) {
  for (size_t sent = 0; sent < size;) {
    ssize_t count = send(up ? link->server : link->client, bytes + sent, size - sent, MSG_NOSIGNAL);
    if (count <= 0) {
      End(link, Fault::End::kReset);
      return false;
    }
    sent += static_cast<size_t>(count);
  }
  if (up) link->client_bytes += size;
  return true;
}

}  // namespace fate::fault
