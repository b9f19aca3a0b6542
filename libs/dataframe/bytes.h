#pragma once

// Little-endian numbers in byte strings, without regard to alignment.

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace fate::dataframe {

static_assert(std::endian::native == std::endian::little, "blocks are mapped, not converted");

template <class Number>
void AppendNumber(std::string& out, Number number) {
  out.append(reinterpret_cast<const char*>(&number), sizeof number);
}

// `offset + sizeof(Number)` must lie within `bytes`.
template <class Number>
Number NumberAt(std::string_view bytes, size_t offset) {
  Number number;
  std::memcpy(&number, bytes.data() + offset, sizeof number);
  return number;
}

}  // namespace fate::dataframe
