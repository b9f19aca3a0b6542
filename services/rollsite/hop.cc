#include "rollsite/hop.h"

#include <algorithm>

#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "osx/osx.pb.h"
#include "queue_client/metadata.h"
#include "relay/grpc_wire.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {
namespace {

// A gateway that is killed is started again within this.
constexpr absl::Duration kPatience = absl::Seconds(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Seconds(1);
constexpr absl::Duration kQueryTimeout = absl::Seconds(5);

void CountRecovery(const char* outcome) {
  static auto& family = prometheus::BuildCounter()
                            .Name("rollsite_hop_recoveries_total")
                            .Help(
                                "Queue pushes whose answer was lost on the way, by what became "
                                "of them")
                            .Register(Metrics());
  family.Add({{"outcome", outcome}}).Increment();
}

}  // namespace

std::shared_ptr<Hop> Hop::Start(Gateway* gateway, Target target, Options options, Done done) {
  std::shared_ptr<Hop> hop(
      new Hop(gateway, std::move(target), std::move(options), std::move(done)));
  hop->Attempt();
  return hop;
}

Hop::Hop(Gateway* gateway, Target target, Options options, Done done)
    : gateway_(gateway),
      target_(std::move(target)),
      options_(std::move(options)),
      done_(std::move(done)),
      pause_(kFirstPause) {
  if (target_.polls || target_.is_http) {
    step_ = gateway_->carried_calls()->CarryStep({.host = gateway_->own_address().host});
  }
  Number(&options_.metadata);
  keeps_ = gateway_->hop_kept_bytes() + options_.bytes <= gateway_->config().queues.kept_bytes;
  if (keeps_) gateway_->hop_kept_bytes() += options_.bytes;
}

Hop::~Hop() { Drop(); }

void Hop::Drop() {
  gateway_->loop().Cancel(std::exchange(timer_, 0));
  if (std::exchange(keeps_, false)) gateway_->hop_kept_bytes() -= options_.bytes;
  kept_ = {};
}

void Hop::Send(relay::Slice slice) {
  received_ += slice.size;
  if (keeps_) kept_.Append(slice, options_.bytes - std::min(received_, options_.bytes));
  if (call_) call_->Send(std::move(slice));
}

void Hop::SendEnd() {
  ended_ = true;
  if (call_) call_->SendEnd();
}

void Hop::Cancel() {
  done_ = nullptr;
  if (auto call = std::exchange(call_, nullptr)) call->Cancel();
  Drop();
}

void Hop::Attempt() {
  relay::ClientCall::Options options{.address = target_.address,
                                     .lane = relay::Lane::kBulk,
                                     .path = kInvokePath,
                                     .more_metadata = &options_.metadata,
                                     .timeout = TimeLeft(),
                                     .tls = target_.tls,
                                     .on_sent = [weak = weak_from_this()](size_t bytes) {
                                       if (auto self = weak.lock()) self->options_.on_sent(bytes);
                                     }};
  call_ = relay::ClientCall::Start(gateway_->upstreams(), std::move(options),
                                   [weak = weak_from_this()](absl::StatusOr<std::string> answer) {
                                     if (auto self = weak.lock()) self->OnAnswer(std::move(answer));
                                   });
  std::string wrapper = "\x12";
  AppendVarint(&wrapper, options_.bytes);
  call_->Send(relay::Slice::Take(relay::FrameHead(wrapper.size() + options_.bytes) + wrapper));
  for (const relay::Slice& piece : kept_.pieces()) call_->Send(piece);
  if (ended_) call_->SendEnd();
}

void Hop::OnAnswer(absl::StatusOr<std::string> answer) {
  if (!answer.ok()) {
    if (absl::IsUnavailable(answer.status())) return OnLost(answer.status());
    return Finish(answer.status());
  }
  org::ppc::ptp::Outbound outbound;
  if (!outbound.ParseFromString(*answer)) {
    return Finish(UnavailableError("the answer is no Outbound"));
  }
  bool numbered = !relay::Find(call_->head(), queue_client::kSequenceHeader).empty();
  if (repeats_) CountRecovery("repeated");
  Finish(HopAnswer{outbound.code(), outbound.message(), numbered});
}

void Hop::OnLost(const absl::Status& why) {
  bool in_doubt = call_->may_be_done();
  bool unreachable = !call_->anything_sent() && !repeats_;
  if (unreachable || (!in_doubt && !keeps_)) return Finish(why);
  Pause(why, /*ask=*/in_doubt);
}

void Hop::Pause(const absl::Status& why, bool ask) {
  const absl::Time now = gateway_->loop().Now();
  if (!std::exchange(repeats_, true)) {
    give_up_ = std::min(options_.deadline, now + kPatience);
    lost_ = why;
  }
  call_ = nullptr;
  if (now + pause_ >= give_up_) {
    CountRecovery("given up");
    const char* doubt = ask ? "; whether the message was stored is not known" : "";
    return Finish(UnavailableError("{}{}", Message(why), doubt));
  }
  timer_ = gateway_->loop().After(pause_, [this, ask] {
    timer_ = 0;
    ask ? Ask() : Attempt();
  });
  pause_ = std::min(pause_ * 2, kLongestPause);
}

// The answer is lost, not necessarily the message.
void Hop::Ask() {
  PtpContext context = PtpContext::Read(options_.metadata);
  const relay::Headers query = context.Emit(queue_client::kQueryPath);
  relay::Headers metadata;
  Number(&metadata);
  // Nobody will push it under this number again: if it is still on its way, it comes too late.
  if (!keeps_ && options_.own_number) metadata.push_back({queue_client::kCloseHeader, "1"});
  org::ppc::ptp::PushInbound push;
  push.set_topic(options_.topic);
  org::ppc::ptp::Inbound inbound;
  inbound.set_payload(push.SerializeAsString());
  call_ = relay::ClientCall::Unary(gateway_->upstreams(),
                                   {.address = target_.address,
                                    .lane = relay::Lane::kBulk,
                                    .path = kInvokePath,
                                    .metadata = std::move(metadata),
                                    .more_metadata = &query,
                                    .timeout = std::min(TimeLeft(), kQueryTimeout),
                                    .tls = target_.tls},
                                   inbound.SerializeAsString(),
                                   [weak = weak_from_this()](absl::StatusOr<std::string> answer) {
                                     if (auto self = weak.lock())
                                       self->OnOutcome(std::move(answer));
                                   });
}

void Hop::OnOutcome(absl::StatusOr<std::string> answer) {
  const absl::Status& status = answer.status();
  if (absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status)) return Pause(status, true);
  org::ppc::ptp::Outbound outbound;
  bool known = answer.ok() && outbound.ParseFromString(*answer) &&
               outbound.code() == transfer_queue::kSuccess;
  if (known && outbound.message() == "stored") {
    CountRecovery("stored");
    return Finish(HopAnswer{std::string(transfer_queue::kSuccess), "success", true});
  }
  if (known && outbound.message() == "absent") {
    if (keeps_) return Attempt();
    CountRecovery("failed");
    return Finish(
        UnavailableError("{}; the message was not stored, push it again", Message(lost_)));
  }
  CountRecovery("failed");
  Finish(
      UnavailableError("{}; whether the message was stored is not known, and the receiver does "
                       "not tell",
                       Message(lost_)));
}

// What this gateway adds to the push's metadata.
void Hop::Number(relay::Headers* metadata) const {
  const std::string sequence = std::to_string(options_.producer.sequence);
  metadata->push_back({queue_client::kProducerHeader, options_.producer.id});
  metadata->push_back({queue_client::kSequenceHeader, sequence});
  if (step_) metadata->push_back(step_->header());
}

absl::Duration Hop::TimeLeft() const {
  if (options_.deadline == absl::InfiniteFuture()) return absl::InfiniteDuration();
  return std::max(options_.deadline - gateway_->loop().Now(), absl::Milliseconds(1));
}

void Hop::Finish(absl::StatusOr<HopAnswer> result) {
  auto self = shared_from_this();
  Drop();
  call_ = nullptr;
  if (auto done = std::exchange(done_, nullptr)) done(std::move(result));
}

}  // namespace fate::rollsite
