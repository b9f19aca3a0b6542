#pragma once

// The metadata by which our own gateways and clients agree on exactly-once delivery through
// queues. Others ignore it, and are served as upstream serves them:
//
//   x-fate-producer, x-fate-seq   on a push: who pushes, and the number of this push among its
//                                 pushes to the topic (1, 2, ...); the answer has x-fate-seq, too,
//                                 when a queue of ours has stored it
//   x-fate-durable: 1             on a push: to be on disk before it is answered
//   x-fate-consumer               on a pop: who pops, and will acknowledge
//   x-fate-offset                 on the answer of a pop: the message's id
//   x-fate-ack                    on a pop: the x-fate-offset received last from this topic
//   x-fate-ack-only: 1            on a pop: nothing but the acknowledgement is wanted
//   x-fate-close: 1               on a query: what is absent shall not be stored later

#include <optional>
#include <string>
#include <string_view>

#include "transfer_queue/types.h"

namespace fate::queue_client {

inline constexpr char kProducerHeader[] = "x-fate-producer";
inline constexpr char kSequenceHeader[] = "x-fate-seq";
inline constexpr char kDurableHeader[] = "x-fate-durable";
inline constexpr char kConsumerHeader[] = "x-fate-consumer";
inline constexpr char kOffsetHeader[] = "x-fate-offset";
inline constexpr char kAckHeader[] = "x-fate-ack";
inline constexpr char kAckOnlyHeader[] = "x-fate-ack-only";
inline constexpr char kCloseHeader[] = "x-fate-close";

// The uri of an invoke that asks whether a push has been stored; its payload is a PushInbound
// without payload, its answer's message "stored", "absent" or "forgotten".
inline constexpr char kQueryPath[] = "/fate.native.QueueTransport/query";

// "7f3a-12": queue in hexadecimal digits, offset.
std::string MessageIdText(transfer_queue::MessageId id);
std::optional<transfer_queue::MessageId> ParseMessageId(std::string_view text);

// An id that no other process or run has.
std::string RandomId();

}  // namespace fate::queue_client
