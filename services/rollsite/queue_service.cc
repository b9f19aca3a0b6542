#include "rollsite/queue_service.h"

#include <random>

#include "base/log.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "osx/osx.pb.h"
#include "rollsite/queue_messages.h"

namespace fate::rollsite {
namespace {

using queue_client::kOffsetHeader;
using queue_client::kProducerHeader;
using queue_client::kQueryPath;
using queue_client::kSequenceHeader;
using transfer_queue::Answer;
using transfer_queue::Event;

// Where this run's queues are numbered from: ids of another run's messages must not fit.
uint64_t RandomQueue() {
  std::random_device random;
  return (uint64_t{random()} << 31 | random()) + 1;
}

// To whose quota a push counts.
std::string PartyOf(const PtpContext& context) {
  return PartyId::Parse(context.Source()).ok() ? std::string(context.Source()) : "";
}

absl::StatusOr<Event> PushEvent(const relay::Headers& head, const Rope& message) {
  PtpContext context = PtpContext::Read(head);
  ASSIGN_OR_RETURN(QueueMetadata metadata, QueueMetadata::Read(head));
  transfer_queue::Push push{.session = std::string(context.session),
                            .party = PartyOf(context),
                            .producer = std::move(metadata.producer),
                            .durable = metadata.durable};
  if (!ParsePush(message, &push.topic, &push.payload)) {
    return InvalidArgumentError("the message of a queue push is damaged");
  }
  CountBytes(push.payload.size(), 0);
  return push;
}

absl::StatusOr<Event> PopEvent(const relay::Headers& head, std::string topic, absl::Duration wait,
                               bool waits) {
  ASSIGN_OR_RETURN(QueueMetadata metadata, QueueMetadata::Read(head));
  return transfer_queue::Pop{.session = std::string(PtpContext::Read(head).session),
                             .topic = std::move(topic),
                             .wait = wait,
                             .waits = waits,
                             .consumer = std::move(metadata.consumer),
                             .acknowledged = metadata.acknowledged,
                             .only_acknowledges = metadata.only_acknowledges};
}

absl::StatusOr<Event> QueryEvent(const relay::Headers& head, const Rope& message) {
  ASSIGN_OR_RETURN(QueueMetadata metadata, QueueMetadata::Read(head));
  transfer_queue::Query query{.session = std::string(PtpContext::Read(head).session),
                              .producer = std::move(metadata.producer),
                              .refuse_later = metadata.refuse_later};
  Rope payload;
  if (!ParsePush(message, &query.topic, &payload) || query.producer.id.empty()) {
    return InvalidArgumentError("a query about a push needs its topic, {} and {}", kProducerHeader,
                                kSequenceHeader);
  }
  return query;
}

absl::StatusOr<Event> ReleaseEvent(const relay::Headers& head, const std::string& message) {
  org::ppc::ptp::ReleaseInbound release;
  if (!release.ParseFromString(message)) {
    return InvalidArgumentError("the message of a release is damaged");
  }
  return transfer_queue::Release{.session = std::string(PtpContext::Read(head).session),
                                 .topic = release.topic()};
}

absl::StatusOr<Event> Parse(QueueService::Method method, const relay::Headers& head, Rope message) {
  using Method = QueueService::Method;
  switch (method) {
    case Method::kPush:
      return PushEvent(head, message);
    case Method::kRelease:
      return ReleaseEvent(head, message.ToString());
    case Method::kPop: {
      org::ppc::ptp::PopInbound pop;
      if (!pop.ParseFromString(message.ToString())) break;
      return PopEvent(head, pop.topic(), absl::Milliseconds(pop.timeout()), true);
    }
    case Method::kPeek: {
      org::ppc::ptp::PeekInbound peek;
      if (!peek.ParseFromString(message.ToString())) break;
      return PopEvent(head, peek.topic(), absl::ZeroDuration(), false);
    }
  }
  return InvalidArgumentError("the message of a pop or peek is damaged");
}

// The party that the topic names as the sender, "" if none.
std::string_view SenderOf(const Event& event) {
  if (auto* push = std::get_if<transfer_queue::Push>(&event)) {
    return SenderOfTopic(push->session, push->topic);
  }
  if (auto* query = std::get_if<transfer_queue::Query>(&event)) {
    return SenderOfTopic(query->session, query->topic);
  }
  return "";
}

const char* Name(QueueService::Method method) {
  static constexpr const char* kNames[] = {"queue_push", "queue_pop", "queue_peek",
                                           "queue_release"};
  return kNames[static_cast<int>(method)];
}

// Answers a gRPC call. Success and expiry are bare texts; other codes name the party that speaks
// (spec 5.8).
struct Responder {
  QueueService* service;
  QueueService::CallPtr call;
  std::string self;
  const char* method;
  bool in_band;
  std::string sequence;  // of a push by a known producer

