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

absl::Status CheckId(const char* name, std::string_view id) {
  if (IsPlainId(id)) return absl::OkStatus();
  return InvalidArgumentError("{} is '{}': use up to {} printable characters without blanks", name,
                              Escape(id).substr(0, 100), kMaxProducerIdBytes);
}

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
  std::string_view producer, consumer, sequence, ack, durable, only_acknowledges, refuse_later;
  const relay::Headers::Wanted fields[] = {
      {kProducerHeader, &producer}, {kConsumerHeader, &consumer},
      {kSequenceHeader, &sequence}, {kAckHeader, &ack},
      {kDurableHeader, &durable},   {kAckOnlyHeader, &only_acknowledges},
      {kCloseHeader, &refuse_later}};
  head.FindAll(fields);
  RETURN_IF_ERROR(CheckId(kProducerHeader, producer));
  RETURN_IF_ERROR(CheckId(kConsumerHeader, consumer));
  QueueMetadata metadata;
  metadata.producer.id = producer;
  metadata.consumer = consumer;
  if (!producer.empty()) {
    auto number = ParseInt<uint64_t>(sequence);
    if (!number || *number == 0) {
      return InvalidArgumentError("{} is '{}': number the pushes of a producer from 1",
                                  kSequenceHeader, Escape(sequence).substr(0, 100));
    }
    metadata.producer.sequence = *number;
  }
  if (!ack.empty()) {
    auto id = queue_client::ParseMessageId(ack);
    if (!id) {
      return InvalidArgumentError("{} is '{}': send the {} of the message received last",
                                  kAckHeader, Escape(ack).substr(0, 100), kOffsetHeader);
    }
    metadata.acknowledged = *id;
  }
  metadata.durable = durable == "1";
  metadata.only_acknowledges = only_acknowledges == "1";
  metadata.refuse_later = refuse_later == "1";
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
