#pragma once

// What goes over a polling stream (spec/rollsite.md 8.4), and our own way to take an `invoke` of
// the private transfer protocol along:
//
//   exchange                                                   party
//   {invoke, 1, packet.header.ext = Inbound{metadata}}   ---->
//   {invoke, 2.., packet.body.value = bytes of the call} ---->    any number, messages not looked
//   at {sub_stream_finish}                                  ---->
//   <----  {invoke, 1, packet.header.ext = Outbound{metadata}, packet.body.value = its answer}
//
// metadata: the call's x-ptp-*, fate-* and x-fate-* headers; of an answer also grpc-status and
// grpc-message when it is a failure. A party that takes invokes says so by the header
// `x-fate-polling: invoke` of its stream. eggroll's parties do not: to them nothing of it is sent.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "proxy/proxy.pb.h"
#include "relay/stream.h"

namespace fate::rollsite {

using PollingFrame = com::webank::ai::eggroll::api::networking::proxy::PollingFrame;

inline constexpr char kPollingPush[] = "push";
inline constexpr char kPollingUnary[] = "unary_call";
inline constexpr char kPollingInvoke[] = "invoke";
inline constexpr char kPollingFinish[] = "sub_stream_finish";
inline constexpr char kPollingError[] = "error_poison";

// What a party can take besides pushes and unary calls.
inline constexpr char kPollingHeader[] = "x-fate-polling";

// The gRPC frame of one message.
relay::Slice Framed(const google::protobuf::MessageLite& message);
// The same of a frame up to its packet, whose `packet_bytes` follow.
std::string FrameUpToPacket(const char* method, int64_t seq, size_t packet_bytes);

// The first frame of an invoke with these headers; others than those above stay behind.
PollingFrame InvokeHead(const relay::Headers& head);
// A further frame up to `bytes` of the call, which follow.
std::string InvokeUpToBytes(int64_t seq, size_t bytes);
// `status` OK: the answer `message`.
PollingFrame InvokeAnswer(const absl::Status& status, const relay::Headers& head,
                          std::string message);

// The headers that the first frame of an invoke, or the one of its answer, carries. Errors:
// kInvalidArgument, also for headers that may not come this way.
absl::StatusOr<relay::Headers> InvokeHeaders(const PollingFrame& frame);
// What an answer's headers say.
absl::Status InvokeStatus(const PollingFrame& answer);

}  // namespace fate::rollsite
