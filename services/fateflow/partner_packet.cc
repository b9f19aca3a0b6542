#include "fateflow/partner_packet.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "proxy/proxy.pb.h"

namespace fate::flow {
namespace {

constexpr int64_t kRequestTimeout = 10;    // seconds, as FATE-Flow writes it
constexpr int64_t kReplyTimeout = 30'000;  // milliseconds

// {"initiator-party-id": "9999"} as Python writes it.
std::string HeadersText(const PartnerRequest& request) {
  std::string text;
  for (const auto& [name, value] : request.headers) {
    text += fmt::format("{}{}: {}", text.empty() ? "" : ", ", nlohmann::json(name).dump(),
                        nlohmann::json(value).dump());
  }
  return "{" + text + "}";
}

std::string HeaderName(std::string_view name) {
  std::string result = ToLower(name);
  std::replace(result.begin(), result.end(), '_', '-');
  return result;
}

bool IsForPartners(std::string_view path) {
  return path.starts_with("/v2/partner/") || path.starts_with("/v2/scheduler/");
}

}  // namespace

Packet RequestPacket(const PartnerRequest& request, const std::string& own_party,
                     const Endpoint& callback) {
  Packet packet;
  auto& header = *packet.mutable_header();
  header.mutable_task()->set_taskid(request.job_id);
  header.mutable_task()->mutable_model()->set_name("headers");
  header.mutable_task()->mutable_model()->set_datakey(HeadersText(request));
  auto& source = *header.mutable_src();
  source.set_name(request.job_id);
  source.set_partyid(own_party);
  source.set_role("fateflow");
  source.mutable_callback()->set_ip(callback.host);
  source.mutable_callback()->set_port(callback.port);
  auto& destination = *header.mutable_dst();
  destination.set_name(request.job_id);
  destination.set_partyid(request.dest_party);
  destination.set_role("fateflow");
  header.mutable_command()->set_name(request.path);
  header.set_operator_("POST");
  header.mutable_conf()->set_overalltimeout(kRequestTimeout);
  packet.mutable_body()->set_key(request.path);
  packet.mutable_body()->set_value(request.body);
  return packet;
}

std::vector<std::pair<std::string, std::string>> RequestMetadata(const PartnerRequest& request,
                                                                 const std::string& own_party) {
  return {{"service", "fateflow"},
          {"src-party-id", own_party},
          {"src-role", "guest"},
          {"dest-party-id", request.dest_party},
          {"dest-role", "host"}};
}

absl::StatusOr<http::Request> RequestInside(const Packet& packet) {
  http::Request request;
  request.method = packet.header().operator_();
  request.path = packet.body().key();
  request.body = packet.body().value();
  if (request.method != "POST") {
    return InvalidArgumentError("packet with operator '{}'; only POST is known",
                                Escape(request.method.substr(0, 16)));
  }
  if (!IsForPartners(request.path)) {
    return NotFoundError("path '{}' is not open to partners",
                         Escape(std::string_view(request.path).substr(0, 128)));
  }
  if (request.body.size() > kMaxHttpBodyBytes) {
    return InvalidArgumentError("body of {} bytes; at most {} are taken", request.body.size(),
                                kMaxHttpBodyBytes);
  }
  auto headers = nlohmann::json::parse(packet.header().task().model().datakey(), nullptr, false);
  if (!headers.is_object()) return request;
  for (const auto& [name, value] : headers.items()) {
    if (value.is_string()) request.headers[HeaderName(name)] = value.get<std::string>();
  }
  return request;
}

Packet ReplyPacket(const Packet& request, std::string_view body, const Endpoint& own) {
  const auto& asked = request.header();
  Packet packet;
  auto& header = *packet.mutable_header();
  header.mutable_task()->set_taskid(asked.task().taskid());
  header.mutable_task()->mutable_model()->set_name("headers");
  header.mutable_task()->mutable_model()->set_datakey("null");
  auto& source = *header.mutable_src();
  source.set_name(asked.task().taskid());
  source.set_partyid(asked.dst().partyid());
  source.set_role("fateflow");
  source.mutable_callback()->set_ip(own.host);
  source.mutable_callback()->set_port(own.port);
  auto& destination = *header.mutable_dst();
  destination.set_name(asked.task().taskid());
  destination.set_partyid(asked.src().partyid());
  destination.set_role("fateflow");
  header.mutable_command()->set_name(asked.command().name());
  header.set_operator_(asked.operator_());
  header.mutable_conf()->set_overalltimeout(kReplyTimeout);
  packet.mutable_body()->set_key(request.body().key());
  packet.mutable_body()->set_value(std::string(body));
  return packet;
}

}  // namespace fate::flow
