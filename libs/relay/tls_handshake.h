#pragma once

// The handshake of TLS on a socket: reads and writes on the loop, computes on the handshaker's
// thread. A side that refuses the other lets it read why before the socket is closed.

#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "relay/event_loop.h"
#include "tls/handshaker.h"

namespace fate::relay {

class TlsHandshake final : public EventLoop::Watcher,
                           public std::enable_shared_from_this<TlsHandshake> {
 public:
  enum class Begin { kSend, kWait };  // the client's part, the server's
  using Done = std::function<void(const absl::Status& result)>;

  // `fd` is watched until `done`, which is called once and from the loop. The owner bounds the
  // time it takes.
  static std::shared_ptr<TlsHandshake> Start(EventLoop* loop, int fd,
                                             std::shared_ptr<tls::Session> session,
                                             tls::Handshaker* handshaker, Begin begin, Done done);
  // Stops watching; `done` is not called.
  void Cancel();

 private:
  TlsHandshake(EventLoop* loop, int fd, std::shared_ptr<tls::Session> session,
               tls::Handshaker* handshaker, Done done)
      : loop_(loop),
        fd_(fd),
        session_(std::move(session)),
        handshaker_(handshaker),
        done_(std::move(done)) {}

  void OnReady(uint32_t epoll_events) override;
  void Wait(uint32_t epoll_events);
  void StopWaiting();
  void Read();
  void Step();
  void Send();
  void Finish();
  void Linger();
  void Broke(std::string_view why);

  EventLoop* const loop_;
  const int fd_;
  std::shared_ptr<tls::Session> session_;
  tls::Handshaker* const handshaker_;
  Done done_;
  tls::Session::Progress progress_ = tls::Session::Progress::kWaits;
  absl::Status broke_;
  size_t received_bytes_ = 0;
  bool watched_ = false, lingering_ = false;
};

}  // namespace fate::relay
