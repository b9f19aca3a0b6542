#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "http2/hpack.h"

// Blocks of a connection, each behind a byte with its length. What was decoded is encoded, and that
// decodes to the same.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate::http2;
  std::string_view text(reinterpret_cast<const char*>(data), size);
  HpackDecoder decoder, second;
  HpackEncoder encoder;
  while (!text.empty()) {
    const std::string_view block = text.substr(1, static_cast<uint8_t>(text[0]));
    text.remove_prefix(1 + block.size());
    Headers headers, again;
    const auto result = decoder.Decode(block, 20, 5000, &headers);
    if (result == HpackDecoder::Result::kBroken) return 0;
    if (headers.size() > 20 || headers.bytes() > 5000) std::abort();
    std::string encoded;
    encoder.Encode(headers, &encoded);
    const auto same = second.Decode(encoded, 20, 5000, &again);
    if (same == HpackDecoder::Result::kBroken || again.size() != headers.size()) std::abort();
    for (size_t i = 0; i < headers.size(); ++i) {
      if (!(headers[i] == again[i])) std::abort();
    }
  }
  return 0;
}
