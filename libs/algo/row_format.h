#pragma once

// From the lines of an uploaded table to the rows of a data frame (spec/fate-flow.md 17.4,
// spec/federated-algorithms.md 4.1): the plan made of the table's meta, and the parser that
// follows it.

#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "algo/table_meta.h"
#include "dataframe/row.h"
#include "dataframe/schema.h"
#include "fate/dataframe_transformer.pb.h"

namespace fate::algo {

struct RowPlan {
  RowFormat format;
  dataframe::Schema schema;  // not yet named anonymously
};

// The match id is column match_id_name, else the column "id", else the sample id itself.
// Errors: "Please provide sample_id_name", "Only support dense input format in this version.",
// a column that the header does not have.
absl::StatusOr<RowPlan> PlanRows(const TableMeta& meta);

class RowParser {
 public:
  explicit RowParser(RowFormat format);
  // An empty cell and one of the na_values become NaN.
  // Errors name the row and the column: too many or too few fields, a cell that is no number, a
  // label that is missing or not of its type.
  absl::StatusOr<dataframe::Row> Parse(std::string_view sample_id, std::string_view line) const;

 private:
  bool IsMissing(std::string_view cell) const;
  absl::StatusOr<double> Cell(std::string_view sample_id, const RowFormat::Column& column,
                              std::string_view cell) const;
  absl::StatusOr<double> PresentCell(std::string_view sample_id, const RowFormat::Column& column,
                                     std::string_view cell) const;
  RowFormat format_;
};

}  // namespace fate::algo
