#include "rollsite/gateway.h"

#include <map>
#include <set>

#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/call_meter.h"

namespace fate::rollsite {

namespace {

constexpr size_t kMaxWarnedCertificates = 1000;

// Once for each: the operator may not know that these certificates bind nobody.
void WarnOfUnnamed(const PartyMap& parties, const tls::Certificate& certificate) {
  thread_local std::set<std::string> warned;  // tests have several rollsites in one process
  if (warned.size() >= kMaxWarnedCertificates || warned.count(certificate.sha256)) return;
  PartyMap::Grant grant = parties.Of(certificate);
  if (!parties.names_itself() || !grant.any) return;
  warned.insert(certificate.sha256);
  log::Warning(
      "the certificate {} names no party, so its owner may speak for any; map it in "
      "eggroll.rollsite.tls.party.map (SHA256:{})",
      certificate.ToString(), certificate.sha256);
}

}  // namespace

void Gateway::SetListener(Entrance entrance, const relay::Address& address) {
  own_addresses_.Add(address);
  if (entrance == Entrance::kTls) return;
  own_address_ = address;
  if (address.host == "0.0.0.0") own_address_.host = "127.0.0.1";
  if (address.host == "::") own_address_.host = "::1";
}

absl::StatusOr<Target> Gateway::Route(const routing::Call& call) {
  auto target = RoutePtp(call);
  if (!target.ok() || !target->is_http) return target;
  return UnimplementedError(
      "invalid router info for grpc stream: {} has protocol http, over which only queues go; write "
      "ip and port of the other gateway's gRPC listener",
      target->text->peer);
}

Target Gateway::ForGrpc(Target target) const {
  if (target.polls || target.is_http) {
    target.address = own_address_;
    target.tls = nullptr;
  }
  return target;
}

absl::StatusOr<Target> Gateway::RoutePtp(const routing::Call& call) {
  const auto& table = routes_.Current();
  RETURN_IF_ERROR(table->Permits(call));
  ASSIGN_OR_RETURN(const Way* way,
                   ways_.Next(table, config_.route_table, call.to_party, call.to_role));
  const routing::Endpoint& endpoint = way->endpoint;
  RETURN_IF_ERROR(Usable(*way, call));
  Target target{{endpoint.host, endpoint.port}, way->text};
  if (!way->own) target.token = config_.access.outgoing_token;
  target.polls = endpoint.is_polling;
  if (target.polls) return target;
  target.is_http = endpoint.protocol == routing::Protocol::kHttp;
  if (target.is_http) target.http_path = endpoint.url_path;
  // As upstream, is_secure is for other parties; one's own fateflow speaks clear text.
  const bool secure =
      endpoint.tls && !(way->own && endpoint.is_secure && !endpoint.names_tls_files());
  if (secure) {
    auto client = tls_->ClientFor(endpoint);
    if (!client.ok()) {
      return UnavailableError("{} asks for TLS, which cannot be used: {}; nothing was sent",
                              way->where, Message(client.status()));
    }
    target.tls = *std::move(client);
  }
  return target;
}

// Whether this gateway can speak with the endpoint.
absl::Status Gateway::Usable(const Way& way, const routing::Call& call) const {
  const routing::Endpoint& endpoint = way.endpoint;
  if (endpoint.cycle) {
    return FailedPreconditionError("router info has a cycle invoke: {}", way.where);
  }
  if (endpoint.is_polling) {
    if (config_.polling_server) return absl::OkStatus();
    return UnimplementedError(
        "{} has is_polling; set eggroll.rollsite.polling.server.enabled=true to serve parties that "
        "poll",
        way.where);
  }
  if (!IsOwnAddress({endpoint.host, endpoint.port})) return absl::OkStatus();
  return FailedPreconditionError(
      "router info has a cycle invoke: {} leads back to this rollsite ({}); write the address of "
      "party {} there, or list the party in self_party if it is one's own",
      way.where, way.text->authority, Escape(call.to_party));
}

absl::StatusOr<std::string> Gateway::Source(const relay::Peer& peer,
                                            std::string_view claimed) const {
  if (!peer.certificate) return std::string(claimed);
  auto parties = tls_->parties();
  if (!parties) {
    return UnavailableError("which parties certificates stand for is not known: {}",
                            Message(tls_->listener_status()));
  }
  RETURN_IF_ERROR(CheckNamed(config_.access, *parties, *peer.certificate));
  WarnOfUnnamed(*parties, *peer.certificate);
  return SourceOf(*parties, peer, claimed);
}

void Gateway::AddToken(const Target& target, relay::Headers* head) {
  if (target.token.empty() || !relay::Find(*head, "x-ptp-token").empty()) return;
  head->push_back({"x-ptp-token", target.token});
}

void Gateway::PassOn(std::string_view method, relay::Stream* stream, relay::Headers head,
                     std::vector<relay::Slice> first, bool ended, const Target& target,
                     relay::Lane lane) {
  if (auto* meter = CallMeter::Of(stream)) meter->SetRelayed();
  relay::ForwardTarget to{target.address, lane, target.text, target.tls};
  AddToken(target, &head);
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

void CountCallQuietly(std::string_view method, const absl::Status& status) {
  CallCounter(method, status.code()).Increment();
}

void CountCall(std::string_view method, const absl::Status& status) {
  CountCallQuietly(method, status);
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
