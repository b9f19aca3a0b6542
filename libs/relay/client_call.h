#pragma once

// A call to another daemon with one answer: unary, or a stream of messages answered once.

#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/limits.h"
#include "relay/grpc_wire.h"
#include "relay/upstreams.h"

namespace fate::relay {

class ClientCall final : public StreamHandler, public std::enable_shared_from_this<ClientCall> {
 public:
  struct Options {
    Address address;
    Lane lane = Lane::kControl;
    std::string path;
    Headers metadata;
    const Headers* more_metadata = nullptr;  // sent behind it; read by Start only
    absl::Duration timeout = absl::InfiniteDuration();
    std::shared_ptr<const TlsClient> tls = nullptr;  // null: clear text
    absl::AnyInvocable<void(size_t bytes)> on_sent;  // request bytes that have gone to the socket
  };
  // Called once, from the loop, never from within Start; never after Cancel.
  using Done = absl::AnyInvocable<void(absl::StatusOr<std::string> answer)>;

  static std::shared_ptr<ClientCall> Start(Upstreams* upstreams, Options options, Done done);
  // One message, and the end of the request.
  static std::shared_ptr<ClientCall> Unary(Upstreams* upstreams, Options options,
                                           std::string message, Done done);

  // Bytes of the request, message frames included. Ignored once the call is over.
  void Send(Slice slice);
  void SendEnd();
  void Cancel();
  size_t queued_bytes() const { return stream_ ? stream_->queued_bytes() : 0; }
  // Bytes of the request have left, or at least its end so that the peer may have carried it out.
  // Hold when the call is over, too.
  bool anything_sent() const { return anything_sent_; }
  bool may_be_done() const { return may_be_done_; }
  // Of the answer, when it has come.
  const Headers& head() const { return head_; }

 private:
  ClientCall(Options options, Done done)
      : options_(std::move(options)), done_(std::move(done)), reader_(kMaxMessageBytes) {}

  void OnHeaders(Headers headers, bool end) override;
  void OnData(Slice slice) override;
  void OnEnd(Headers trailers) override;
  void OnSent(size_t bytes) override;
  void OnClosed(const absl::Status& why) override;
  void Finish(absl::StatusOr<std::string> answer);

  Options options_;
  Done done_;
  Stream* stream_ = nullptr;  // null once the call is over
  EventLoop* loop_ = nullptr;
  EventLoop::TimerId timer_ = 0;
  Headers head_;
  FrameReader reader_;
  std::optional<std::string> answer_;
  bool anything_sent_ = false, may_be_done_ = false;
};

}  // namespace fate::relay
