#include "rollsite/polling_frames.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"
#include "osx/osx.pb.h"
#include "relay/grpc_wire.h"
#include "rollsite/carried_calls.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {
namespace {

constexpr char kStatus[] = "grpc-status", kMessage[] = "grpc-message";

// Field numbers: PollingFrame.packet, Packet.body, Data.value.
constexpr uint64_t kPacketField = 20, kBodyField = 2, kValueField = 2;

std::string FieldHead(uint64_t number, size_t bytes) {
  std::string head;
  AppendVarint(&head, number << 3 | 2);
  AppendVarint(&head, bytes);
  return head;
}

bool IsHeader(std::string_view name, std::string_view value) {
  const bool good_name = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
  return good_name && std::all_of(value.begin(), value.end(), [](char c) {
           return c >= ' ' && c != '\x7f';  // what is not ASCII is negative
         });
}

}  // namespace

relay::Slice Framed(const google::protobuf::MessageLite& message) {
  std::string bytes = message.SerializeAsString();
  return relay::Slice::Take(relay::FrameHead(bytes.size()) + bytes);
}

std::string FrameUpToPacket(const char* method, int64_t seq, size_t packet_bytes) {
  PollingFrame frame;
  frame.set_method(method);
  frame.set_seq(seq);
  std::string bytes = frame.SerializeAsString();
  bytes += FieldHead(kPacketField, packet_bytes);  // comes last
  return relay::FrameHead(bytes.size() + packet_bytes) + bytes;
}

PollingFrame InvokeHead(const relay::Headers& head) {
  org::ppc::ptp::Inbound carried;
  for (const relay::Header& header : head) {
    if (!GoesAlong(header.name) || !IsHeader(header.name, header.value)) continue;
    carried.mutable_metadata()->insert({std::string(header.name), std::string(header.value)});
  }
  PollingFrame frame;
  frame.set_method(kPollingInvoke);
  frame.set_seq(1);
  frame.mutable_packet()->mutable_header()->set_ext(carried.SerializeAsString());
  return frame;
}

std::string InvokeUpToBytes(int64_t seq, size_t bytes) {
  const std::string value = FieldHead(kValueField, bytes);
  const std::string body = FieldHead(kBodyField, value.size() + bytes) + value;
  return FrameUpToPacket(kPollingInvoke, seq, body.size() + bytes) + body;
}

PollingFrame InvokeAnswer(const absl::Status& status, const relay::Headers& head,
                          std::string message) {
  PollingFrame frame = InvokeHead(head);
  if (status.ok()) {
    frame.mutable_packet()->mutable_body()->set_value(std::move(message));
    return frame;
  }
  org::ppc::ptp::Inbound carried;
  (*carried.mutable_metadata())[kStatus] = std::to_string(static_cast<int>(status.code()));
  (*carried.mutable_metadata())[kMessage] = relay::PercentEncode(Message(status));
  frame.mutable_packet()->mutable_header()->set_ext(carried.SerializeAsString());
  return frame;
}

absl::StatusOr<relay::Headers> InvokeHeaders(const PollingFrame& frame) {
  org::ppc::ptp::Inbound carried;
  if (!frame.packet().has_header() || !carried.ParseFromString(frame.packet().header().ext())) {
    return InvalidArgumentError("the metadata of the invoke is damaged");
  }
  relay::Headers head;
  size_t bytes = 0;
  for (const auto& [name, value] : carried.metadata()) {
    bytes += name.size() + value.size();
    if (!GoesAlong(name) || !IsHeader(name, value) || bytes > kMaxHttpHeaderBytes) {
      return InvalidArgumentError("the metadata '{}' may not come with an invoke",
                                  Escape(name).substr(0, 100));
    }
    head.push_back({name, value});
  }
  return head;
}

absl::Status InvokeStatus(const PollingFrame& answer) {
  org::ppc::ptp::Inbound carried;
  if (!carried.ParseFromString(answer.packet().header().ext())) {
    return InternalError("the metadata of the answer is damaged");
  }
  auto status = carried.metadata().find(kStatus);
  if (status == carried.metadata().end()) return absl::OkStatus();
  auto message = carried.metadata().find(kMessage);
  relay::Headers trailers = {{kStatus, status->second}};
  if (message != carried.metadata().end()) trailers.push_back({kMessage, message->second});
  return relay::StatusOf({{":status", "200"}}, trailers);
}

}  // namespace fate::rollsite