  void operator()(const Answer& answer) const {
    absl::Status failure = answer.failure;
    if (!failure.ok() && !answer.code.empty()) {
      failure = Annotate(failure, fmt::format("code {}: PARTY_{}", answer.code, self));
    } else if (failure.ok() && answer.code != transfer_queue::kSuccess &&
               answer.code != transfer_queue::kTimeOut) {
      const std::string text = PartyText(self, answer.message);
      failure = FailureOf(answer.code, text);
      if (in_band) {
        CountCall(method, failure);
        return call->Answer(EncodeOutbound(answer.code, text));
      }
    }
    CountCall(method, failure);
    if (!failure.ok()) return call->Fail(failure);
    auto message = EncodeOutbound(answer.code, answer.message, answer.payload);
    if (answer.delivers.queue != 0) return Deliver(answer, std::move(message));
    call->Answer(std::move(message), Metadata());
  }

  void Deliver(const Answer& answer, std::vector<relay::Slice> message) const {
    CountBytes(0, answer.payload.size());
    call->Answer(
        std::move(message), {{kOffsetHeader, queue_client::MessageIdText(answer.delivers)}},
        [service = service, id = answer.call](bool written) { service->Delivered(id, written); });
  }

  relay::Headers Metadata() const {
    if (sequence.empty()) return {};
    return {{kSequenceHeader, sequence}};
  }
};

}  // namespace

QueueService::QueueService(Gateway* gateway)
    : gateway_(gateway), queues_(gateway->config().queues.limits, RandomQueue()) {
  const QueueSettings& settings = gateway->config().queues;
  if (settings.limits.disk_bytes == 0) return;
  store_ = std::make_unique<queue_store::QueueStore>(
      settings.folder,
      [this, mailbox = gateway->loop().mailbox()](queue_store::QueueStore::Outcomes outcomes) {
        auto shared = std::make_shared<queue_store::QueueStore::Outcomes>(std::move(outcomes));
        mailbox->Post([this, shared] { OnStore(std::move(*shared)); });
      });
}

QueueService::~QueueService() {
  gateway_->loop().Cancel(timer_);
  store_.reset();
}

absl::Status QueueService::Restore() {
  if (!store_ || !(store_->exists() || gateway_->config().queues.limits.durable)) {
    return absl::OkStatus();
  }
  ASSIGN_OR_RETURN(auto recovered, store_->Recover());
  size_t messages = 0, queues = 0;
  for (const auto& queue : recovered) messages += queue.messages.size(), queues += !queue.released;
  if (queues > 0) {
    log::Info("{} durable queues with {} messages are restored from {}", queues, messages,
              gateway_->config().queues.folder);
  }
  queues_.Restore(std::move(recovered), gateway_->loop().Now());
  SetTimer();
  return absl::OkStatus();
}

void QueueService::Serve(Method method, relay::Stream* stream, relay::Headers head) {
  relay::UnaryCall::Serve(stream, std::move(head), gateway_->collected(),
                          [this, method](const CallPtr& call) { Handle(method, call); });
}

void QueueService::ServeInvoke(const relay::Peer& caller, relay::Stream* stream,
                               relay::Headers head) {
  relay::UnaryCall::Serve(stream, std::move(head), gateway_->collected(),
                          [this, caller](const CallPtr& call) { HandleInvoke(caller, call); });
}

void QueueService::Handle(Method method, const CallPtr& call) {
  auto event = Parse(method, call->head(), call->TakeRope());
  if (!event.ok()) {
    CountCall(Name(method), event.status());
    return call->Fail(event.status());
  }
  Ask(*std::move(event), Name(method), call, gateway_->config().strict_codes);
}

void QueueService::HandleInvoke(const relay::Peer& peer, const CallPtr& call) {
  PtpContext context = PtpContext::Read(call->head());
  std::string self = gateway_->SelfName(context.Target());
  std::string_view path = context.UriPath();
  bool asks = path == kQueryPath;
  if (!asks && path != kPushPath && path != "/v1/interconn/chan/push") {
    const std::string text = PartyText(
        self,
        fmt::format("uri {} cannot be invoked here; only {} can", Escape(context.uri), kPushPath));
    CountCall("invoke", FailureOf(transfer_queue::kParameterError, text));
    return call->Answer(EncodeOutbound(transfer_queue::kParameterError, text));
  }
  Rope payload;
  if (!ParseInbound(call->TakeRope(), &payload)) {
    return call->Fail(InvalidArgumentError("the message of the invoke is damaged"));
  }
  auto event = asks ? QueryEvent(call->head(), payload) : PushEvent(call->head(), payload);
  if (!event.ok()) return call->Fail(event.status());
  // FATE's topics name their sender; a party must not write into another's.
  const std::string_view sender = SenderOf(*event);
  if (auto source = gateway_->Source(peer, sender); !sender.empty() && !source.ok()) {
    CountCall("invoke", source.status());
    return call->Fail(source.status());
  }
  Ask(*std::move(event), asks ? "queue_query" : "queue_push", call, /*in_band=*/true);
}

void QueueService::Ask(Event event, const char* method, const CallPtr& call, bool in_band) {
  Responder responder{
      .service = this,
      .call = call,
      .self = gateway_->SelfName(PtpContext::Read(call->head()).Target()),
      .method = method,
      .in_band = in_band,
      .sequence = std::string(relay::Find(call->head(), kSequenceHeader)).substr(0, 20)};
  uint64_t id = Ask(std::move(event), std::move(responder));
  if (waiting_.count(id)) call->OnCancel([this, id] { Leave(id); });
}

uint64_t QueueService::Ask(Event event, Respond respond) {
  uint64_t id = ++last_call_;
  // One that was on its way when the others ended.
  if (stopping_ && std::holds_alternative<transfer_queue::Pop>(event)) {
    respond({.call = id, .failure = Stopping()});
    return id;
  }
  std::visit(
      [id](auto& what) {
        if constexpr (requires { what.call; }) what.call = id;
      },
      event);
  if (auto* release = std::get_if<transfer_queue::Release>(&event)) {
    gateway_->hop_numbers()->Forget(release->session, release->topic);
  }
  waiting_[id] = {std::move(respond), std::holds_alternative<transfer_queue::Pop>(event)};
  Step(std::move(event));
  return id;
}

void QueueService::Delivered(uint64_t call, bool written) {
  Step(transfer_queue::Delivered{call, written});
}

void QueueService::Leave(uint64_t call) {
  waiting_.erase(call);
  Step(transfer_queue::Cancel{call});
}

void QueueService::Step(Event event) {
  auto actions = queues_.Step(std::move(event), gateway_->loop().Now());
  if (!actions.commands.empty()) store_->Submit(std::move(actions.commands));
  if (actions.over_quota > 0) CountQuotaRefusal("queue.bytes");
  for (const std::string& warning : actions.warnings) log::Warning("{}", warning);
  for (Answer& answer : actions.answers) {
    auto node = waiting_.extract(answer.call);
    if (!node.empty()) {
      node.mapped().respond(std::move(answer));
    } else if (answer.delivers.queue != 0) {
      Step(transfer_queue::Delivered{answer.call, false});
    }
  }
  SetTimer();
}

void QueueService::OnStore(queue_store::QueueStore::Outcomes outcomes) {
  for (Event& outcome : outcomes) Step(std::move(outcome));
}

void QueueService::SetTimer() {
  absl::Time next = queues_.NextDeadline();
  if (next == timer_time_) return;
  gateway_->loop().Cancel(timer_);
  timer_time_ = next;
  if (next == absl::InfiniteFuture()) return;
  timer_ = gateway_->loop().At(next, [this] {
    timer_time_ = absl::InfiniteFuture();
    Step(transfer_queue::Tick{});
  });
}

absl::Status QueueService::Stopping() const {
  return UnavailableError("rollsite of party {} is stopping", gateway_->SelfName(""));
}

void QueueService::Stop() {
  stopping_ = true;
  std::vector<uint64_t> pops;
  for (const auto& [id, waiting] : waiting_) {
    if (waiting.is_pop) pops.push_back(id);
  }
  for (uint64_t id : pops) {
    auto node = waiting_.extract(id);
    if (node.empty()) continue;
    Step(transfer_queue::Cancel{id});
    node.mapped().respond({.call = id, .failure = Stopping()});
  }
}

}  // namespace fate::rollsite
