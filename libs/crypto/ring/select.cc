#include "crypto/ring/select.h"

namespace fate::crypto {
namespace {

void SelectGeneric(uint64_t* out, const uint64_t* table, size_t entries, size_t words,
                   size_t index) {
  for (size_t word = 0; word < words; ++word) out[word] = 0;
  for (size_t entry = 0; entry < entries; ++entry) {
    const uint64_t difference = entry ^ index;
    const uint64_t mask = ((difference | -difference) >> 63) - 1;  // all ones where equal
    for (size_t word = 0; word < words; ++word) out[word] |= table[entry * words + word] & mask;
  }
}

}  // namespace

void Select(Isa isa, uint64_t* out, const uint64_t* table, size_t entries, size_t words,
            size_t index) {
#ifdef __x86_64__
  if (isa == Isa::kAvx512 || isa == Isa::kIfma) {
    return SelectAvx512(out, table, entries, words, index);
  }
  if (isa == Isa::kAvx2) return SelectAvx2(out, table, entries, words, index);
#endif
  SelectGeneric(out, table, entries, words, index);
}

}  // namespace fate::crypto
