#include "relay/http1_call.h"

#include <sys/epoll.h>

#include <cerrno>
#include <cstring>

#include "base/status.h"

namespace fate::relay {
namespace {

constexpr absl::Duration kConnectTimeout = absl::Seconds(10);  // also of TLS

}  // namespace

std::shared_ptr<Http1Call> Http1Call::Start(EventLoop* loop, Options options, Done done) {
  std::shared_ptr<Http1Call> call(new Http1Call(loop, std::move(options), std::move(done)));
  std::weak_ptr<Http1Call> weak = call;
  call->timer_ = loop->After(call->options_.timeout, [weak] {
    auto self = weak.lock();
    if (!self) return;
    self->Finish(DeadlineExceededError("no answer from {} within {}", self->peer_,
                                       absl::FormatDuration(self->options_.timeout)));
  });
  call->connect_timer_ = loop->After(kConnectTimeout, [weak] {
    if (auto self = weak.lock()) self->Broke("no connection within 10 s");
  });
  const Address& address = call->options_.address;
  if (IsNumeric(address.host)) {
    loop->Defer([weak, address] {
      if (auto self = weak.lock()) self->Connect({address});
    });
    return call;
  }
  Resolve(address, loop->mailbox(), [weak](absl::StatusOr<std::vector<Address>> found) {
    auto self = weak.lock();
    if (!self) return;
    found.ok() ? self->Connect(*std::move(found)) : self->Finish(found.status());
  });
  return call;
}

Http1Call::Http1Call(EventLoop* loop, Options options, Done done)
    : loop_(loop),
      options_(std::move(options)),
      done_(std::move(done)),
      peer_(options_.address.ToString()),
      body_left_(options_.body_bytes),
      answer_(options_.max_answer_bytes) {}

Http1Call::~Http1Call() {
  loop_->Cancel(timer_);
  loop_->Cancel(connect_timer_);
  if (handshake_) handshake_->Cancel();
  if (watched_) loop_->Unwatch(socket_.fd());
}

void Http1Call::Cancel() {
  done_ = nullptr;
  Finish(absl::CancelledError());
}

void Http1Call::Connect(std::vector<Address> addresses) {
  if (!done_) return;
  untried_ = std::move(addresses);
  ConnectNext("the host name has no address");
}

void Http1Call::ConnectNext(const std::string& last_error) {
  std::string error = last_error;
  if (std::exchange(watched_, false)) loop_->Unwatch(socket_.fd());
  while (!untried_.empty()) {
    auto socket = Socket::Connect(untried_.front());
    untried_.erase(untried_.begin());
    if (socket.ok()) {
      socket_ = *std::move(socket);
      connecting_ = true;
      return Watch(EPOLLOUT);
    }
    error = Message(socket.status());
  }
  Finish(UnavailableError("cannot connect to {}: {}", peer_, error));
}

void Http1Call::Connected() {
  if (absl::Status result = socket_.ConnectResult(); !result.ok()) {
    return ConnectNext(Message(result));
  }
  connecting_ = false;
  if (!options_.tls) return Send();
  watched_ = false;
  loop_->Unwatch(socket_.fd());
  const TlsClient& tls = *options_.tls;
  std::shared_ptr<tls::Session> session = tls.context->NewSession(
      peer_, tls.server_name.empty() ? options_.address.host : tls.server_name,
      tls::Application::kHttp1);
  handshake_ = TlsHandshake::Start(
      loop_, socket_.fd(), session, tls.handshaker, TlsHandshake::Begin::kSend,
      [this, session](const absl::Status& result) { Secured(session, result); });
}

void Http1Call::Secured(const std::shared_ptr<tls::Session>& session, const absl::Status& result) {
  auto self = shared_from_this();
  loop_->Defer([handshake = std::exchange(handshake_, nullptr)] {});
  if (!result.ok()) return Finish(result);
  socket_.Secure(session);
  Send();
}

void Http1Call::Send() {
  loop_->Cancel(std::exchange(connect_timer_, 0));
  piece_ = Head();
  Watch(EPOLLIN);
  Write();
}

std::string Http1Call::Head() const {
  std::string head =
      fmt::format("POST {} HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\nconnection: close\r\n",
                  options_.path, peer_, options_.body_bytes);
  for (const Header& header : options_.headers) {
    head += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  return head + "\r\n";
}

void Http1Call::Watch(uint32_t epoll_events) {
  if (std::exchange(watched_, true)) return loop_->Change(socket_.fd(), epoll_events);
  loop_->Watch(socket_.fd(), epoll_events, this);
}

void Http1Call::OnReady(uint32_t epoll_events) {
  auto self = shared_from_this();
  if (!done_) return;
  if (connecting_) return Connected();
  if (epoll_events & (EPOLLIN | EPOLLHUP | EPOLLERR)) Read();
  if (done_ && (epoll_events & EPOLLOUT)) Write();
}

void Http1Call::Read() {
  thread_local const auto buffer = std::make_unique_for_overwrite<char[]>(Socket::kTlsReadBytes);
  const iovec part{buffer.get(), Socket::kTlsReadBytes};
  do {
    const ssize_t size = socket_.Read(&part, 1);
    if (size < 0 && (errno == EAGAIN || errno == EINTR)) return;
    if (size < 0) return Broke(std::strerror(errno));
    const absl::Status status =
        size == 0 ? answer_.End() : answer_.Add({buffer.get(), static_cast<size_t>(size)});
    if (!status.ok()) {
      return Finish(absl::Status(status.code(), fmt::format("{}: {}", peer_, Message(status))));
    }
    if (answer_.complete()) return Finish(std::move(answer_));
  } while (socket_.has_received());
}

void Http1Call::Write() {
  while (true) {
    if (piece_sent_ == piece_.size()) {
      if (body_left_ == 0) break;
      piece_ = options_.body();
      piece_sent_ = 0;
      body_left_ -= std::min(body_left_, piece_.size());
    }
    const iovec part{piece_.data() + piece_sent_, piece_.size() - piece_sent_};
    const ssize_t size = socket_.Write(&part, 1);
    if (size < 0 && errno == EINTR) continue;
    if (size < 0 && errno == EAGAIN) return Watch(EPOLLIN | EPOLLOUT);
    if (size < 0) return Read();  // the peer may have said why
    anything_sent_ = true;
    piece_sent_ += static_cast<size_t>(size);
  }
  if (socket_.has_unsent() && socket_.Write(nullptr, 0) < 0 && errno == EAGAIN) {
    return Watch(EPOLLIN | EPOLLOUT);
  }
  Watch(EPOLLIN);
}

void Http1Call::Broke(std::string_view what) {
  const absl::Status failure = socket_.failure();
  Finish(failure.ok() ? UnavailableError("the connection to {} broke: {}", peer_, what) : failure);
}

void Http1Call::Finish(absl::StatusOr<Http1Answer> answer) {
  auto self = shared_from_this();
  loop_->Cancel(std::exchange(timer_, 0));
  loop_->Cancel(std::exchange(connect_timer_, 0));
  if (handshake_) {
    handshake_->Cancel();
    loop_->Defer([handshake = std::exchange(handshake_, nullptr)] {});
  }
  if (std::exchange(watched_, false)) loop_->Unwatch(socket_.fd());
  loop_->Defer([self] { self->socket_.Close(); });  // lives until the end of the turn
  if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
}

}  // namespace fate::relay
