#include "rollsite/packet_codec.h"

#include "base/status.h"
#include "relay/grpc_wire.h"

namespace fate::rollsite {
namespace {

constexpr int kVarint = 0, kFixed64 = 1, kLengthDelimited = 2, kFixed32 = 5;

enum class Read { kField, kEnd, kNeedMore, kBad };

// Reads protobuf fields one after another. `complete`: `bytes` hold the whole message, so that a
// field that is cut off is an error rather than a reason to wait.
class FieldReader {
 public:
  FieldReader(std::string_view bytes, bool complete) : rest_(bytes), complete_(complete) {}

  Read Next() {
    if (rest_.empty()) return complete_ ? Read::kEnd : Read::kNeedMore;
    uint64_t tag = 0;
    if (Read read = Varint(&tag); read != Read::kField) return read;
    number_ = tag >> 3;
    wire_type_ = static_cast<int>(tag & 7);
    length_ = 0;
    if (number_ == 0) return Read::kBad;
    switch (wire_type_) {
      case kVarint: {
        uint64_t ignored = 0;
        return Varint(&ignored);
      }
      case kFixed64:
        length_ = 8;
        break;
      case kFixed32:
        length_ = 4;
        break;
      case kLengthDelimited:
        if (Read read = Varint(&length_); read != Read::kField) return read;
        break;
      default:
        return Read::kBad;
    }
    if (length_ > rest_.size()) return complete_ ? Read::kBad : Read::kNeedMore;
    value_ = rest_.substr(0, length_);
    rest_.remove_prefix(length_);
    return Read::kField;
  }

  bool Is(uint64_t number) const { return number_ == number && wire_type_ == kLengthDelimited; }
  std::string_view value() const { return value_; }

 private:
  Read Varint(uint64_t* value) {
    *value = 0;
    for (size_t i = 0; i < 10; ++i) {
      if (i == rest_.size()) return complete_ ? Read::kBad : Read::kNeedMore;
      auto byte = static_cast<unsigned char>(rest_[i]);
      *value |= uint64_t{byte & 0x7fu} << (7 * i);
      if (byte < 0x80) {
        rest_.remove_prefix(i + 1);
        return Read::kField;
      }
    }
    return Read::kBad;
  }

  std::string_view rest_;
  const bool complete_;
  uint64_t number_ = 0, length_ = 0;
  int wire_type_ = 0;
  std::string_view value_;
};

absl::Status NoPacket(std::string_view why) {
  return InvalidArgumentError("the call carries no readable Packet: {}", why);
}

}  // namespace

absl::StatusOr<bool> PeekHeader(std::string_view bytes, PacketHeader* header) {
  if (bytes.empty()) return false;
  if (bytes[0] == 1) return UnimplementedError("compressed messages are not supported");
  if (bytes[0] != 0) return NoPacket("no gRPC message");
  if (bytes.size() < relay::kFrameHeadBytes) return false;
  size_t length = 0;
  for (char c : bytes.substr(1, 4)) length = length << 8 | static_cast<unsigned char>(c);
  std::string_view packet = bytes.substr(relay::kFrameHeadBytes, length);
  FieldReader fields(packet, /*complete=*/packet.size() == length);
  while (true) {
    switch (fields.Next()) {
      case Read::kBad:
        return NoPacket("it is cut off or damaged");
      case Read::kEnd:
        return NoPacket("it has no header");
      case Read::kNeedMore:
        if (packet.size() >= kMaxPacketHeaderBytes) {
          return NoPacket(fmt::format("its header does not lie within the first {} bytes",
                                      kMaxPacketHeaderBytes));
        }
        return false;
      case Read::kField:
        break;
    }
    if (!fields.Is(1)) continue;
    if (!header->ParseFromArray(fields.value().data(), static_cast<int>(fields.value().size()))) {
      return NoPacket("its header is no Metadata");
    }
    return true;
  }
}

Destination DestinationOf(const PacketHeader& header) {
  Destination to{header.dst().partyid(), header.dst().role(), std::nullopt};
  if (header.ext().empty()) return to;
  RollSiteHeader ext;
  if (!ext.ParseFromString(header.ext())) return to;
  if (!ext.dstpartyid().empty()) {
    to.party = ext.dstpartyid();
    if (!ext.dstrole().empty()) to.role = ext.dstrole();
  }
  to.ext = std::move(ext);
  return to;
}

absl::StatusOr<PacketView> SplitPacket(std::string_view packet) {
  PacketView view;
  FieldReader fields(packet, /*complete=*/true);
  Read read;
  while ((read = fields.Next()) == Read::kField) {
    if (fields.Is(1)) view.header = fields.value();
    if (!fields.Is(2)) continue;
    FieldReader body(fields.value(), /*complete=*/true);
    while ((read = body.Next()) == Read::kField) {
      if (body.Is(1)) view.key = body.value();
      if (body.Is(2)) view.value = body.value();
    }
    if (read != Read::kEnd) return NoPacket("its body is damaged");
  }
  if (read != Read::kEnd) return NoPacket("it is cut off or damaged");
  return view;
}

}  // namespace fate::rollsite
