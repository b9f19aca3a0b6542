#pragma once

// Bytes that are passed on without copying. A slice shares the ownership of the block it lies in:
// a block of a socket's read buffer, or a message. A message made of slices is a Rope (rope.h).

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace fate {

struct Slice {
  std::shared_ptr<const void> owner;
  const char* data = nullptr;
  size_t size = 0;

  std::string_view view() const { return {data, size}; }
  void RemovePrefix(size_t bytes) {
    data += bytes;
    size -= bytes;
  }

  static Slice Take(std::string bytes) {
    auto owner = std::make_shared<const std::string>(std::move(bytes));
    return {owner, owner->data(), owner->size()};
  }
  static Slice Copy(std::string_view bytes) {
    auto owner = std::make_shared_for_overwrite<char[]>(bytes.size());
    std::memcpy(owner.get(), bytes.data(), bytes.size());
    return {owner, owner.get(), bytes.size()};
  }
};

// A first-in-first-out queue of bytes. Most hold a slice or two: one that never held any costs no
// memory besides itself.
class SliceQueue {
 public:
  void Push(Slice slice) {
    bytes_ += slice.size;
    if (slice.size == 0) return;
    if (slices_.capacity() == 0) slices_.reserve(kUsualSlices);
    slices_.push_back(std::move(slice));
  }
  // Makes the last slice longer if `data` follows it in memory.
  bool Extend(const char* data, size_t size) {
    if (empty() || slices_.back().data + slices_.back().size != data) return false;
    slices_.back().size += size;
    bytes_ += size;
    return true;
  }
  // Takes up to `limit` bytes (at least one, if any) off the front without copying.
  Slice Pop(size_t limit) {
    Slice& first = slices_[first_];
    bytes_ -= std::min(limit, first.size);
    if (first.size > limit) {
      Slice part{first.owner, first.data, limit};
      first.RemovePrefix(limit);
      return part;
    }
    Slice whole = std::move(first);
    Advance();
    return whole;
  }
  void Clear() {
    slices_.clear();
    first_ = bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }
  bool empty() const { return first_ == slices_.size(); }
  std::span<const Slice> slices() const { return std::span(slices_).subspan(first_); }

 private:
  // The front moves up when half the room lies before it: constant time a slice in the mean.
  void Advance() {
    if (++first_ == slices_.size()) {
      slices_.clear();
      first_ = 0;
    } else if (first_ >= kMostBefore && first_ * 2 >= slices_.size()) {
      slices_.erase(slices_.begin(), slices_.begin() + static_cast<ptrdiff_t>(first_));
      first_ = 0;
    }
  }

  static constexpr size_t kUsualSlices = 2;  // of a message: head and body
  static constexpr size_t kMostBefore = 16;
  std::vector<Slice> slices_;
  size_t first_ = 0;  // of those that have not been taken
  size_t bytes_ = 0;
};

}  // namespace fate
