#pragma once

// A data frame: a table of blocks and its schema. Rows of two frames with the same sample ids
// that came out of psi lie in the same order: partition = mmh3(sample id), inside a partition
// ascending by sample id.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "compute/operators.h"
#include "compute/session.h"
#include "dataframe/block.h"
#include "dataframe/schema.h"

namespace fate::dataframe {

struct DataFrame {
  compute::Table table;
  Schema schema;

  absl::StatusOr<int64_t> CountRows() const;
  // Rows in partition order until `take` returns false.
  absl::Status ForEachRow(const std::function<bool(const Row&)>& take) const;
};

// Makes a frame out of a table whose keys are sample ids and whose values are EncodeRow bytes:
// the rows of each partition, in key order, cut into blocks.
absl::StatusOr<DataFrame> FromRows(const compute::Table& rows, const Schema& schema);

std::string EncodeRow(const Row& row);
absl::StatusOr<Row> DecodeRow(std::string_view bytes);

// Operators of this library: "dataframe.blocks_from_rows", "dataframe.count_rows", ...
void RegisterDataFrameOperators(compute::OperatorRegistry& registry);

}  // namespace fate::dataframe
