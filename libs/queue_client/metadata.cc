#include "queue_client/metadata.h"

#include <charconv>
#include <random>

#include "base/status.h"
#include "base/text.h"

namespace fate::queue_client {

using transfer_queue::MessageId;

std::string MessageIdText(MessageId id) { return fmt::format("{:x}-{}", id.queue, id.offset); }

std::optional<MessageId> ParseMessageId(std::string_view text) {
  auto parts = Split(text, '-');
  if (parts.size() != 2) return std::nullopt;
  MessageId id;
  const char* end = parts[0].data() + parts[0].size();
  auto [stop, error] = std::from_chars(parts[0].data(), end, id.queue, 16);
  auto offset = ParseInt<uint64_t>(parts[1]);
  if (error != std::errc{} || stop != end || !offset) return std::nullopt;
  id.offset = *offset;
  return id;
}

std::string RandomId() {
  std::random_device random;
  return fmt::format("{:08x}{:08x}{:08x}", random(), random(), random());
}

}  // namespace fate::queue_client
