#pragma once

// What stands behind a proxy: takes every call of libs/relay's cost and keeps nothing.
//
//   .../unaryCall     answers with the message itself, as it comes in
//   anything else     reads to the end, answers an Outbound with code E0000000000
//   x-bench-answer-bytes: N   answers one message of N bytes instead
//   x-bench-delay-ms: N       takes 1 MB every N ms

#include <memory>

#include "relay/server.h"

namespace fate::bench {

// relay::Server::OnCall of a sink.
void Sink(relay::Stream* stream, const relay::Headers& head);

}  // namespace fate::bench
