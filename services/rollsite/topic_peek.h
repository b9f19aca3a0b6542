#pragma once

// The topic of a queue call, seen as its message passes by: FATE's client names it there only.

#include <optional>
#include <string_view>

namespace fate::rollsite {

// No topic ends later than this in a frame.
inline constexpr size_t kTopicWithinFrameBytes = 1100;

// `begin`: of a gRPC frame with a PushInbound, PopInbound, PeekInbound or ReleaseInbound, or, if
// `wrapped`, with an Inbound whose payload is such a message. "": there is none where all known
// clients write it, in the first field; nullopt: more bytes are needed.
std::optional<std::string_view> TopicIn(std::string_view begin, bool wrapped);
// The same without the frame's head, of a message that is not empty.
std::optional<std::string_view> TopicInMessage(std::string_view begin, bool wrapped);

}  // namespace fate::rollsite
