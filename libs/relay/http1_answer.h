#pragma once

// An answer of HTTP/1.1 (RFC 9112), taken apart as it comes in: status line, headers, body by
// length, in chunks or until the connection ends. No I/O; everything is bounded.

#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "relay/stream.h"

namespace fate::relay {

class Http1Answer {
 public:
  explicit Http1Answer(size_t max_body_bytes) : max_body_bytes_(max_body_bytes) {}

  // Errors: kInvalidArgument (no HTTP/1), kResourceExhausted (longer than the bounds). What
  // follows a complete answer is ignored.
  absl::Status Add(std::string_view bytes);
  // The connection has ended. Error: kUnavailable, if the answer is not whole.
  absl::Status End();
  bool complete() const { return state_ == State::kDone; }

  int status() const { return status_; }
  const Headers& headers() const { return headers_; }  // names in lower case
  const std::string& body() const { return body_; }

 private:
  enum class State {
    kStatusLine,
    kHeaders,
    kBody,          // left_ bytes
    kBodyUntilEnd,  // of the connection
    kChunkSize,
    kChunk,     // left_ bytes
    kChunkEnd,  // the line end behind them
    kTrailers,
    kDone
  };
  absl::Status OnLine(std::string_view line);
  absl::Status OnStatusLine(std::string_view line);
  absl::Status OnHeader(std::string_view line);
  absl::Status OnChunkSize(std::string_view line);
  absl::Status HeadersEnd();
  absl::Status Expect(uint64_t body_bytes);
  absl::Status Take(std::string_view* bytes);

  const size_t max_body_bytes_;
  State state_ = State::kStatusLine;
  std::string line_;       // that is not complete
  size_t head_bytes_ = 0;  // of all lines
  int status_ = 0;
  Headers headers_;
  std::string body_;
  uint64_t left_ = 0;
};

}  // namespace fate::relay
