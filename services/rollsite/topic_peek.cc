#include "rollsite/topic_peek.h"

#include <cstdint>

#include "base/limits.h"
#include "relay/grpc_wire.h"

namespace fate::rollsite {
namespace {

// Takes `tag` and a length off the front. False: it is not there (`*bytes` not empty) or not yet.
bool TakeHead(std::string_view* bytes, char tag, uint64_t* size) {
  std::string_view rest = *bytes;
  if (!rest.empty() && rest[0] != tag) return false;
  for (int shift = 0; shift < 35; shift += 7) {
    const size_t at = 1 + static_cast<size_t>(shift) / 7;
    if (rest.size() <= at) return *bytes = {}, false;
    const auto byte = static_cast<uint8_t>(rest[at]);
    *size |= uint64_t{byte & 0x7fu} << shift;
    if (byte >= 0x80) continue;
    bytes->remove_prefix(at + 1);
    return true;
  }
  return false;
}

}  // namespace

std::optional<std::string_view> TopicIn(std::string_view begin, bool wrapped) {
  if (begin.size() < relay::kFrameHeadBytes) return std::nullopt;
  const bool empty = begin.substr(1, 4) == std::string_view("\0\0\0\0", 4);
  begin.remove_prefix(relay::kFrameHeadBytes);
  return empty ? "" : TopicInMessage(begin, wrapped);
}

std::optional<std::string_view> TopicInMessage(std::string_view begin, bool wrapped) {
  constexpr char kPayload = 0x12, kTopic = 0x0a;
  uint64_t size = 0;
  for (const char tag : {kPayload, kTopic}) {
    if (tag == kPayload && !wrapped) continue;
    size = 0;
    if (TakeHead(&begin, tag, &size)) continue;
    if (begin.empty()) return std::nullopt;
    return "";
  }
  if (size > kMaxTopicBytes) return "";
  if (begin.size() < size) return std::nullopt;
  return begin.substr(0, size);
}

}  // namespace fate::rollsite
