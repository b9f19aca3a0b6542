#pragma once

// Bytes on their way to a socket: small pieces are gathered in blocks, large ones stay where they
// are.

#include <algorithm>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/slice.h"

namespace fate::http2 {

class Output {
 public:
  // Copies.
  void Append(std::string_view bytes) {
    if (slices_.empty() && block_.use_count() == 1) used_ = 0;
    if (size_ - used_ < bytes.size()) MakeRoom(bytes.size());
    char* const start = block_.get() + used_;
    std::memcpy(start, bytes.data(), bytes.size());
    used_ += bytes.size();
    if (!slices_.Extend(start, bytes.size())) slices_.Push({block_, start, bytes.size()});
  }
  void Push(Slice slice) {
    slice.size < kCopyBelowBytes ? Append(slice.view()) : slices_.Push(std::move(slice));
  }
  size_t bytes() const { return slices_.bytes(); }
  bool empty() const { return slices_.empty(); }
  std::span<const Slice> slices() const { return slices_.slices(); }
  void RemovePrefix(size_t bytes) {
    while (bytes > 0) bytes -= slices_.Pop(bytes).size;
  }

 private:
  static constexpr size_t kFirstBlockBytes = 1 << 10;  // enough for a connection of one call
  static constexpr size_t kBlockBytes = 16 << 10;
  static constexpr size_t kCopyBelowBytes = 2048;

  void MakeRoom(size_t bytes) {
    size_ = std::max(block_ ? kBlockBytes : kFirstBlockBytes, bytes);
    block_ = std::make_shared_for_overwrite<char[]>(size_);
    used_ = 0;
  }

  SliceQueue slices_;
  std::shared_ptr<char[]> block_;  // where small pieces go
  size_t size_ = 0, used_ = 0;
};

}  // namespace fate::http2
