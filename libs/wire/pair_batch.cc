#include "wire/pair_batch.h"

#include <algorithm>
#include <cstdint>
#include <utility>

#include "base/limits.h"
#include "base/status.h"

namespace fate::wire {
namespace {

constexpr std::string_view kHeader(
    "\x46\x70\x93\x94\x00\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00", kPairBatchHeaderBytes);
constexpr size_t kPairOverheadBytes = 8;
constexpr size_t kSpareBytes = 1024;  // added to the buffer of a pair that did not fit

void AppendInt(std::string& buffer, size_t value) {
  const char bytes[4] = {static_cast<char>(value >> 24), static_cast<char>(value >> 16),
                         static_cast<char>(value >> 8), static_cast<char>(value)};
  buffer.append(bytes, sizeof bytes);
}

// A signed big-endian integer; `bytes` has at least four.
int32_t ReadInt(std::string_view bytes) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<unsigned char>(bytes[i]);
  return static_cast<int32_t>(value);
}

}  // namespace

PairBatchWriter::PairBatchWriter(size_t buffer_bytes, Emit emit)
    : buffer_bytes_(buffer_bytes), emit_(std::move(emit)) {
  Reset(buffer_bytes_);
}

void PairBatchWriter::Reset(size_t capacity_bytes) {
  capacity_bytes_ = std::max(buffer_bytes_, capacity_bytes);
  buffer_.assign(kHeader);
}

absl::Status PairBatchWriter::Add(std::string_view key, std::string_view value) {
  if (key.empty()) return InvalidArgumentError("a pair with an empty key cannot be sent");
  size_t pair_bytes = kPairOverheadBytes + key.size() + value.size();
  if (pair_bytes > kMaxMessageBytes - kPairBatchHeaderBytes - kSpareBytes) {
    return InvalidArgumentError("a pair of {} bytes does not fit into one message of {} bytes",
                                pair_bytes, kMaxMessageBytes);
  }
  if (pair_bytes > capacity_bytes_ - std::min(capacity_bytes_, buffer_.size())) {
    RETURN_IF_ERROR(emit_(std::exchange(buffer_, std::string())));
    Reset(key.size() + value.size() + kSpareBytes);
    buffer_.reserve(capacity_bytes_);
  }
  AppendInt(buffer_, key.size());
  buffer_.append(key);
  AppendInt(buffer_, value.size());
  buffer_.append(value);
  return absl::OkStatus();
}

absl::Status PairBatchWriter::Finish() {
  absl::Status status = emit_(std::exchange(buffer_, std::string()));
  Reset(buffer_bytes_);
  return status;
}

absl::StatusOr<PairBatchReader> PairBatchReader::Open(std::string_view batch) {
  if (batch.size() < kPairBatchHeaderBytes) {
    return InvalidArgumentError("buffer overflow. remaining: {}, required: {}", batch.size(),
                                kPairBatchHeaderBytes);
  }
  if (batch.substr(0, 4) != kHeader.substr(0, 4)) {
    return InvalidArgumentError("magic num does not match");
  }
  if (batch.substr(4, 4) != kHeader.substr(4, 4)) {
    return InvalidArgumentError("protocol version not suppoted");
  }
  std::string_view body = batch.substr(kPairBatchHeaderBytes);
  int32_t body_size = ReadInt(batch.substr(12));
  if (body_size > 0 && static_cast<size_t>(body_size) != body.size()) {
    return InvalidArgumentError("body size does not match len of body");
  }
  return PairBatchReader(body);
}

bool PairBatchReader::Next() {
  for (std::string_view* part : {&key_, &value_}) {
    if (rest_.size() < 4) return false;
    int32_t length = ReadInt(rest_);
    if (length < 0) {
      status_ = InvalidArgumentError("pair batch holds the negative length {}", length);
      rest_ = {};
      return false;
    }
    bool ends_the_batch = part == &key_ && length == 0;
    if (ends_the_batch || static_cast<size_t>(length) > rest_.size() - 4) {
      rest_ = {};
      return false;
    }
    *part = rest_.substr(4, length);
    rest_.remove_prefix(4 + length);
  }
  return true;
}

}  // namespace fate::wire
