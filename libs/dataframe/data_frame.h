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
#include "dataframe/row.h"
#include "dataframe/schema.h"

namespace fate::dataframe {

struct DataFrame {
  compute::Table table;
  Schema schema;

  absl::StatusOr<int64_t> CountRows() const;
  // Rows of each partition.
  absl::StatusOr<std::vector<int64_t>> PartitionRows() const;
  // Rows in partition order until `take` returns false.
  absl::Status ForEachRow(const std::function<bool(const Row&)>& take) const;
  // The first `limit` rows as the flow server keeps them for display: lists of texts and numbers
  // in the order of the schema's fields.
  absl::StatusOr<nlohmann::json> Samples(int limit) const;
  // A table of rows: key = sample id, value = EncodeRow; same partitions.
  absl::StatusOr<compute::Table> ToRows() const;
};

// Makes a frame out of a table whose values are EncodeRow bytes: the rows of each partition, in
// the order of the keys (normally sample ids), cut into blocks.
// Error: kInvalidArgument naming the sample id of a row whose number of values is not the schema's.
absl::StatusOr<DataFrame> FromRows(const compute::Table& rows, const Schema& schema);

// map "dataframe.blocks_from_rows" (fate.BlocksFromRows), map "dataframe.rows_from_blocks",
// fold "dataframe.count_rows" (decimal text).
void RegisterDataFrameOperators(compute::OperatorRegistry& registry);

}  // namespace fate::dataframe
