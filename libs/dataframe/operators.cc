#include "base/status.h"
#include "dataframe/data_frame.h"
#include "fate/dataframe.pb.h"

namespace fate::dataframe {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;

absl::Status CheckCancelled(const OperatorContext& context) {
  if (context.cancelled != nullptr && *context.cancelled) {
    return CancelledError("the session was stopped");
  }
  return absl::OkStatus();
}

absl::Status CheckRow(const Row& row, const BlocksFromRows& parameters) {
  if (row.values.size() == parameters.columns()) return absl::OkStatus();
  return InvalidArgumentError("row '{}' has {} values, the frame has {} columns", row.sample_id,
                              row.values.size(), parameters.columns());
}

absl::Status CutIntoBlocks(const OperatorContext& context, PairReader& input, PairWriter& output) {
  BlocksFromRows parameters;
  if (!parameters.ParseFromString(context.parameters) || parameters.columns() > kMaxColumns) {
    return InvalidArgumentError("dataframe.blocks_from_rows: unreadable parameters");
  }
  BlockBuilder builder(parameters.columns(), parameters.has_label(), parameters.has_weight());
  int64_t block = 0;
  while (input.Next()) {
    ASSIGN_OR_RETURN(Row row, DecodeRow(input.value()));
    RETURN_IF_ERROR(CheckRow(row, parameters));
    builder.Add(std::move(row));
    if (!builder.full()) continue;
    RETURN_IF_ERROR(CheckCancelled(context));
    RETURN_IF_ERROR(output.Put(BlockKey(context.partition, block++), builder.Finish()));
  }
  RETURN_IF_ERROR(input.status());
  if (builder.rows() == 0) return absl::OkStatus();
  return output.Put(BlockKey(context.partition, block), builder.Finish());
}

absl::Status SplitIntoRows(const OperatorContext& context, PairReader& input, PairWriter& output) {
  while (input.Next()) {
    RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(Block block, Block::Decode(input.value()));
    for (size_t i = 0; i < block.rows(); ++i) {
      RETURN_IF_ERROR(output.Put(block.sample_id(i), EncodeRow(block.ToRow(i))));
    }
  }
  return input.status();
}

absl::StatusOr<std::string> CountBlockRows(const OperatorContext&, PairReader& input) {
  int64_t rows = 0;
  while (input.Next()) {
    ASSIGN_OR_RETURN(Block block, Block::Decode(input.value()));
    rows += int64_t(block.rows());
  }
  RETURN_IF_ERROR(input.status());
  return std::to_string(rows);
}

}  // namespace

void RegisterDataFrameOperators(compute::OperatorRegistry& registry) {
  registry.AddMap("dataframe.blocks_from_rows", &CutIntoBlocks);
  registry.AddMap("dataframe.rows_from_blocks", &SplitIntoRows);
  registry.AddFold("dataframe.count_rows", &CountBlockRows);
}

}  // namespace fate::dataframe
