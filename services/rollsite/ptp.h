#pragma once

// The private transfer protocol's metadata, codes and answers (spec/rollsite.md 3, 5.4, 5.8).

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/rope.h"
#include "relay/stream.h"

namespace fate::rollsite {

inline constexpr char kPtpTransport[] = "/org.ppc.ptp.PrivateTransferTransport/";
inline constexpr char kPtpProtocol[] = "/org.ppc.ptp.PrivateTransferProtocol/";
inline constexpr char kInvokePath[] = "/org.ppc.ptp.PrivateTransferProtocol/invoke";
inline constexpr char kPushPath[] = "/org.ppc.ptp.PrivateTransferTransport/push";

inline constexpr std::string_view kRouterError = "130";
inline constexpr std::string_view kCycleError = "145";

// What gRPC metadata says about a call: views of its head.
struct PtpContext {
  std::string_view version, tech_provider, trace_id, token, uri, session, topic;
  std::string_view source_node, source_instance, target_node, target_instance;
  std::string_view queue_type, message_flag;

  // The source falls back to x-ptp-from-node-id, then to the instance ids (spec 3).
  static PtpContext Read(const relay::Headers& head);
  static PtpContext Read(relay::Headers&& head) = delete;
  std::string_view Source() const { return source_node; }
  std::string_view Target() const { return target_node.empty() ? target_instance : target_node; }
  // What goes on to another gateway with an invoke of `uri`: every field that is not empty.
  relay::Headers Emit(std::string_view uri) const;
  // `uri` without scheme and authority.
  std::string_view UriPath() const;
};

// TransportOutbound and Outbound, which have one wire shape. The payload is not copied.
std::vector<relay::Slice> EncodeOutbound(std::string_view code, std::string_view message,
                                         const Rope& payload = {});
// "PARTY_9999:text"; the bare text when there is no own party.
std::string PartyText(const std::string& self, std::string_view text);

// How a queue call that failed ends (spec 5.8): FATE's client does not look at codes, so by default
// it is a gRPC error whose text carries the documented code and text; `detail` says more.
absl::Status FailureOf(std::string_view code, std::string_view party_text,
                       std::string_view detail = {});

// Protobuf's base-128 varint.
void AppendVarint(std::string* out, uint64_t value);

}  // namespace fate::rollsite
