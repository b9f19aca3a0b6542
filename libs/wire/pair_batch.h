#pragma once

// Pair batch: the binary block of key/value pairs inside TransferBatch.data and Packet.body
// (spec/eggroll-compute-and-storage.md 8). All integers big-endian int32.
//
//   46 70 93 94 | 00 00 00 01 | header size | body size | (key length, key, value length, value)*

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fate::wire {

inline constexpr size_t kPairBatchHeaderBytes = 16;
inline constexpr size_t kDefaultSendBufferBytes = 250'000;
inline constexpr size_t kFederationSendBufferBytes = 100'000;

// Packs pairs into batches by the writer rules of section 8.3 and hands each finished batch to
// `emit`. Finish() always emits the current buffer, even one without pairs.
class PairBatchWriter {
 public:
  using Emit = std::function<absl::Status(std::string batch)>;
  PairBatchWriter(size_t buffer_bytes, Emit emit);
  absl::Status Add(std::string_view key, std::string_view value);
  absl::Status Finish();

 private:
  void Reset(size_t capacity_bytes);
  size_t buffer_bytes_;
  size_t capacity_bytes_ = 0;
  std::string buffer_;
  Emit emit_;
};

// Reads one batch by the rules of section 8.2; views point into the batch.
class PairBatchReader {
 public:
  // Errors: kInvalidArgument with the spec's text ("magic num does not match", ...).
  static absl::StatusOr<PairBatchReader> Open(std::string_view batch);
  // False at the end. A truncated last pair ends the batch; a negative length is an error
  // (status()).
  bool Next();
  std::string_view key() const { return key_; }
  std::string_view value() const { return value_; }
  const absl::Status& status() const { return status_; }

 private:
  explicit PairBatchReader(std::string_view body) : rest_(body) {}
  std::string_view rest_, key_, value_;
  absl::Status status_;
};

}  // namespace fate::wire
