#include <cstdint>
#include <cstdlib>

#include "rollsite/packet_codec.h"

// Every prefix of the input must be judged like the whole: more bytes never turn an answer.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate::rollsite;
  std::string_view bytes(reinterpret_cast<const char*>(data), size);
  PacketHeader header;
  auto whole = PeekHeader(bytes, &header);
  for (size_t length = 0; length < size; length += 1 + length / 8) {
    PacketHeader of_part;
    auto part = PeekHeader(bytes.substr(0, length), &of_part);
    if (!part.ok() && whole.ok()) std::abort();
    if (part.ok() && *part && (!whole.ok() || !*whole)) std::abort();
  }
  if (whole.ok() && *whole) (void)DestinationOf(header);
  auto view = SplitPacket(bytes);
  if (view.ok() && view->header.size() + view->key.size() + view->value.size() > size) std::abort();
  return 0;
}
