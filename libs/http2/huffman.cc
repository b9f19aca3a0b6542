#include "http2/huffman.h"

namespace fate::http2 {

const std::array<uint8_t, 257> kHuffmanBits = {
    13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28,
    28, 28, 28, 28, 28, 28, 28, 28, 6,  10, 10, 12, 13, 6,  8,  11, 10, 10, 8,  11, 8,  6,  6,  6,
    5,  5,  5,  6,  6,  6,  6,  6,  6,  6,  7,  8,  15, 6,  12, 10, 13, 6,  7,  7,  7,  7,  7,  7,
    7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  7,  8,  7,  8,  13, 19, 13, 14, 6,
    15, 5,  6,  5,  6,  5,  6,  6,  6,  5,  7,  7,  6,  6,  6,  5,  6,  7,  6,  5,  5,  6,  7,  7,
    7,  7,  7,  15, 11, 14, 13, 28, 20, 22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23,
    24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23, 22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21,
    23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23, 23, 20, 22, 22, 22, 23, 22, 22, 23,
    26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21, 26, 27, 27, 26, 27, 24,
    21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24, 24, 26, 23,
    26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30,
};

namespace {

constexpr int kFirstBits = 10, kLongest = 30;
constexpr int kEndOfString = 256;

// Codes of up to kFirstBits by their bits and whatever follows; longer ones by their length, as
// canonical codes are.
struct Tables {
  struct Short {
    uint8_t symbol, bits;  // 0: the code is longer
  };
  std::array<Short, 1 << kFirstBits> first{};
  std::array<uint32_t, kLongest + 2> next_code{};  // beyond the last code of that length
  std::array<uint32_t, kLongest + 1> first_code{};
  std::array<uint16_t, kLongest + 1> first_symbol{};  // in `symbols`
  std::array<uint16_t, 257> symbols{};

  Tables() {
    uint32_t code = 0;
    size_t count = 0;
    for (int bits = 1; bits <= kLongest; ++bits) {
      code <<= 1;
      const auto at = static_cast<size_t>(bits);
      first_code[at] = code;
      first_symbol[at] = static_cast<uint16_t>(count);
      for (size_t symbol = 0; symbol < kHuffmanBits.size(); ++symbol) {
        if (kHuffmanBits[symbol] != bits) continue;
        symbols[count++] = static_cast<uint16_t>(symbol);
        if (bits <= kFirstBits) {
          const uint32_t from = code << (kFirstBits - bits);
          for (uint32_t i = 0; i < 1u << (kFirstBits - bits); ++i) {
            first[from + i] = {static_cast<uint8_t>(symbol), static_cast<uint8_t>(bits)};
          }
        }
        ++code;
      }
      next_code[at] = code;
    }
  }
};

const Tables& AllTables() {
  static const Tables tables;
  return tables;
}

}  // namespace

bool DecodeHuffman(std::string_view code, std::vector<char>* text) {
  const Tables& tables = AllTables();
  const size_t start = text->size();
  text->resize(start + code.size() * 8 / 5 + 1);
  char* out = text->data() + start;
  uint64_t bits = 0;  // the next one is the highest
  int count = 0;
  size_t at = 0;
  while (true) {
    while (count <= 56 && at < code.size()) {
      bits |= uint64_t{static_cast<uint8_t>(code[at++])} << (56 - count);
      count += 8;
    }
    const Tables::Short found = tables.first[bits >> (64 - kFirstBits)];
    if (found.bits != 0 && found.bits <= count) {
      *out++ = static_cast<char>(found.symbol);
      bits <<= found.bits;
      count -= found.bits;
      continue;
    }
    int length = kFirstBits + 1;
    while (length <= kLongest && (bits >> (64 - length)) >= tables.next_code[length]) ++length;
    if (length > count || length > kLongest) break;
    const auto value = static_cast<uint32_t>(bits >> (64 - length));
    const int symbol =
        tables.symbols[tables.first_symbol[length] + (value - tables.first_code[length])];
    if (symbol == kEndOfString) return false;
    *out++ = static_cast<char>(symbol);
    bits <<= length;
    count -= length;
  }
  text->resize(static_cast<size_t>(out - text->data()));
  // What is left is the beginning of the end-of-string symbol, which is ones only.
  return count < 8 && (count == 0 || (~bits >> (64 - count)) == 0);
}

}  // namespace fate::http2
