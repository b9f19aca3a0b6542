#include "relay/client_call.h"

#include "base/status.h"

namespace fate::relay {

std::shared_ptr<ClientCall> ClientCall::Start(Upstreams* upstreams, Options options, Done done) {
  std::shared_ptr<ClientCall> call(new ClientCall(std::move(options), std::move(done)));
  const Options& o = call->options_;
  const Headers head =
      RequestHead(o.path, o.address.ToString(), o.timeout, o.metadata, o.more_metadata);
  call->loop_ = &upstreams->loop();
  call->stream_ = upstreams->Open({o.address, o.tls}, o.lane, head, /*end=*/false, call);
  if (o.timeout < absl::InfiniteDuration()) {
    call->timer_ = call->loop_->After(o.timeout, [weak = call->weak_from_this()] {
      auto self = weak.lock();
      if (!self || !self->stream_) return;
      self->timer_ = 0;
      self->Finish(DeadlineExceededError("no answer from {} within {}",
                                         self->options_.address.ToString(),
                                         absl::FormatDuration(self->options_.timeout)));
    });
  }
  return call;
}

std::shared_ptr<ClientCall> ClientCall::Unary(Upstreams* upstreams, Options options,
                                              std::string message, Done done) {
  auto call = Start(upstreams, std::move(options), std::move(done));
  call->Send(Slice::Take(FrameHead(message.size())));
  call->Send(Slice::Take(std::move(message)));
  call->SendEnd();
  return call;
}

void ClientCall::Send(Slice slice) {
  if (stream_) stream_->SendData(std::move(slice));
}

void ClientCall::SendEnd() {
  if (stream_) stream_->SendEnd();
}

void ClientCall::Cancel() {
  done_ = nullptr;
  Finish(absl::CancelledError());
}

void ClientCall::OnHeaders(Headers headers, bool) { head_ = std::move(headers); }

void ClientCall::OnData(Slice slice) {
  if (!stream_) return;
  std::string_view bytes = slice.view();
  while (!bytes.empty()) {
    auto message = reader_.Next(&bytes);
    if (!message.ok()) return Finish(message.status());
    if (!*message) continue;
    if (answer_) return Finish(InternalError("more than one answer"));
    answer_ = std::move(**message);
  }
  stream_->Consume(slice.size);
}

void ClientCall::OnEnd(Headers trailers) {
  absl::Status status = StatusOf(head_, trailers);
  if (!status.ok()) return Finish(status);
  if (!answer_) return Finish(InternalError("the call ended without an answer"));
  Finish(*std::move(answer_));
}

void ClientCall::OnSent(size_t bytes) {
  anything_sent_ = true;
  if (options_.on_sent && stream_) options_.on_sent(bytes);
}

void ClientCall::OnClosed(const absl::Status& why) {
  may_be_done_ = stream_ && stream_->end_sent() && !absl::IsAborted(why);
  stream_ = nullptr;
  Finish(why.ok() ? UnavailableError("{} ended the call early", options_.address.ToString())
         : absl::IsAborted(why) ? UnavailableError("{}", Message(why))
                                : why);
}

void ClientCall::Finish(absl::StatusOr<std::string> answer) {
  auto self = shared_from_this();
  loop_->Cancel(std::exchange(timer_, 0));
  options_.on_sent = nullptr;
  if (stream_) {
    may_be_done_ = stream_->end_sent();
    bool over = stream_->end_sent() && stream_->end_received();
    if (over) {
      stream_->SetHandler(nullptr);
    } else {
      stream_->Reset(stream_->end_received() ? kNoError : kCancel);
    }
    stream_ = nullptr;
  }
  if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
}

}  // namespace fate::relay
