#include "rollsite/queue_service.h"

#include "base/status.h"
#include "base/text.h"
#include "osx/osx.pb.h"

namespace fate::rollsite {
namespace {

using transfer_queue::Answer;
using transfer_queue::Event;

std::string_view Name(Event::Kind method) {
  switch (method) {
    case Event::Kind::kPush:
      return "queue_push";
    case Event::Kind::kPop:
      return "queue_pop";
    case Event::Kind::kPeek:
      return "queue_peek";
    default:
      return "queue_release";
  }
}

bool ParsePush(const std::string& message, Event* event) {
  org::ppc::ptp::PushInbound push;
  if (!push.ParseFromString(message)) return false;
  event->topic = std::move(*push.mutable_topic());
  event->payload = std::move(*push.mutable_payload());
  return true;
}

bool ParseMessage(const std::string& message, Event* event) {
  if (event->kind == Event::Kind::kPush) return ParsePush(message, event);
  if (event->kind == Event::Kind::kPop) {
    org::ppc::ptp::PopInbound pop;
    if (!pop.ParseFromString(message)) return false;
    event->topic = pop.topic();
    event->wait = absl::Milliseconds(pop.timeout());
    return true;
  }
  if (event->kind == Event::Kind::kPeek) {
    org::ppc::ptp::PeekInbound peek;
    if (!peek.ParseFromString(message)) return false;
    event->topic = peek.topic();
    return true;
  }
  org::ppc::ptp::ReleaseInbound release;
  if (!release.ParseFromString(message)) return false;
  event->topic = release.topic();
  return true;
}

}  // namespace

QueueService::~QueueService() { gateway_->loop().Cancel(timer_); }

void QueueService::Serve(Method method, relay::Stream* stream, relay::Headers head) {
  relay::UnaryCall::Serve(stream, std::move(head), gateway_->collected(),
                          [this, method](const CallPtr& call) { Handle(method, call); });
}

void QueueService::ServeInvoke(relay::Stream* stream, relay::Headers head) {
  relay::UnaryCall::Serve(
      stream, std::move(head), gateway_->collected(),
      [this, peer = stream->peer()](const CallPtr& call) { HandleInvoke(peer, call); });
}

void QueueService::Handle(Method method, const CallPtr& call) {
  PtpContext context = PtpContext::Read(call->head());
  Event event{.kind = method, .session = context.session};
  if (!ParseMessage(call->TakeMessage(), &event)) {
    return call->Fail(InvalidArgumentError("the message of {} is damaged", Name(method)));
  }
  Step(std::move(event), call, gateway_->config().strict_codes);
}

void QueueService::HandleInvoke(const relay::Peer& peer, const CallPtr& call) {
  PtpContext context = PtpContext::Read(call->head());
  std::string self = gateway_->SelfName(context.Target());
  std::string_view path = context.UriPath();
  if (path != kPushPath && path != "/v1/interconn/chan/push") {
    const std::string text = PartyText(
        self,
        fmt::format("uri {} cannot be invoked here; only {} can", Escape(context.uri), kPushPath));
    CountCall("invoke", FailureOf(transfer_queue::kParameterError, text));
    return call->Answer(EncodeOutbound(transfer_queue::kParameterError, text));
  }
  org::ppc::ptp::Inbound inbound;
  Event event{.kind = Event::Kind::kPush, .session = context.session};
  if (!inbound.ParseFromString(call->TakeMessage()) || !ParsePush(inbound.payload(), &event)) {
    return call->Fail(InvalidArgumentError("the payload of the invoke is no PushInbound"));
  }
  // FATE's topics name their sender; a party must not write into another's.
  const std::string_view sender = SenderOfTopic(event.session, event.topic);
  if (auto source = gateway_->Source(peer, sender); !sender.empty() && !source.ok()) {
    CountCall("invoke", source.status());
    return call->Fail(source.status());
  }
  Step(std::move(event), call, /*in_band=*/true);
}

void QueueService::Step(Event event, const CallPtr& call, bool in_band) {
  event.call = ++last_call_;
  uint64_t id = event.call;
  if (event.kind == Event::Kind::kPush) CountBytes(event.payload.size(), 0);
  waiting_[id] = {call, gateway_->SelfName(PtpContext::Read(call->head()).Target()),
                  std::string(Name(event.kind)), in_band};
  bool may_wait = event.kind == Event::Kind::kPop;
  Give(queues_.Step(std::move(event), gateway_->loop().Now()));
  if (may_wait && waiting_.count(id)) {
    call->OnCancel([this, id] {
      waiting_.erase(id);
      Give(queues_.Step({.kind = Event::Kind::kCancel, .call = id}, gateway_->loop().Now()));
    });
  }
}

// Success and expiry are bare texts; other codes name the party that speaks (spec 5.8).
void QueueService::Give(std::vector<Answer> answers) {
  for (Answer& answer : answers) {
    auto node = waiting_.extract(answer.call);
    if (node.empty()) continue;
    const Waiting& waiting = node.mapped();
    if (!answer.failure.ok()) {
      absl::Status status =
          Annotate(answer.failure, fmt::format("code {}: PARTY_{}", answer.code, waiting.self));
      CountCall(waiting.method, status);
      waiting.call->Fail(status);
      continue;
    }
    if (answer.code != transfer_queue::kSuccess && answer.code != transfer_queue::kTimeOut) {
      GiveFailure(waiting, answer.code, PartyText(waiting.self, answer.message));
      continue;
    }
    CountCall(waiting.method, absl::OkStatus());
    CountBytes(0, answer.payload.size());
    waiting.call->Answer(EncodeOutbound(answer.code, answer.message, std::move(answer.payload)));
  }
  SetTimer();
}

void QueueService::GiveFailure(const Waiting& waiting, std::string_view code,
                               const std::string& text) {
  const absl::Status failure = FailureOf(code, text);
  CountCall(waiting.method, failure);
  waiting.in_band ? waiting.call->Answer(EncodeOutbound(code, text)) : waiting.call->Fail(failure);
}

void QueueService::SetTimer() {
  absl::Time next = queues_.NextDeadline();
  if (next == timer_time_) return;
  gateway_->loop().Cancel(timer_);
  timer_time_ = next;
  if (next == absl::InfiniteFuture()) return;
  timer_ = gateway_->loop().At(next, [this] {
    timer_time_ = absl::InfiniteFuture();
    Give(queues_.Step({.kind = Event::Kind::kTick}, gateway_->loop().Now()));
  });
}

void QueueService::Stop() {
  auto waiting = std::exchange(waiting_, {});
  for (auto& [id, entry] : waiting) {
    entry.call->OnCancel(nullptr);
    entry.call->Fail(UnavailableError("rollsite of party {} is stopping", entry.self));
    Give(queues_.Step({.kind = Event::Kind::kCancel, .call = id}, gateway_->loop().Now()));
  }
}

}  // namespace fate::rollsite
