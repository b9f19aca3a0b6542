#include "rollsite/gateway.h"

#include <map>

#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"

namespace fate::rollsite {

void Gateway::SetListener(const relay::Address& address) {
  own_addresses_.Add(address);
  if (own_address_.port != 0) return;
  own_address_ = address;
  if (address.host == "0.0.0.0") own_address_.host = "127.0.0.1";
  if (address.host == "::") own_address_.host = "::1";
}

absl::StatusOr<Target> Gateway::Route(const routing::Call& call) {
  auto table = routes_->Current();
  RETURN_IF_ERROR(table->Permits(call));
  ASSIGN_OR_RETURN(routing::Route route, table->Find(call.to_party, call.to_role, turn_++));
  const routing::Endpoint& endpoint = route.endpoint;
  std::string where = fmt::format("{} of {}", route.rule, config_.route_table);
  if (endpoint.cycle) return FailedPreconditionError("router info has a cycle invoke: {}", where);
  if (endpoint.protocol == routing::Protocol::kHttp) {
    return UnimplementedError(
        "invalid router info for grpc stream: {} has protocol http; this "
        "rollsite speaks grpc only",
        where);
  }
  if (endpoint.is_polling && !config_.polling_server) {
    return UnimplementedError(
        "{} has is_polling; set eggroll.rollsite.polling.server.enabled=true to serve parties that "
        "poll",
        where);
  }
  if (endpoint.is_polling) {
    Target target;
    target.peer = fmt::format("polling party {} ({})", Escape(call.to_party), route.rule);
    target.polls = true;
    return target;
  }
  if (endpoint.tls) {
    return UnimplementedError(
        "{} asks for TLS, which this rollsite does not speak yet; nothing "
        "was sent in clear text",
        where);
  }
  const relay::Address address{endpoint.host, endpoint.port};
  if (IsOwnAddress(address)) {
    return FailedPreconditionError(
        "router info has a cycle invoke: {} leads back to this rollsite ({}); write the address of "
        "party {} there, or list the party in self_party if it is one's own",
        where, address.ToString(), Escape(call.to_party));
  }
  bool own = table->IsSelf(call.to_party);
  return Target{address,
                fmt::format("rollsite of party {} to party {} ({})", table->SelfName(""),
                            Escape(call.to_party), route.rule),
                fmt::format("check that {} runs there and that {} names its address",
                            own ? "fate-fateflow" : "fate-rollsite", config_.route_table)};
}

void Gateway::PassOn(std::string_view method, relay::Stream* stream, relay::Headers head,
                     std::vector<relay::Slice> first, bool ended, const Target& target,
                     relay::Lane lane) {
  relay::ForwardTarget to{target.address, lane, target.peer, target.remedy};
  relay::Forward(&upstreams_, stream, std::move(head), std::move(first), ended, std::move(to),
                 [method](const relay::ForwardResult& result) {
                   CountBytes(result.request_bytes, result.response_bytes);
                   CountCall(method, result.status);
                 });
}

namespace {

// Looking a counter up by its labels costs more than passing on a small message.
prometheus::Counter& CallCounter(std::string_view method, absl::StatusCode code) {
  static auto& family = prometheus::BuildCounter()
                            .Name("rollsite_calls_total")
                            .Help("Calls that have ended, by method and gRPC status")
                            .Register(Metrics());
  thread_local std::map<std::string, std::map<absl::StatusCode, prometheus::Counter*>, std::less<>>
      known;
  auto it = known.find(method);
  if (it == known.end()) it = known.try_emplace(std::string(method)).first;
  prometheus::Counter*& counter = it->second[code];
  if (!counter) {
    counter = &family.Add({{"method", it->first}, {"code", absl::StatusCodeToString(code)}});
  }
  return *counter;
}

}  // namespace

void CountCall(std::string_view method, const absl::Status& status) {
  CallCounter(method, status.code()).Increment();
  if (!status.ok() && !absl::IsCancelled(status)) {
    log::Warning("{} failed: {}", method, ToText(status));
  }
}

void CountBytes(uint64_t in_bytes, uint64_t out_bytes) {
  static auto& family = prometheus::BuildCounter()
                            .Name("rollsite_relayed_bytes_total")
                            .Help("Bytes of messages passed on or stored, by direction")
                            .Register(Metrics());
  static auto& in = family.Add({{"direction", "request"}});
  static auto& out = family.Add({{"direction", "answer"}});
  in.Increment(static_cast<double>(in_bytes));
  out.Increment(static_cast<double>(out_bytes));
}

void Refuse(std::string_view method, relay::Stream* stream, const absl::Status& status) {
  CountCall(method, status);
  relay::SendStatus(stream, /*head_sent=*/false, status);
}

}  // namespace fate::rollsite
