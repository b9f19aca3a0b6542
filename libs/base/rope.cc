#include "base/rope.h"

#include <algorithm>
#include <cstring>

namespace fate {
namespace {

constexpr size_t kCopyBelowBytes = 8 << 10;
constexpr size_t kCopyBlockBytes = 64 << 10;  // as large as the blocks of a socket's buffer

}  // namespace

Rope::Rope(std::string bytes) {
  size_ = bytes.size();
  if (size_ > 0) pieces_.push_back(Slice::Take(std::move(bytes)));
}

void Rope::Append(Slice slice, size_t expected) {
  if (slice.size == 0) return;
  if (block_bytes_ > 0 && pieces_.back().owner != slice.owner) {
    LeaveBlock(slice.size + expected);
  }
  if (block_bytes_ == 0 && slice.size < kCopyBelowBytes) return Copy(slice.view(), expected);
  block_bytes_ += slice.size;
  size_ += slice.size;
  pieces_.push_back(std::move(slice));
}

// Copies the last block's pieces if they are less than half of a block.
void Rope::LeaveBlock(size_t expected) {
  size_t bytes = std::exchange(block_bytes_, 0);
  if (bytes >= kCopyBlockBytes / 2) return;
  size_t first = pieces_.size();
  for (size_t covered = 0; covered < bytes;) covered += pieces_[--first].size;
  std::vector<Slice> run(pieces_.begin() + static_cast<ptrdiff_t>(first), pieces_.end());
  pieces_.resize(first);
  size_ -= bytes;
  copy_room_ = 0;
  for (const Slice& piece : run) {
    bytes -= piece.size;
    Copy(piece.view(), bytes + expected);
  }
}

void Rope::Copy(std::string_view bytes, size_t expected) {
  while (!bytes.empty()) {
    if (copy_room_ == 0 || pieces_.empty() ||
        pieces_.back().data + pieces_.back().size != copy_end_ ||
        pieces_.back().owner.use_count() > 1) {
      copy_room_ = std::min(kCopyBlockBytes, bytes.size() + std::min(expected, kCopyBlockBytes));
      auto owner = std::make_shared_for_overwrite<char[]>(copy_room_);
      copy_end_ = owner.get();
      pieces_.push_back({owner, owner.get(), 0});
    }
    size_t size = std::min(copy_room_, bytes.size());
    std::memcpy(copy_end_, bytes.data(), size);
    pieces_.back().size += size;
    copy_end_ += size;
    copy_room_ -= size;
    size_ += size;
    bytes.remove_prefix(size);
  }
}

Rope Rope::Sub(size_t from, size_t size) const {
  Rope result;
  for (const Slice& piece : pieces_) {
    if (size == 0) break;
    if (from >= piece.size) {
      from -= piece.size;
      continue;
    }
    Slice part = piece;
    part.RemovePrefix(from);
    from = 0;
    part.size = std::min(part.size, size);
    size -= part.size;
    result.size_ += part.size;
    result.pieces_.push_back(std::move(part));
  }
  return result;
}

std::string Rope::ToString() const {
  std::string result;
  result.reserve(size_);
  for (const Slice& piece : pieces_) result.append(piece.view());
  return result;
}

bool RopeReader::Varint(uint64_t* value) {
  *value = 0;
  for (int shift = 0; shift < 70; shift += 7) {
    while (piece_ < rope_.pieces().size() && in_piece_ == rope_.pieces()[piece_].size) {
      ++piece_;
      in_piece_ = 0;
    }
    if (piece_ == rope_.pieces().size()) return false;
    auto byte = static_cast<unsigned char>(rope_.pieces()[piece_].data[in_piece_++]);
    ++position_;
    *value |= uint64_t{byte & 0x7fu} << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

bool RopeReader::Skip(size_t bytes) {
  if (bytes > left()) return false;
  position_ += bytes;
  while (bytes > 0) {
    size_t here = std::min(bytes, rope_.pieces()[piece_].size - in_piece_);
    in_piece_ += here;
    bytes -= here;
    if (in_piece_ == rope_.pieces()[piece_].size && bytes > 0) {
      ++piece_;
      in_piece_ = 0;
    }
  }
  return true;
}

bool RopeReader::Take(size_t bytes, Rope* rope) {
  if (bytes > left()) return false;
  *rope = rope_.Sub(position_, bytes);
  return Skip(bytes);
}

}  // namespace fate
