#pragma once

#include <cstddef>
#include <cstdint>

namespace fate::crypto {

// Asks for an element that is read soon, which lies anywhere in memory; null asks for nothing.
inline void Prefetch(const uint64_t* element, size_t words) {
  if (element == nullptr) return;
  for (size_t word = 0; word < words; word += 8) __builtin_prefetch(element + word);
}

}  // namespace fate::crypto
