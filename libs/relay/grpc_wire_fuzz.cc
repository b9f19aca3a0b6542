#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "relay/grpc_wire.h"

// The first byte says in which pieces the rest is fed to the frame reader.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace fate::relay;
  if (size == 0) return 0;
  size_t step = data[0] % 16 + 1;
  std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  FrameReader reader(1 << 16);
  bool good = true;
  for (size_t at = 0; good && at < text.size(); at += step) {
    std::string_view part = text.substr(at, step);
    while (good && !part.empty()) {
      auto message = reader.Next(&part);
      good = message.ok();
      if (good && *message && (*message)->size() > (1 << 16)) std::abort();
    }
  }
  ParseTimeout(text);
  if (PercentDecode(PercentEncode(text)) != text) std::abort();
  PercentDecode(text);
  (void)StatusOf({{":status", std::string(text)}}, {{"grpc-message", std::string(text)}});
  return 0;
}
