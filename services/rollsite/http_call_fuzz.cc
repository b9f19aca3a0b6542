// Bodies of the HTTP interface: the first line is the method.
#include <cstdint>
#include <cstdlib>

#include "base/status.h"
#include "rollsite/http_calls.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  std::string_view text(reinterpret_cast<const char*>(data), size);
  size_t line = std::min(text.find('\n'), size);
  auto call =
      fate::rollsite::ParseHttpCall(text.substr(0, line), text.substr(std::min(line + 1, size)));
  if (call.ok() &&
      (!call->path.starts_with("/org.ppc.ptp.") || call->wait < absl::ZeroDuration())) {
    std::abort();
  }
  return 0;
}
