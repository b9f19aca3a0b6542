#pragma once

// One POST of HTTP/1.1 on a connection of its own, for peers that speak nothing else. The body is
// made piece by piece as the socket takes it.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "relay/http1_answer.h"
#include "relay/socket.h"
#include "relay/tls.h"
#include "relay/tls_handshake.h"

namespace fate::relay {

class Http1Call final : public EventLoop::Watcher, public std::enable_shared_from_this<Http1Call> {
 public:
  struct Options {
    Address address;  // the host may be a name
    std::string path;
    Headers headers;                                 // beside host, content-length and connection
    std::shared_ptr<const TlsClient> tls = nullptr;  // null: clear text
    size_t body_bytes = 0;
    std::function<std::string()> body;  // its next piece, never empty before the end
    absl::Duration timeout = absl::Seconds(300);
    size_t max_answer_bytes = size_t{1} << 20;
  };
  // Once, from the loop, never from within Start; never after Cancel. Errors: kUnavailable (not
  // reached, or the connection broke), kDeadlineExceeded, those of Http1Answer.
  using Done = std::function<void(absl::StatusOr<Http1Answer> answer)>;

  static std::shared_ptr<Http1Call> Start(EventLoop* loop, Options options, Done done);
  ~Http1Call();
  void Cancel();
  // False: the peer has surely seen nothing of the request. Holds when the call is over, too.
  bool anything_sent() const { return anything_sent_; }

 private:
  Http1Call(EventLoop* loop, Options options, Done done);
  void Connect(std::vector<Address> addresses);
  void ConnectNext(const std::string& last_error);
  void Connected();
  void Secured(const std::shared_ptr<tls::Session>& session, const absl::Status& result);
  void Send();
  void OnReady(uint32_t epoll_events) override;
  void Read();
  void Write();
  void Watch(uint32_t epoll_events);
  void Broke(std::string_view what);
  void Finish(absl::StatusOr<Http1Answer> answer);
  std::string Head() const;

  EventLoop* const loop_;
  Options options_;
  Done done_;
  const std::string peer_;
  Socket socket_;
  std::vector<Address> untried_;
  std::shared_ptr<TlsHandshake> handshake_;  // while it lasts
  bool connecting_ = false, watched_ = false, anything_sent_ = false;
  std::string piece_;  // of the request, being written
  size_t piece_sent_ = 0, body_left_ = 0;
  Http1Answer answer_;
  EventLoop::TimerId timer_ = 0, connect_timer_ = 0;
};

}  // namespace fate::relay
