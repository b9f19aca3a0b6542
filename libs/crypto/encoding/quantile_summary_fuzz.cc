// Any bytes as FATE's quantile summary: what is accepted is written again byte by byte.
#include <cstdlib>

#include "crypto/encoding/fate_vectors.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const auto summary = fate::crypto::ParseQuantileSummary(bytes);
  if (summary.ok() && fate::crypto::SerializeQuantileSummary(*summary) != bytes) std::abort();
  return 0;
}
