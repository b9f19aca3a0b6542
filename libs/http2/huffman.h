#pragma once

// HPACK's Huffman code (RFC 7541, 5.2 and appendix B), decoding only: what is sent goes unpacked,
// which costs neither side any work and a fifth more bytes in those few fields that a table does
// not hold.

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

namespace fate::http2 {

// Bits of each symbol's code; of a length the codes follow each other in the symbols' order. The
// last is the end-of-string symbol.
extern const std::array<uint8_t, 257> kHuffmanBits;

// Appends what `code` stands for; false, and anything appended, if it is no string.
bool DecodeHuffman(std::string_view code, std::vector<char>* text);

}  // namespace fate::http2
