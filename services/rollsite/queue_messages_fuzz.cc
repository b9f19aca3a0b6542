// ParsePush and ParseInbound must take what protobuf takes, and nothing may depend on how the
// bytes are cut into pieces. First byte: the cut.
#include <cstdlib>

#include "osx/osx.pb.h"
#include "rollsite/queue_messages.h"
#include "rollsite/topic_peek.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate;
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  size_t cut = std::min<size_t>(data[0], bytes.size());
  Rope whole(bytes), pieces;
  // Each in a block of its own, large enough to stay one.
  std::string first = bytes.substr(0, cut) + std::string(64 << 10, 'x');
  std::string second = bytes.substr(cut) + std::string(64 << 10, 'x');
  Slice a = Slice::Take(first), b = Slice::Take(second);
  pieces.Append({a.owner, a.data, cut});
  pieces.Append({b.owner, b.data, bytes.size() - cut});

  std::string topic, topic2;
  Rope payload, payload2;
  bool good = rollsite::ParsePush(whole, &topic, &payload);
  if (good != rollsite::ParsePush(pieces, &topic2, &payload2)) abort();
  if (good && (topic != topic2 || payload.ToString() != payload2.ToString())) abort();
  org::ppc::ptp::PushInbound push;
  if (push.ParseFromString(bytes)) {
    if (!good || topic != push.topic() || payload.ToString() != push.payload()) abort();
  }
  org::ppc::ptp::Inbound inbound;
  Rope body;
  bool read = rollsite::ParseInbound(whole, &body);
  if (inbound.ParseFromString(bytes) && (!read || body.ToString() != inbound.payload())) abort();
  for (const bool wrapped : {false, true}) {  // what is seen early stays
    const auto early = rollsite::TopicIn(std::string_view(bytes).substr(0, cut), wrapped);
    const auto late = rollsite::TopicIn(bytes, wrapped);
    if (early && (!late || *early != *late)) abort();
  }
  return 0;
}
