#include "relay/read_buffer.h"

#include <algorithm>
#include <utility>

#include "base/limits.h"
#include "relay/connection.h"

namespace fate::relay {
namespace {

constexpr uint32_t kSharedBulkBytes = 1 << 20, kLeastBulkWindowBytes = 64 << 10;

}  // namespace

ReadBuffer::ReadBuffer() : blocks_(kBlocks) {}

std::span<const std::shared_ptr<char[]>> ReadBuffer::Blocks(size_t bytes) {
  const size_t count = std::clamp<size_t>((bytes + kBlockBytes - 1) / kBlockBytes, 1, kBlocks);
  const auto blocks = std::span(blocks_).first(count);
  for (auto& block : blocks) {
    if (block.use_count() != 1) block = std::make_shared_for_overwrite<char[]>(kBlockBytes);
  }
  return blocks;
}

bool ReadBuffer::full() const { return held_ >= kMaxRelayBytes; }

void ReadBuffer::Release(size_t bytes) {
  held_ -= bytes;
  if (paused_.empty() || held_ > kMaxRelayBytes / 2) return;
  for (const auto& weak : std::exchange(paused_, {})) {
    if (auto connection = weak.lock()) connection->ResumeReading();
  }
}

uint32_t ReadBuffer::NearBulkWindow() const {
  return std::max(kLeastBulkWindowBytes, kSharedBulkBytes / std::max(bulk_streams_, 1u));
}

}  // namespace fate::relay
