// What gRPC metadata of calls says: lines "name: value".
#include <cstdint>
#include <cstdlib>

#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/access.h"
#include "rollsite/ptp.h"
#include "rollsite/queue_messages.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate;
  const std::string text(reinterpret_cast<const char*>(data), size);
  relay::Headers head;
  for (std::string_view line : Split(text, '\n')) {
    size_t colon = line.find(": ");
    if (colon == std::string_view::npos) continue;
    head.push_back({std::string(line.substr(0, colon)), std::string(line.substr(colon + 2))});
  }
  auto context = rollsite::PtpContext::Read(head);
  // What is passed on is read the same there.
  const relay::Headers emitted = context.Emit(context.uri);
  auto again = rollsite::PtpContext::Read(emitted);
  if (again.session != context.session || again.Target() != context.Target() ||
      again.source_node != context.source_node) {
    std::abort();
  }
  (void)context.UriPath();
  (void)rollsite::QueueMetadata::Read(head);
  (void)rollsite::SenderOfTopic(context.session, context.topic);
  (void)relay::ParseTimeout(relay::Find(head, "grpc-timeout"));
  return 0;
}
