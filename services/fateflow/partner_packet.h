#pragma once

// How a request between flow servers travels in DataTransferService.unaryCall
// (spec/fate-flow.md 8.2). FATE-Flow itself leaves the source party empty in job commands and
// names the destination in task commands; we always name ourselves, as in the vector of 8.3.

#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "http/server.h"

namespace com::webank::ai::eggroll::api::networking::proxy {
class Packet;
}

namespace fate::flow {

using com::webank::ai::eggroll::api::networking::proxy::Packet;

// Answers one request of the flow API on the calling thread; the server's own routes.
using LocalDispatcher = std::function<http::Response(const http::Request&)>;

struct PartnerRequest {
  std::string dest_party;
  std::string path;                                          // "/v2/partner/job/create"
  std::string job_id;                                        // "" for requests to a scheduler
  std::string body;                                          // JSON
  std::vector<std::pair<std::string, std::string>> headers;  // for the receiver's HTTP side
  // How long all attempts together may take.
  absl::Duration patience = absl::Seconds(20);
};

struct Endpoint {
  std::string host;
  int port = 0;
};

// `callback`: our HTTP address.
Packet RequestPacket(const PartnerRequest& request, const std::string& own_party,
                     const Endpoint& callback);
// The gRPC metadata that go with it.
std::vector<std::pair<std::string, std::string>> RequestMetadata(const PartnerRequest& request,
                                                                 const std::string& own_party);

// The receiver's side: the HTTP request inside a packet. Errors: kInvalidArgument for a packet
// that carries none, kNotFound for a path outside /v2/partner and /v2/scheduler.
absl::StatusOr<http::Request> RequestInside(const Packet& packet);
// `own`: our gRPC address.
Packet ReplyPacket(const Packet& request, std::string_view body, const Endpoint& own);

}  // namespace fate::flow
