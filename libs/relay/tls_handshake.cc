#include "relay/tls_handshake.h"

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"

namespace fate::relay {
namespace {

using Progress = tls::Session::Progress;

constexpr absl::Duration kLinger = absl::Seconds(1);
constexpr size_t kReadBytes = 16 << 10;
constexpr size_t kMaxHandshakeBytes = 128 << 10;

}  // namespace

std::shared_ptr<TlsHandshake> TlsHandshake::Start(EventLoop* loop, int fd,
                                                  std::shared_ptr<tls::Session> session,
                                                  tls::Handshaker* handshaker, Begin begin,
                                                  Done done) {
  std::shared_ptr<TlsHandshake> handshake(
      new TlsHandshake(loop, fd, std::move(session), handshaker, std::move(done)));
  if (begin == Begin::kSend) {
    handshake->Step();
  } else {
    handshake->Wait(EPOLLIN);
  }
  return handshake;
}

void TlsHandshake::Cancel() {
  StopWaiting();
  done_ = nullptr;
  session_.reset();
}

void TlsHandshake::Wait(uint32_t epoll_events) {
  if (std::exchange(watched_, true)) return loop_->Change(fd_, epoll_events);
  loop_->Watch(fd_, epoll_events, this);
}

void TlsHandshake::StopWaiting() {
  if (std::exchange(watched_, false)) loop_->Unwatch(fd_);
}

void TlsHandshake::OnReady(uint32_t epoll_events) {
  auto self = shared_from_this();
  if (!done_) return;
  if (epoll_events & EPOLLOUT) return Send();
  Read();
}

void TlsHandshake::Read() {
  char buffer[kReadBytes];
  ssize_t size = recv(fd_, buffer, sizeof buffer, 0);
  if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
  if (lingering_) {
    if (size <= 0) Finish();
    return;
  }
  if (size < 0) return Broke(std::strerror(errno));
  if (size == 0) return Broke("the peer closed the connection");
  received_bytes_ += static_cast<size_t>(size);
  if (received_bytes_ > kMaxHandshakeBytes) return Broke("it is too long");
  session_->Receive({buffer, static_cast<size_t>(size)});
  Step();
}

// Not watched meanwhile: the session belongs to the other thread.
void TlsHandshake::Step() {
  StopWaiting();
  handshaker_->Step(session_, [mailbox = loop_->mailbox(), weak = weak_from_this()](Progress now) {
    mailbox->Post([weak, now] {
      auto self = weak.lock();
      if (!self || !self->done_) return;
      self->progress_ = now;
      self->Send();
    });
  });
}

void TlsHandshake::Send() {
  std::string& unsent = session_->unsent();
  while (!unsent.empty()) {
    ssize_t sent = send(fd_, unsent.data(), unsent.size(), MSG_NOSIGNAL);
    if (sent < 0 && errno == EAGAIN) return Wait(EPOLLOUT);
    if (sent < 0 && errno != EINTR) return Broke(std::strerror(errno));
    if (sent > 0) unsent.erase(0, static_cast<size_t>(sent));
  }
  if (progress_ == Progress::kWaits) return Wait(EPOLLIN);
  if (progress_ == Progress::kFailed) return Linger();
  Finish();
}

// Bytes that nobody reads would make the kernel reset the connection, and the alert be lost.
void TlsHandshake::Linger() {
  lingering_ = true;
  shutdown(fd_, SHUT_WR);
  Wait(EPOLLIN);
  loop_->After(kLinger, [weak = weak_from_this()] {
    if (auto self = weak.lock(); self && self->done_) self->Finish();
  });
}

void TlsHandshake::Broke(std::string_view why) {
  broke_ = UnavailableError("the TLS handshake with {} failed: {}", session_->peer(), why);
  Finish();
}

void TlsHandshake::Finish() {
  StopWaiting();
  absl::Status result = !broke_.ok() ? broke_ : session_->failure();
  std::exchange(done_, nullptr)(result);
}

}  // namespace fate::relay
