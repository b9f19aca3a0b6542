#pragma once

// A message as it came from a socket: slices in a row, not copied together. Small pieces are
// copied after all, and so is what is left of a block that would be kept for less than half of
// its bytes: a rope keeps at most about twice its own size alive.

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/slice.h"

namespace fate {

class Rope {
 public:
  Rope() = default;
  explicit Rope(std::string bytes);

  // `expected`: bytes that will follow the slice, for the buffer that small pieces go to.
  void Append(Slice slice, size_t expected = 0);

  size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  const std::vector<Slice>& pieces() const { return pieces_; }
  // The bytes [from, from + size), sharing the blocks. The range must lie inside.
  Rope Sub(size_t from, size_t size) const;
  std::string ToString() const;

 private:
  void Copy(std::string_view bytes, size_t expected);
  void LeaveBlock(size_t expected);

  std::vector<Slice> pieces_;
  size_t size_ = 0;
  size_t block_bytes_ = 0;  // of the last pieces, which share one block that is not ours
  char* copy_end_ = nullptr;
  size_t copy_room_ = 0;  // free bytes behind copy_end_, in the block of the last copied piece
};

// Reads a rope from the front: protobuf's varints and lengths across pieces.
class RopeReader {
 public:
  explicit RopeReader(const Rope& rope) : rope_(rope) {}

  size_t left() const { return rope_.size() - position_; }
  size_t position() const { return position_; }
  // False at the end, or when the varint is longer than 10 bytes.
  bool Varint(uint64_t* value);
  // False when fewer bytes are left.
  bool Skip(size_t bytes);
  bool Take(size_t bytes, Rope* rope);

 private:
  const Rope& rope_;
  size_t position_ = 0;
  size_t piece_ = 0, in_piece_ = 0;
};

}  // namespace fate
