#pragma once

// The corner of Python's pickle format that tables of text need: one str, protocol 4
// (spec/fate-flow.md 17.1). Readers accept protocols 2..5; anything but one str is an error.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace fate::wire {

std::string PickleText(std::string_view utf8);
absl::StatusOr<std::string> UnpickleText(std::string_view bytes);

}  // namespace fate::wire
