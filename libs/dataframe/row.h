#pragma once

// One row as the value of a table: what shuffles between partitions before rows become blocks.
//
//   "R" | flags u8 | sample id bytes u32 | match id bytes u32 | values u32
//   | label f64? | weight f64? | values f64 each | sample id | match id

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "dataframe/block.h"

namespace fate::dataframe {

std::string EncodeRow(const Row& row);
// Error: kDataLoss for anything EncodeRow does not write.
absl::StatusOr<Row> DecodeRow(std::string_view bytes);

}  // namespace fate::dataframe
