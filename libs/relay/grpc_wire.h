#pragma once

// gRPC over HTTP/2 by hand (PROTOCOL-HTTP2.md of gRPC): message frames, timeouts, status.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/rope.h"
#include "relay/stream.h"

namespace fate::relay {

// One message on the wire: compressed flag (always 0 here), length (big-endian), bytes.
inline constexpr size_t kFrameHeadBytes = 5;
std::string FrameHead(size_t message_bytes);

// The message's length from its kFrameHeadBytes. Errors: kUnimplemented (compressed),
// kResourceExhausted (longer than the limit), kInvalidArgument (flag neither 0 nor 1).
absl::StatusOr<size_t> ParseFrameHead(std::string_view head, size_t limit_bytes);

// Takes a stream of message frames apart. Errors: as ParseFrameHead.
class FrameReader {
 public:
  explicit FrameReader(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Takes bytes off the front of `*bytes` up to the end of a message, which is then returned;
  // nullopt when `*bytes` is used up first.
  absl::StatusOr<std::optional<std::string>> Next(std::string_view* bytes);
  // Nothing of an unfinished message is held.
  bool AtBoundary() const { return head_.empty() && !in_message_; }

 private:
  size_t limit_bytes_;
  std::string head_;
  bool in_message_ = false;
  size_t length_ = 0;
  std::string message_;
};

// The same for one message that is kept as it arrives, without copying.
class RopeFrameReader {
 public:
  explicit RopeFrameReader(size_t limit_bytes) : limit_bytes_(limit_bytes) {}

  // Errors: also kInvalidArgument for bytes behind the message.
  absl::Status Add(Slice slice);
  bool complete() const { return length_ && message_.size() == *length_; }
  Rope Take() { return std::move(message_); }

 private:
  size_t limit_bytes_;
  std::string head_;
  std::optional<size_t> length_;
  Rope message_;
};

// "10S" -> 10 s. nullopt when malformed (up to 8 digits and one of H M S m u n).
std::optional<absl::Duration> ParseTimeout(std::string_view text);
std::string FormatTimeout(absl::Duration timeout);

// grpc-message: percent-encoding of everything but printable ASCII.
std::string PercentEncode(std::string_view text);
std::string PercentDecode(std::string_view text);

// The status of an answer: from its trailers, or from the head of a trailers-only one, or from
// an HTTP status that no gRPC server sends.
absl::Status StatusOf(const Headers& head, const Headers& trailers);

// grpc-status and grpc-message. Texts are cut at 4 KiB: they travel in a header block.
Headers StatusTrailers(const absl::Status& status);
// :status 200 and the content type.
const Headers& ResponseHead();
// A request's head, with `metadata` and `more` behind it. `timeout` infinite: none is sent.
Headers RequestHead(std::string_view path, std::string_view authority, absl::Duration timeout,
                    const Headers& metadata = {}, const Headers* more = nullptr);

// Ends a server stream with `status`; trailers-only when the head has not been sent.
void SendStatus(Stream* stream, bool head_sent, const absl::Status& status);
// A whole unary answer with status OK; the pieces of the message are sent without copying.
void SendMessage(Stream* stream, std::vector<Slice> pieces, const Headers& metadata = {});

}  // namespace fate::relay
