// Any bytes as a pair batch: what the reader accepts must survive a round trip.
#include <cstdlib>
#include <string>

#include "wire/pair_batch.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  auto reader = fate::wire::PairBatchReader::Open({reinterpret_cast<const char*>(data), size});
  if (!reader.ok()) return 0;
  std::string copy;
  fate::wire::PairBatchWriter writer(size, [&](std::string batch) {
    copy = std::move(batch);
    return absl::OkStatus();
  });
  size_t pairs = 0, copied_pairs = 0;
  for (; reader->Next(); ++pairs) {
    if (!writer.Add(reader->key(), reader->value()).ok()) std::abort();
  }
  if (!writer.Finish().ok()) std::abort();
  auto again = fate::wire::PairBatchReader::Open(copy);
  if (!again.ok()) std::abort();
  while (again->Next()) ++copied_pairs;
  if (pairs != copied_pairs) std::abort();
  return 0;
}
