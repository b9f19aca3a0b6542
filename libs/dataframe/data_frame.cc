#include "dataframe/data_frame.h"

#include <cmath>
#include <numeric>

#include "base/status.h"
#include "base/text.h"
#include "fate/dataframe.pb.h"

namespace fate::dataframe {
namespace {

using nlohmann::json;

// Integers without a fraction, as the label column prints.
json Number(double value, const std::string& dtype) {
  constexpr double kExact = 9007199254740992;  // 2^53
  bool whole = std::trunc(value) == value && std::abs(value) <= kExact;
  return whole && dtype.starts_with("int") ? json(int64_t(value)) : json(value);
}

json RowAsList(const Row& row, const Schema& schema) {
  json list = json::array();
  size_t column = 0;
  for (const Field& field : schema.fields) {
    switch (field.property) {
      case Property::kSampleId:
        list.push_back(row.sample_id);
        break;
      case Property::kMatchId:
        list.push_back(row.match_id);
        break;
      case Property::kLabel:
        list.push_back(Number(row.label.value_or(0), field.dtype));
        break;
      case Property::kWeight:
        list.push_back(Number(row.weight.value_or(0), field.dtype));
        break;
      case Property::kColumn:
        list.push_back(Number(row.values[column++], field.dtype));
        break;
    }
  }
  return list;
}

}  // namespace

absl::StatusOr<std::vector<int64_t>> DataFrame::PartitionRows() const {
  ASSIGN_OR_RETURN(auto counts, table.Fold("dataframe.count_rows", ""));
  std::vector<int64_t> rows;
  for (const std::string& count : counts) {
    auto number = ParseInt<int64_t>(count);
    if (!number) return InternalError("an egg counted '{}' rows", Escape(count));
    rows.push_back(*number);
  }
  return rows;
}

absl::StatusOr<int64_t> DataFrame::CountRows() const {
  ASSIGN_OR_RETURN(auto rows, PartitionRows());
  return std::accumulate(rows.begin(), rows.end(), int64_t{0});
}

absl::Status DataFrame::ForEachRow(const std::function<bool(const Row&)>& take) const {
  absl::Status status;
  size_t columns = schema.Columns().size();
  auto take_block = [&](std::string_view, std::string_view bytes) {
    auto block = Block::Decode(bytes);
    if (block.ok() && block->columns() != columns) {
      block = DataLossError("a block has {} columns, the schema {}", block->columns(), columns);
    }
    if (!block.ok()) {
      status = block.status();
      return false;
    }
    for (size_t i = 0; i < block->rows(); ++i) {
      if (!take(block->ToRow(i))) return false;
    }
    return true;
  };
  RETURN_IF_ERROR(table.GetAll(take_block));
  return status;
}

absl::StatusOr<json> DataFrame::Samples(int limit) const {
  json samples = json::array();
  if (limit <= 0) return samples;
  RETURN_IF_ERROR(ForEachRow([&](const Row& row) {
    samples.push_back(RowAsList(row, schema));
    return int(samples.size()) < limit;
  }));
  return samples;
}

absl::StatusOr<compute::Table> DataFrame::ToRows() const {
  return table.Map("dataframe.rows_from_blocks", "");
}

absl::StatusOr<DataFrame> FromRows(const compute::Table& rows, const Schema& schema) {
  BlocksFromRows parameters;
  parameters.set_columns(uint32_t(schema.Columns().size()));
  parameters.set_has_label(schema.HasLabel());
  parameters.set_has_weight(schema.HasWeight());
  ASSIGN_OR_RETURN(compute::Table table,
                   rows.Map("dataframe.blocks_from_rows", parameters.SerializeAsString()));
  return DataFrame{table, schema};
}

}  // namespace fate::dataframe
