#include "rollsite/calls.h"

#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/call_meter.h"
#include "rollsite/packet_dispatch.h"
#include "rollsite/polling_frames.h"
#include "rollsite/ptp.h"
#include "rollsite/push_onward.h"

namespace fate::rollsite {
namespace {

using Method = QueueService::Method;

constexpr absl::Duration kBetweenLines = absl::Seconds(10);
constexpr std::string_view kPtpServices = "/org.ppc.ptp.";

// One service under the names of eggroll 2.x and of FATE 1.0 to 1.3 (spec/rollsite.md 2.2, 2.3):
// the messages are the same bytes. What is passed on keeps its name.
constexpr std::string_view kTransferServices[] = {
    "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/",
    "/com.webank.ai.fate.api.networking.proxy.DataTransferService/"};
constexpr std::string_view kIntrospection[] = {"/grpc.health.v1.Health/",
                                               "/grpc.reflection.v1alpha.ServerReflection/"};

constexpr std::string_view kHealthCheck = "/grpc.health.v1.Health/Check";

bool IsIntrospection(std::string_view path) {
  for (std::string_view prefix : kIntrospection) {
    if (path.starts_with(prefix)) return true;
  }
  return false;
}

void AnswerNotServing(Gateway* gateway, relay::Stream* stream, relay::Headers head) {
  relay::UnaryCall::Serve(stream, std::move(head), gateway->collected(),
                          [](const QueueService::CallPtr& call) {
                            // HealthCheckResponse{status = NOT_SERVING}
                            call->Answer(std::string("\x08\x02"));
                          });
}

// The name under which a call is recorded.
std::string_view NameOf(std::string_view path) {
  constexpr std::string_view kNames[][2] = {
      {"Transport/push", "queue_push"},   {"Transport/pop", "queue_pop"},
      {"Transport/peek", "queue_peek"},   {"Transport/release", "queue_release"},
      {"Protocol/invoke", "invoke"},      {"Service/push", "push"},
      {"Service/unaryCall", "unaryCall"}, {"Service/polling", "polling"}};
  for (const auto& [end, name] : kNames) {
    if (path.ends_with(end)) return name;
  }
  return "unknown";
}

// spec/rollsite.md 3: the one metadata key without which nothing works.
bool LacksProvider(relay::Stream* stream, const PtpContext& context) {
  if (!context.tech_provider.empty()) return false;
  Refuse("queue", stream,
         InternalError("techProviderCode is null; send x-ptp-tech-provider-code: FATE"));
  return true;
}

// It must not leave this process.
relay::Headers WithoutTicket(const relay::Headers& head) {
  relay::Headers rest;
  for (const relay::Header& header : head) {
    if (header.name != kCarriedHeader) rest.push_back(header);
  }
  return rest;
}

}  // namespace

Calls::Calls(Gateway* gateway, const relay::Address& introspection, AuditLog* audit,
             std::function<bool()> ready)
    : gateway_(gateway),
      queues_(gateway),
      eggs_(gateway->upstreams(), gateway->config().cluster_manager, gateway->config().eggs),
      polling_(gateway),
      http_(gateway),
      introspection_{introspection, std::make_shared<const relay::TargetText>(relay::TargetText{
                                        introspection.ToString(), "the health service", ""})},
      audit_(audit),
      ready_(std::move(ready)) {}

void Calls::OnCall(Entrance entrance, relay::Stream* stream, relay::Headers head, bool end) {
  const auto* const carried = gateway_->carried_calls()->Find(stream->peer(), head);
  if (!carried && gateway_->carried_calls()->IsOver(stream->peer(), head)) {
    return Refuse("call", stream, CancelledError("the call that this one is a step of is over"));
  }
  const relay::Peer& caller = carried ? carried->caller : stream->peer();
  AuditLog* const audit = carried && carried->recorded ? nullptr : audit_;
  if (carried) head = WithoutTicket(head);
  // Views of the head, also when it has been moved.
  const std::string_view path = relay::Find(head, ":path");
  const PtpContext context = PtpContext::Read(head);
  if (absl::Status metered = Meter(audit, path, caller, stream, context); !metered.ok()) {
    return RefuseUnrecorded(stream, metered);
  }
  if (carried && !carried->exchange.host.empty()) {
    if (auto* meter = CallMeter::Of(stream)) meter->SetExchange(carried->exchange);
  }
  if (absl::Status allowed = Admit(entrance, *stream, caller, head, context); !allowed.ok()) {
    return Refuse("call", stream, allowed);
  }
  if (absl::Status counted = CountForParty(path, caller, stream); !counted.ok()) {
    return Refuse("call", stream, counted);
  }
  if (path.starts_with(kPtpTransport)) {
    return OnTransport(path.substr(std::string_view(kPtpTransport).size()), stream, std::move(head),
                       context);
  }
  if (path == kInvokePath) return OnInvoke(caller, stream, std::move(head), end, context);
  for (std::string_view service : kTransferServices) {
    if (!path.starts_with(service)) continue;
    const std::string_view method = path.substr(service.size());
    if (method == "push") {
      return DispatchPush(gateway_, &eggs_, &polling_, stream, std::move(head));
    }
    if (method == "unaryCall") {
      return DispatchUnaryCall(gateway_, &polling_, stream, std::move(head));
    }
    if (method == "polling") return polling_.Serve(stream, head);
    break;
  }
  if (IsIntrospection(path)) {
    if (path == kHealthCheck && !ready_())
      return AnswerNotServing(gateway_, stream, std::move(head));
    return gateway_->PassOn("introspection", stream, std::move(head), {}, end, introspection_,
                            relay::Lane::kControl);
  }
  Refuse("unknown", stream, UnimplementedError("{} is not served by rollsite", Escape(path)));
}

// Everything but health and reflection.
absl::Status Calls::Meter(AuditLog* audit, std::string_view path, const relay::Peer& caller,
                          relay::Stream* stream, const PtpContext& context) {
  if (IsIntrospection(path)) return absl::OkStatus();
  CallMeter::Attach(audit, gateway_->quotas(), NameOf(path), caller, stream, context);
  return audit ? audit->Accepts() : absl::OkStatus();
}

// While the disk is full, each line of the log about it would be one more that finds no room.
void Calls::RefuseUnrecorded(relay::Stream* stream, const absl::Status& why) {
  CountCallQuietly("call", why);
  const absl::Time now = gateway_->loop().Now();
  if (now - unrecorded_line_ < kBetweenLines) {
    ++unrecorded_unsaid_;
  } else {
    unrecorded_line_ = now;
    log::Warning("a call of {} was refused, and {} before it since the last line: {}",
                 stream->peer().host, std::exchange(unrecorded_unsaid_, 0), Message(why));
  }
  relay::SendStatus(stream, /*head_sent=*/false, why);
}

// Whose quota a call takes up is for its certificate to say before its metadata: nobody may use up
// another party's, or pass for one's own. DataTransferService tells in its first packet.
absl::Status Calls::CountForParty(std::string_view path, const relay::Peer& caller,
                                  relay::Stream* stream) {
  if (!path.starts_with(kPtpTransport) && !path.starts_with(kPtpProtocol)) return absl::OkStatus();
  auto* meter = CallMeter::Of(stream);
  ASSIGN_OR_RETURN(const std::string source, gateway_->Source(caller, meter->from()));
  meter->SetFrom(source);
  return meter->Admit(!gateway_->IsSelf(source));
}

// What can be told from the head of a call: entrance, token.
absl::Status Calls::Admit(Entrance entrance, const relay::Stream& stream, const relay::Peer& caller,
                          const relay::Headers& head, const PtpContext& context) const {
  const AccessSettings& access = gateway_->config().access;
  const relay::Peer& peer = stream.peer();
  RETURN_IF_ERROR(CheckEntrance(access, entrance, peer, relay::Find(head, ":path")));
  if (access.tokens == AccessSettings::Tokens::kNone) return absl::OkStatus();
  ASSIGN_OR_RETURN(std::string party, gateway_->Source(caller, context.Source()));
  if (&caller != &peer) {
    // Packets that came by polling bring no metadata; who polls chose the exchange.
    if (relay::Find(head, ":path").find(kPtpServices) == std::string_view::npos) {
      return absl::OkStatus();
    }
    entrance = caller.certificate ? Entrance::kTls : Entrance::kMain;  // as if it had come in there
  }
  return CheckToken(access, entrance, caller, head, party);
}

void Calls::OnTransport(std::string_view method, relay::Stream* stream, relay::Headers head,
                        const PtpContext& context) {
  if (LacksProvider(stream, context)) return;
  if (method == "push") return OnQueuePush(stream, std::move(head), context);
  if (method == "pop") return queues_.Serve(Method::kPop, stream, std::move(head));
  if (method == "peek") return queues_.Serve(Method::kPeek, stream, std::move(head));
  if (method == "release") return queues_.Serve(Method::kRelease, stream, std::move(head));
  Refuse("unknown", stream,
         UnimplementedError("PrivateTransferTransport has no method {}", Escape(method)));
}

void Calls::OnQueuePush(relay::Stream* stream, relay::Headers head, const PtpContext& context) {
  const std::string_view party = context.Target();
  if (gateway_->IsSelf(party)) return queues_.Serve(Method::kPush, stream, std::move(head));
  if (party.empty()) {
    return FailCode("queue_push", stream, std::move(head), transfer_queue::kSystemError,
                    "des party id is null", "send x-ptp-target-node-id: the receiver's party id");
  }
  auto target = gateway_->RoutePtp({context.Source(), "default", party, "default"});
  if (target.ok()) {
    return PushOnward(gateway_, gateway_->ForGrpc(*std::move(target)), stream, std::move(head),
                      context);
  }
  NotRouted("queue_push", stream, std::move(head), target.status());
}

void Calls::OnInvoke(const relay::Peer& caller, relay::Stream* stream, relay::Headers head,
                     bool end, PtpContext context) {
  if (LacksProvider(stream, context)) return;
  const std::string& source = CallMeter::Of(stream)->from();
  if (!source.empty() && context.Source().empty()) {
    head.push_back({"x-ptp-source-node-id", source});  // Java's gateways do not say (spec 3)
    context = PtpContext::Read(head);
  }
  const std::string_view party = context.Target();
  if (gateway_->IsSelf(party)) return queues_.ServeInvoke(caller, stream, std::move(head));
  if (party.empty()) {
    return FailCode("invoke", stream, std::move(head), transfer_queue::kSystemError,
                    "des party id is null", "send x-ptp-target-node-id: the receiver's party id");
  }
  auto target = gateway_->RoutePtp({context.Source(), "default", party, "default"});
  if (target.ok() && target->polls) {
    gateway_->AddToken(*target, &head);
    return polling_.Pass(kPollingInvoke, std::string(party), stream, head, {}, end);
  }
  if (target.ok() && target->is_http) {
    return http_.Pass(*target, stream, std::move(head));
  }
  if (target.ok()) {
    return gateway_->PassOn("invoke", stream, std::move(head), {}, end, *target,
                            relay::Lane::kBulk);
  }
  NotRouted("invoke", stream, std::move(head), target.status());
}

void Calls::NotRouted(std::string_view method, relay::Stream* stream, relay::Headers head,
                      const absl::Status& why) {
  if (absl::IsNotFound(why)) {
    return FailCode(method, stream, std::move(head), kRouterError, "can not found router info",
                    Message(why));
  }
  if (absl::IsFailedPrecondition(why)) {
    return FailCode(method, stream, std::move(head), kCycleError, "router info has a cycle invoke",
                    Message(why));
  }
  Refuse(method, stream, why);
}

// Strict: OK with a code, as upstream answers (spec/rollsite.md 15, cases 14 and 15). An invoke
// is answered so always: between gateways codes are read. The request is taken in first: some
// clients do not read an answer while they send.
void Calls::FailCode(std::string_view method, relay::Stream* stream, relay::Headers head,
                     std::string_view code, const std::string& text, std::string_view detail) {
  const std::string message = PartyText(gateway_->SelfName(PtpContext::Read(head).Target()), text);
  const absl::Status failure = FailureOf(code, message, detail);
  const bool in_band = gateway_->config().strict_codes || method == "invoke";
  relay::UnaryCall::Serve(
      stream, std::move(head), gateway_->collected(),
      [method, in_band, failure, code, message](const QueueService::CallPtr& call) {
        CountCall(method, failure);
        in_band ? call->Answer(EncodeOutbound(code, message)) : call->Fail(failure);
      });
}

}  // namespace fate::rollsite
