#pragma once

// Values of the session core as wire messages and back (spec/eggroll-control-plane.md 2.2).

#include "absl/status/statusor.h"
#include "eggroll/meta.pb.h"
#include "session/cluster.h"

namespace fate::clustermanager {

namespace meta = com::webank::eggroll::core::meta;

// Both endpoints are always present, as upstream's managers write them.
meta::Processor ToMessage(const session::Processor& processor);
meta::SessionMeta ToMessage(const session::Session& session, bool with_options);
// What a nodemanager is told to start: id and processors only (spec 7.3).
meta::SessionMeta StartMessage(const std::string& session_id,
                               const std::vector<session::Processor>& processors);
meta::ServerNode ToMessage(const session::Node& node);

// Error: kInvalidArgument for a status of no meaning.
absl::StatusOr<session::ProcessorBeat> ToBeat(const meta::Processor& processor);
// Errors: kInvalidArgument for a status of no meaning, an empty host or an impossible port.
absl::StatusOr<session::NodeBeat> ToBeat(const meta::NodeHeartbeat& heartbeat);
// Errors: kInvalidArgument for an id or options that are not valid.
absl::StatusOr<session::CreateSession> ToCreateSession(const meta::SessionMeta& request);

// At most kMaxOptions, each no longer than its column.
absl::Status CheckOptions(const google::protobuf::Map<std::string, std::string>& options);

}  // namespace fate::clustermanager
