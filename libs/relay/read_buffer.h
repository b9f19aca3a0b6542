#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace fate::relay {

class Connection;

// Blocks that sockets are read into; a block is used again when no slice refers to it. Also the
// bound on what all streams of one direction hold together (kMaxRelayBytes): beyond it the
// direction's sockets are not read until half of it has gone on.
class ReadBuffer {
 public:
  static constexpr size_t kBlockBytes = 64 << 10;
  static constexpr int kBlocks = 16;

  ReadBuffer();
  // Fresh blocks for one read of up to `bytes`, at most kBlocks.
  std::span<const std::shared_ptr<char[]>> Blocks(size_t bytes);

  void Hold(size_t bytes) { held_ += bytes; }
  void Release(size_t bytes);
  bool full() const;
  void Pause(std::weak_ptr<Connection> connection) { paused_.push_back(std::move(connection)); }
  size_t held_bytes() const { return held_; }

  // Streams that have brought more than kBulkBytes share what peers on the same network may have
  // under way: together it then stays in the processor's cache.
  static constexpr size_t kBulkBytes = 128 << 10;
  void BulkBegins() { ++bulk_streams_; }
  void BulkEnds() { --bulk_streams_; }
  uint32_t NearBulkWindow() const;

 private:
  std::vector<std::shared_ptr<char[]>> blocks_;
  size_t held_ = 0;
  uint32_t bulk_streams_ = 0;
  std::vector<std::weak_ptr<Connection>> paused_;
};

}  // namespace fate::relay
