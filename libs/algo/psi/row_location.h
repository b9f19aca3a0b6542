#pragma once

// Where a row lies in a party's frame: the key of its block and its number in the block. Other
// parties only carry it around.

#include <string>
#include <string_view>

namespace fate::algo {

inline constexpr size_t kBlockKeyBytes = 8;
inline constexpr size_t kLocationBytes = kBlockKeyBytes + 1;  // a block has at most 128 rows

inline std::string RowLocation(std::string_view block_key, size_t row) {
  return std::string(block_key).append(1, static_cast<char>(row));
}

}  // namespace fate::algo
