#pragma once

// A call that is answered here: one message in, one answer or status out, from the loop's
// thread, now or much later. A waiting call costs this object and its stream.

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "relay/grpc_wire.h"
#include "relay/stream.h"

namespace fate::relay {

class UnaryCall final : public StreamHandler, public std::enable_shared_from_this<UnaryCall> {
 public:
  using Handler = std::function<void(const std::shared_ptr<UnaryCall>& call)>;

  // What all calls being received hold together, bounded by kMaxCollectedBytes.
  struct Collected {
    size_t bytes = 0;
  };

  // Collects the message, then runs `handler`. `collected` outlives the stream.
  static void Serve(Stream* stream, Headers head, Collected* collected, Handler handler) {
    Serve(stream, std::move(head), {}, collected, std::move(handler));
  }
  // The same, when DATA has been `received` (and not consumed) before.
  static void Serve(Stream* stream, Headers head, std::vector<Slice> received, Collected* collected,
                    Handler handler);
  ~UnaryCall() override;

  const Headers& head() const { return head_; }
  std::string TakeMessage() { return reader_.Take().ToString(); }
  Rope TakeRope() { return reader_.Take(); }

  // Once; later ones are ignored, as the client may have left.
  void Answer(std::string message);
  void Answer(std::vector<Slice> pieces, const Headers& metadata = {});
  // `written`: runs once, false also when the client has left; see Stream::OnWritten.
  void Answer(std::vector<Slice> pieces, const Headers& metadata,
              std::function<void(bool)> written);
  void Fail(const absl::Status& status);

  // Runs once if the client leaves or its deadline passes before the answer.
  void OnCancel(std::function<void()> function) { on_cancel_ = std::move(function); }
  bool over() const { return stream_ == nullptr; }

 private:
  UnaryCall(Stream* stream, Headers head, Collected* collected, Handler handler);
  void OnData(Slice slice) override;
  void OnEnd(Headers trailers) override;
  void OnClosed(const absl::Status& why) override;
  void SetDeadline();
  void Release();
  Stream* End();

  Stream* stream_;  // null once answered or left
  EventLoop* const loop_;
  Headers head_;
  Collected* const collected_;
  Handler handler_;
  RopeFrameReader reader_;
  size_t held_bytes_ = 0;
  std::function<void()> on_cancel_;
  EventLoop::TimerId timer_ = 0;
};

}  // namespace fate::relay
