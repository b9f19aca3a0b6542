#pragma once

// What queue calls carry (spec/rollsite.md 2.1), read without copying payloads, and the metadata
// of exactly-once delivery (queue_client/metadata.h).

#include <string>

#include "absl/status/statusor.h"
#include "base/rope.h"
#include "queue_client/metadata.h"
#include "relay/stream.h"

namespace fate::rollsite {

struct QueueMetadata {
  transfer_queue::Producer producer;
  bool durable = false;
  std::string consumer;
  transfer_queue::MessageId acknowledged;
  bool only_acknowledges = false, refuse_later = false;

  // Errors: kInvalidArgument naming the header.
  static absl::StatusOr<QueueMetadata> Read(const relay::Headers& head);
};

// False when the message is damaged.
bool ParsePush(const Rope& message, std::string* topic, Rope* payload);
// The payload of an Inbound.
bool ParseInbound(const Rope& message, Rope* payload);

}  // namespace fate::rollsite
