#include "relay/forward.h"

#include <algorithm>
#include <memory>
#include <optional>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"

namespace fate::relay {
namespace {

constexpr char kHops[] = "x-fate-hops";

// A pair of streams. Each side's handler shares the ownership of the pair; a side's stream is
// null once it is over.
class Pair final : public std::enable_shared_from_this<Pair> {
 public:
  Pair(Upstreams* upstreams, Stream* downstream, ForwardTarget target,
       std::function<void(const ForwardResult&)> done)
      : upstreams_(upstreams),
        loop_(&upstreams->loop()),
        down_(downstream),
        target_(std::move(target)),
        done_(std::move(done)),
        start_(loop_->Now()) {}

  void Start(Headers head, std::vector<Slice> first, bool ended) {
    down_->SetHandler({shared_from_this(), &down_side_});
    if (auto counted = CountHop(&head); !counted.ok()) return Fail(counted);
    if (!Find(head, ":authority").empty()) head.Set(":authority", target_.text->authority);
    head_ = std::move(head);
    OpenUpstream();
    for (Slice& slice : first) OnRequestData(std::move(slice));
    if (ended) OnRequestEnd();
    if (auto timeout = ParseTimeout(Find(head_, "grpc-timeout"))) {
      deadline_ = start_ + *timeout;
      timer_ = loop_->At(*deadline_, [weak = weak_from_this()] {
        if (auto self = weak.lock()) self->Fail(absl::OkStatus());
      });
    }
  }

 private:
  struct DownSide final : StreamHandler {
    explicit DownSide(Pair* pair) : pair(pair) {}
    void OnData(Slice slice) override { pair->OnRequestData(std::move(slice)); }
    void OnEnd(Headers) override { pair->OnRequestEnd(); }
    void OnSent(size_t bytes) override {
      if (pair->up_) pair->up_->Consume(bytes);
    }
    void OnClosed(const absl::Status& why) override { pair->OnClientClosed(why); }
    Pair* pair;
  };
  struct UpSide final : StreamHandler {
    explicit UpSide(Pair* pair) : pair(pair) {}
    void OnHeaders(Headers headers, bool end) override {
      pair->OnResponseHead(std::move(headers), end);
    }
    void OnData(Slice slice) override { pair->OnResponseData(std::move(slice)); }
    void OnEnd(Headers trailers) override { pair->OnResponseEnd(std::move(trailers)); }
    void OnSent(size_t bytes) override { pair->OnRequestSent(bytes); }
    void OnClosed(const absl::Status& why) override { pair->OnPeerClosed(why); }
    Pair* pair;
  };

  void OpenUpstream() {
    up_ = upstreams_->Open({target_.address, target_.tls}, target_.lane, head_, /*end=*/false,
                           {shared_from_this(), &up_side_});
  }

  void OnRequestData(Slice slice) {
    if (!up_) return;
    result_.request_bytes += slice.size;
    if (!anything_sent_) unsent_.push_back(slice);
    up_->SendData(std::move(slice));
  }

  void OnRequestEnd() {
    request_ended_ = true;
    if (up_) up_->SendEnd();
  }

  void OnRequestSent(size_t bytes) {
    anything_sent_ = true;
    unsent_.clear();
    if (down_) down_->Consume(bytes);
  }

  void OnResponseHead(Headers headers, bool end) {
    if (!down_) return;
    head_sent_ = true;
    if (end) result_.status = StatusOf(headers, {});
    down_->SendHeaders(headers, end);
    response_head_ = std::move(headers);
  }

  void OnResponseData(Slice slice) {
    if (!down_) return;
    result_.response_bytes += slice.size;
    down_->SendData(std::move(slice));
  }

  void OnResponseEnd(Headers trailers) {
    if (!down_) return;
    result_.status = StatusOf(response_head_, trailers);
    down_->SendEnd(std::move(trailers));
    response_ended_ = true;
    Finish();
    // Data may still wait to go down, so the upstream's window is no longer of interest.
    if (!request_ended_) CloseUpstream(kNoError);
  }

  void OnClientClosed(const absl::Status& why) {
    down_ = nullptr;
    if (result_.status.ok() && !response_ended_) {
      result_.status = why.ok() ? CancelledError("the client left") : why;
    }
    CloseUpstream(kCancel);
    Finish();
  }

  void OnPeerClosed(const absl::Status& why) {
    up_ = nullptr;
    if (response_ended_ || !down_) return;
    if (absl::IsAborted(why) && !anything_sent_ && !retried_) return Retry();
    Fail(why.ok() ? UnavailableError("{} ended the call early", target_.text->authority) : why);
  }

  // The peer was going away and has not looked at the call: once more on a new connection.
  void Retry() {
    retried_ = true;
    OpenUpstream();
    for (const Slice& slice : unsent_) up_->SendData(slice);
    if (request_ended_) up_->SendEnd();
  }

  // Ends the call here; OK stands for the deadline.
  void Fail(absl::Status why) {
    bool late = deadline_ && loop_->Now() >= *deadline_;
    if (late || why.ok()) {
      why = DeadlineExceededError("{} gave no answer before the caller's deadline",
                                  target_.text->peer);
    } else if (absl::IsAborted(why) || absl::IsUnavailable(why)) {
      why = UnavailableError("{}: {}{}{}", target_.text->peer, Message(why),
                             target_.text->remedy.empty() ? "" : "; ", target_.text->remedy);
    }
    CloseUpstream(kCancel);
    result_.status = why;
    response_ended_ = true;
    if (down_) SendStatus(down_, head_sent_, why);
    Finish();
  }

  void CloseUpstream(uint32_t error_code) {
    if (up_) std::exchange(up_, nullptr)->Reset(error_code);
  }

  void Finish() {
    loop_->Cancel(std::exchange(timer_, 0));
    auto done = std::exchange(done_, nullptr);
    if (!done) return;
    result_.time = loop_->Now() - start_;
    done(result_);
  }

  Upstreams* const upstreams_;
  EventLoop* const loop_;
  Stream* down_;
  Stream* up_ = nullptr;
  const ForwardTarget target_;
  std::function<void(const ForwardResult&)> done_;
  const absl::Time start_;
  DownSide down_side_{this};
  UpSide up_side_{this};
  Headers head_, response_head_;
  std::vector<Slice> unsent_;  // what a retry would have to send again
  std::optional<absl::Time> deadline_;
  EventLoop::TimerId timer_ = 0;
  bool request_ended_ = false, head_sent_ = false, response_ended_ = false;
  bool anything_sent_ = false, retried_ = false;
  ForwardResult result_;
};

}  // namespace

absl::Status CountHop(Headers* head) {
  const std::string_view passed = Find(*head, kHops);
  const int hops = passed.empty() ? 1 : ParseInt<int>(passed).value_or(kMaxRelayHops) + 1;
  if (hops > kMaxRelayHops) {
    return FailedPreconditionError(
        "the call has passed {} gateways: the route tables lead it round in a circle",
        kMaxRelayHops);
  }
  head->Set(kHops, std::to_string(hops));
  return absl::OkStatus();
}

void Forward(Upstreams* upstreams, Stream* downstream, Headers head, std::vector<Slice> first,
             bool ended, ForwardTarget target, std::function<void(const ForwardResult&)> done) {
  std::make_shared<Pair>(upstreams, downstream, std::move(target), std::move(done))
      ->Start(std::move(head), std::move(first), ended);
}

}  // namespace fate::relay
