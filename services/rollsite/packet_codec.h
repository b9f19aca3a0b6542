#pragma once

// Packets of DataTransferService (spec/rollsite.md 2.2), read by hand where their bodies must not
// be copied: the destination from the first bytes of a stream, and a whole packet in place.

#include <optional>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "eggroll/transfer.pb.h"
#include "proxy/proxy.pb.h"

namespace fate::rollsite {

using PacketHeader = com::webank::ai::eggroll::api::networking::proxy::Metadata;
using RollSiteHeader = com::webank::eggroll::core::transfer::RollSiteHeader;

// A packet's header must lie within its first bytes.
inline constexpr size_t kMaxPacketHeaderBytes = 64 << 10;

// Reads the header of the first packet of a stream of gRPC message frames, of which `bytes` are the
// first; false if more bytes are needed. Error: kInvalidArgument.
absl::StatusOr<bool> PeekHeader(std::string_view bytes, PacketHeader* header);

// Where a packet says it goes (spec 6.1, 6.4): the header's ext if it names a party, else dst.
struct Destination {
  std::string party;
  std::string role;
  std::optional<RollSiteHeader> ext;  // absent when there is none or it is something else
};
Destination DestinationOf(const PacketHeader& header);

// A packet in place; an absent part is empty.
struct PacketView {
  std::string_view header, key, value;
};
// Error: kInvalidArgument.
absl::StatusOr<PacketView> SplitPacket(std::string_view packet);

}  // namespace fate::rollsite
