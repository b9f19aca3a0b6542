#pragma once

// The bodies of OSX's HTTP interface (spec/rollsite.md 5.9) as calls of the protocol.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::rollsite {

// One call of the protocol: where it goes and its message.
struct PtpCall {
  std::string path, message;
  absl::Duration wait;  // of a pop
};

// `body`: JSON of a POST to interconn/chan/<method>. Errors: kInvalidArgument (no JSON object, or
// a payload that is no base64), kUnimplemented (unknown method).
absl::StatusOr<PtpCall> ParseHttpCall(std::string_view method, std::string_view body);

}  // namespace fate::rollsite
