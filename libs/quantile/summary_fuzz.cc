#include <cstdlib>

#include "quantile/summary.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  auto summary = fate::quantile::QuantileSummary::Parse(bytes);
  if (!summary.ok()) return 0;
  if (summary->Serialize() != bytes) std::abort();
  if (summary->Query(0.5).ok() != (summary->count() > 0)) std::abort();
  const double values[] = {0.0, 1.0, -1.0};
  if (!summary->Insert(values).ok() || !summary->Merge(*summary).ok()) std::abort();
  return 0;
}
