#pragma once

// The bodies of OSX's HTTP interface (spec/rollsite.md 5.9) as calls of the protocol.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/rope.h"

namespace fate::rollsite {

// One call of the protocol: where it goes and its message.
struct PtpCall {
  std::string path, message;
  absl::Duration wait;  // of a pop
};

// `body`: JSON of a POST to interconn/chan/<method>. Errors: kInvalidArgument (no JSON object, or
// a payload that is no base64), kUnimplemented (unknown method).
absl::StatusOr<PtpCall> ParseHttpCall(std::string_view method, std::string_view body);

// The body of a POST of `bytes` as base64, made piece by piece: {"payload": "..."}, or what stands
// before the payload instead of `before`.
class HttpBody {
 public:
  explicit HttpBody(Rope bytes, std::string before = R"({"payload": ")");
  size_t size() const;
  std::string Next();

 private:
  const Rope bytes_;
  const std::string before_;
  size_t position_ = 0;
  bool begun_ = false;
};
// What stands before the payload of a push to `topic` (spec 5.9).
std::string HttpPushHead(std::string_view topic);

// The answer to a POST of a push or invoke.
struct HttpAnswer {
  std::string code, message, payload;
};
// Error: kInternal, if it is no JSON or has no code.
absl::StatusOr<HttpAnswer> ParseHttpAnswer(std::string_view body);

}  // namespace fate::rollsite
