#pragma once

// Bytes that are passed on without copying. A slice shares the ownership of the block it lies in:
// a block of a socket's read buffer, or a message. A message made of slices is a Rope (rope.h).

#include <cstring>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

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

// A first-in-first-out queue of bytes.
class SliceQueue {
 public:
  void Push(Slice slice) {
    bytes_ += slice.size;
    if (slice.size > 0) slices_.push_back(std::move(slice));
  }
  // Makes the last slice longer if `data` follows it in memory.
  bool Extend(const char* data, size_t size) {
    if (slices_.empty() || slices_.back().data + slices_.back().size != data) return false;
    slices_.back().size += size;
    bytes_ += size;
    return true;
  }
  // Takes up to `limit` bytes (at least one, if any) off the front without copying.
  Slice Pop(size_t limit) {
    Slice slice = slices_.front();
    if (slice.size > limit) {
      slice.size = limit;
      slices_.front().RemovePrefix(limit);
    } else {
      slices_.pop_front();
    }
    bytes_ -= slice.size;
    return slice;
  }
  void Clear() {
    slices_.clear();
    bytes_ = 0;
  }
  size_t bytes() const { return bytes_; }
  bool empty() const { return slices_.empty(); }
  const std::deque<Slice>& slices() const { return slices_; }

 private:
  std::deque<Slice> slices_;
  size_t bytes_ = 0;
};

}  // namespace fate
