#include "rollsite/queue_messages.h"

#include <algorithm>
#include <functional>

#include "base/status.h"
#include "base/text.h"

namespace fate::rollsite {
namespace {

using queue_client::kAckHeader;
using queue_client::kAckOnlyHeader;
using queue_client::kCloseHeader;
using queue_client::kConsumerHeader;
using queue_client::kDurableHeader;
using queue_client::kOffsetHeader;
using queue_client::kProducerHeader;
using queue_client::kSequenceHeader;

bool IsPlainId(std::string_view id) {
  return id.size() <= kMaxProducerIdBytes &&
         std::all_of(id.begin(), id.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status ReadId(const relay::Headers& head, const char* name, std::string* id) {
  *id = std::string(relay::Find(head, name));
  if (IsPlainId(*id)) return absl::OkStatus();
  return InvalidArgumentError("{} is '{}': use up to {} printable characters without blanks", name,
                              Escape(*id).substr(0, 100), kMaxProducerIdBytes);
}

bool IsSet(const relay::Headers& head, const char* name) { return relay::Find(head, name) == "1"; }

// Calls `field` with number and bytes of each length-delimited field that is in no group.
bool ForEachField(const Rope& message, const std::function<void(uint64_t, Rope)>& field) {
  RopeReader reader(message);
  int groups = 0;
  while (reader.left() > 0) {
    uint64_t tag = 0, value = 0;
    if (!reader.Varint(&tag) || tag >> 3 == 0) return false;
    switch (tag & 7) {
      case 0:
        if (!reader.Varint(&value)) return false;
        break;
      case 1:
        if (!reader.Skip(8)) return false;
        break;
      case 2: {
        Rope bytes;
        if (!reader.Varint(&value) || !reader.Take(value, &bytes)) return false;
        if (groups == 0) field(tag >> 3, std::move(bytes));
        break;
      }
      case 3:
        ++groups;
        break;
      case 4:
        if (--groups < 0) return false;
        break;
      case 5:
        if (!reader.Skip(4)) return false;
        break;
      default:
        return false;
    }
  }
  return groups == 0;
}

}  // namespace

absl::StatusOr<QueueMetadata> QueueMetadata::Read(const relay::Headers& head) {
  QueueMetadata metadata;
  RETURN_IF_ERROR(ReadId(head, kProducerHeader, &metadata.producer.id));
  RETURN_IF_ERROR(ReadId(head, kConsumerHeader, &metadata.consumer));
  std::string_view sequence = relay::Find(head, kSequenceHeader);
  if (!metadata.producer.id.empty()) {
    auto number = ParseInt<uint64_t>(sequence);
    if (!number || *number == 0) {
      return InvalidArgumentError("{} is '{}': number the pushes of a producer from 1",
                                  kSequenceHeader, Escape(sequence).substr(0, 100));
    }
    metadata.producer.sequence = *number;
  }
  if (std::string_view ack = relay::Find(head, kAckHeader); !ack.empty()) {
    auto id = queue_client::ParseMessageId(ack);
    if (!id) {
      return InvalidArgumentError("{} is '{}': send the {} of the message received last",
                                  kAckHeader, Escape(ack).substr(0, 100), kOffsetHeader);
    }
    metadata.acknowledged = *id;
  }
  metadata.durable = IsSet(head, kDurableHeader);
  metadata.only_acknowledges = IsSet(head, kAckOnlyHeader);
  metadata.refuse_later = IsSet(head, kCloseHeader);
  return metadata;
}

bool ParsePush(const Rope& message, std::string* topic, Rope* payload) {
  return ForEachField(message, [&](uint64_t number, Rope bytes) {
    if (number == 1) *topic = bytes.ToString();
    if (number == 2) *payload = std::move(bytes);
  });
}

bool ParseInbound(const Rope& message, Rope* payload) {
  return ForEachField(message, [&](uint64_t number, Rope bytes) {
    if (number == 2) *payload = std::move(bytes);
  });
}

}  // namespace fate::rollsite
