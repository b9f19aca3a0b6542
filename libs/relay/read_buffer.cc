#include "relay/read_buffer.h"

#include <utility>

#include "base/limits.h"
#include "relay/connection.h"

namespace fate::relay {

ReadBuffer::ReadBuffer() : blocks_(kBlocks) {}

const std::vector<std::shared_ptr<char[]>>& ReadBuffer::Blocks() {
  for (auto& block : blocks_) {
    if (block.use_count() != 1) block = std::make_shared_for_overwrite<char[]>(kBlockBytes);
  }
  return blocks_;
}

bool ReadBuffer::full() const { return held_ >= kMaxRelayBytes; }

void ReadBuffer::Release(size_t bytes) {
  held_ -= bytes;
  if (paused_.empty() || held_ > kMaxRelayBytes / 2) return;
  for (const auto& weak : std::exchange(paused_, {})) {
    if (auto connection = weak.lock()) connection->ResumeReading();
  }
}

}  // namespace fate::relay
