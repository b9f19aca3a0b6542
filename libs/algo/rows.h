#pragma once

// What operators over rows share: keys of numbered rows, joining two sorted partitions, stopping
// when the session is cancelled.

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "absl/status/status.h"
#include "compute/operators.h"

namespace fate::algo {

// How many rows an operator handles between two looks at the cancel flag: some milliseconds.
inline constexpr int64_t kRowsBetweenChecks = 4096;

absl::Status CheckCancelled(const compute::OperatorContext& context);

// 8 bytes, big-endian: numeric order is key order.
std::string RowKey(int64_t number);

// Calls `take` for every key that both sides have, in key order.
absl::Status MergeJoin(
    const compute::OperatorContext& context, compute::PairReader& left, compute::PairReader& right,
    const std::function<absl::Status(std::string_view key, std::string_view left_value,
                                     std::string_view right_value)>& take);

}  // namespace fate::algo
