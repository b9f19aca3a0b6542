#pragma once

// gRPC channels to other daemons: plaintext, large messages, one per "host:port" and process
// (spec/eggroll-control-plane.md 1.4).

#include <grpcpp/channel.h>

#include <memory>
#include <string>

#include "absl/status/status.h"

namespace fate::rpc {

std::shared_ptr<grpc::Channel> ChannelTo(const std::string& endpoint);

// gRPC status as absl::Status with "<what>: " before the text, and back.
absl::Status FromGrpc(const grpc::Status& status, const std::string& what);
grpc::Status ToGrpc(const absl::Status& status);

}  // namespace fate::rpc
