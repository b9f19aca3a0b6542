#include <cstdint>
#include <cstdlib>

#include "transfer_queue/sequence_set.h"

// What was read is written and read again as it is.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using fate::transfer_queue::SequenceSet;
  auto set = SequenceSet::Parse({reinterpret_cast<const char*>(data), size});
  if (!set) return 0;
  const std::string text = set->ToText();
  auto again = SequenceSet::Parse(text);
  if (!again || again->ToText() != text) std::abort();
  return 0;
}
