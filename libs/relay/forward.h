#pragma once

// Passes one call on to another daemon frame by frame, in both directions, with the windows of
// both streams coupled: the memory it takes does not depend on the size of messages. Deadlines
// (grpc-timeout) and cancellation cross over, trailers are passed unchanged, and what breaks on
// the way ends as a gRPC status whose text names the peer.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "relay/upstreams.h"

namespace fate::relay {

// Words of a target, made once for all its calls.
struct TargetText {
  std::string authority;  // "host:port"
  std::string peer;       // for messages: "party 10000 (route_table.default.default[0])"
  std::string remedy;     // what to do when it cannot be reached
};

struct ForwardTarget {
  Address address;
  Lane lane = Lane::kBulk;
  std::shared_ptr<const TargetText> text;
  std::shared_ptr<const TlsClient> tls = nullptr;  // null: clear text
};

struct ForwardResult {
  absl::Status status;  // what the caller got
  uint64_t request_bytes = 0, response_bytes = 0;
  absl::Duration time;
};

// Counts in a call's head that it passes one more gateway: route tables that send it round in a
// circle would multiply it without end. Error: kFailedPrecondition, after kMaxRelayHops.
absl::Status CountHop(Headers* head);

// `head`: of the request. `first`: DATA received (and not consumed) so far; `ended`: the request
// has ended with it. `done` runs once.
void Forward(Upstreams* upstreams, Stream* downstream, Headers head, std::vector<Slice> first,
             bool ended, ForwardTarget target, std::function<void(const ForwardResult&)> done);

}  // namespace fate::relay
