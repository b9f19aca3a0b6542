#include "algo/row_format.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "base/status.h"
#include "base/text.h"

namespace fate::algo {
namespace {

using dataframe::Field;
using dataframe::Property;

constexpr char kDefaultMatchId[] = "id";
constexpr double kExactIntegers = 9007199254740992;  // 2^53

std::string Shown(std::string_view text) {
  return text.size() > 40 ? Escape(text.substr(0, 37)) + "..." : Escape(text);
}

absl::Status CheckMeta(const TableMeta& meta) {
  if (meta.input_format != "dense") {
    return InvalidArgumentError("Only support dense input format in this version.");
  }
  if (meta.sample_id_name.empty()) return InvalidArgumentError("Please provide sample_id_name");
  if (meta.header.empty()) {
    return InvalidArgumentError("the table has no header; upload it with head or meta.header");
  }
  RETURN_IF_ERROR(CheckHeader(meta.header));
  if (meta.match_id_list.size() > 1 || meta.match_id_range > 1) {
    return UnimplementedError(
        "several match ids (match_id_list, match_id_range) are not "
        "supported; set match_id_name to one column");
  }
  return absl::OkStatus();
}

// Columns of the line: the header without the sample id, which is the key.
std::vector<std::string> LineColumns(const TableMeta& meta) {
  std::vector<std::string> columns;
  for (const auto& name : meta.header) {
    if (name != meta.sample_id_name) columns.push_back(name);
  }
  return columns;
}

std::string MatchIdName(const TableMeta& meta, const std::vector<std::string>& columns) {
  std::string name = meta.match_id_name;
  if (name.empty() && !meta.match_id_list.empty()) name = meta.match_id_list[0];
  if (name == meta.sample_id_name) return "";
  bool has_default = std::find(columns.begin(), columns.end(), kDefaultMatchId) != columns.end();
  return name.empty() && has_default ? kDefaultMatchId : name;
}

// Takes the columns of a plan one property after the other.
class Planner {
 public:
  Planner(const TableMeta& meta, std::vector<std::string> columns)
      : meta_(meta), columns_(std::move(columns)), taken_(columns_.size()) {
    plan_.format.set_delimiter(meta.delimiter);
    plan_.format.set_fields(uint32_t(columns_.size()));
    for (const auto& text : meta.na_values) plan_.format.add_na_values(text);
    plan_.schema.fields.push_back({meta.sample_id_name, "", Property::kSampleId, "index"});
  }

  absl::Status TakeMatchId(const std::string& name) {
    if (!name.empty()) return Take(name, "match id", Property::kMatchId, "index");
    plan_.schema.fields.push_back({meta_.sample_id_name, "", Property::kMatchId, "index"});
    return absl::OkStatus();
  }
  absl::Status Take(const std::string& name, std::string_view what, Property property,
                    const std::string& dtype) {
    if (name.empty()) return absl::OkStatus();
    auto found = std::find(columns_.begin(), columns_.end(), name);
    if (found == columns_.end()) {
      return InvalidArgumentError("the {} column '{}' is not in the header '{}'", what, Shown(name),
                                  Shown(Join(columns_, meta_.delimiter)));
    }
    size_t field = size_t(found - columns_.begin());
    if (taken_[field]) {
      return InvalidArgumentError("column '{}' cannot be the {} too", Shown(name), what);
    }
    Add(field, property, dtype);
    return absl::OkStatus();
  }
  RowPlan TakeRest() {
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (!taken_[i]) Add(i, Property::kColumn, meta_.DtypeOf(columns_[i]));
    }
    return std::move(plan_);
  }

 private:
  RowFormat::Column* NewColumn(Property property) {
    switch (property) {
      case Property::kMatchId:
        return plan_.format.add_match_id();
      case Property::kLabel:
        return plan_.format.add_label();
      case Property::kWeight:
        return plan_.format.add_weight();
      default:
        return plan_.format.add_columns();
    }
  }
  void Add(size_t field, Property property, const std::string& dtype) {
    taken_[field] = true;
    auto* column = NewColumn(property);
    column->set_name(columns_[field]);
    column->set_dtype(dtype);
    column->set_field(uint32_t(field));
    plan_.schema.fields.push_back({columns_[field], "", property, dtype});
  }

  const TableMeta& meta_;
  std::vector<std::string> columns_;
  std::vector<bool> taken_;
  RowPlan plan_;
};

std::optional<double> ParseNumber(std::string_view cell) {
  if (cell.starts_with('+') && cell.size() > 1 && cell[1] != '-') cell.remove_prefix(1);
  return ParseDouble(cell);
}

bool IsInteger(double value, const std::string& dtype) {
  double limit = dtype == "int32" ? 2147483648.0 : kExactIntegers;
  return std::trunc(value) == value && value >= -limit && value < limit;
}

}  // namespace

absl::StatusOr<RowPlan> PlanRows(const TableMeta& meta) {
  RETURN_IF_ERROR(CheckMeta(meta));
  std::vector<std::string> columns = LineColumns(meta);
  if (columns.size() > dataframe::kMaxColumns) {
    return InvalidArgumentError("the table has {} columns; at most {} are possible", columns.size(),
                                dataframe::kMaxColumns);
  }
  std::string match_id = MatchIdName(meta, columns);
  Planner planner(meta, std::move(columns));
  RETURN_IF_ERROR(planner.TakeMatchId(match_id));
  RETURN_IF_ERROR(planner.Take(meta.label_name, "label", Property::kLabel, meta.label_type));
  RETURN_IF_ERROR(planner.Take(meta.weight_name, "weight", Property::kWeight, meta.weight_type));
  return planner.TakeRest();
}

RowParser::RowParser(RowFormat format) : format_(std::move(format)) {}

bool RowParser::IsMissing(std::string_view cell) const {
  if (cell.empty()) return true;
  const auto& marks = format_.na_values();
  return std::any_of(marks.begin(), marks.end(), [&](const auto& mark) { return mark == cell; });
}

absl::StatusOr<double> RowParser::Cell(std::string_view sample_id, const RowFormat::Column& column,
                                       std::string_view cell) const {
  if (IsMissing(cell)) return std::numeric_limits<double>::quiet_NaN();
  auto value = ParseNumber(cell);
  bool is_integer = column.dtype().starts_with("int");
  if (!value || (is_integer && !IsInteger(*value, column.dtype()))) {
    return InvalidArgumentError("row '{}': column '{}' holds '{}', which is no {}",
                                Shown(sample_id), Shown(column.name()), Shown(cell),
                                is_integer ? column.dtype() : "number");
  }
  return column.dtype() == "float32" ? double(float(*value)) : *value;
}

absl::StatusOr<double> RowParser::PresentCell(std::string_view sample_id,
                                              const RowFormat::Column& column,
                                              std::string_view cell) const {
  ASSIGN_OR_RETURN(double value, Cell(sample_id, column, cell));
  if (std::isfinite(value)) return value;
  return InvalidArgumentError("row '{}': column '{}' is empty; labels and weights must be present",
                              Shown(sample_id), Shown(column.name()));
}

absl::StatusOr<dataframe::Row> RowParser::Parse(std::string_view sample_id,
                                                std::string_view line) const {
  auto fields = SplitFields(line, format_.delimiter());
  if (format_.fields() == 0 && line.empty()) fields.clear();
  if (fields.size() != format_.fields()) {
    return InvalidArgumentError("row '{}' has {} fields, the header {}", Shown(sample_id),
                                fields.size(), format_.fields());
  }
  for (auto& field : fields) field = Trim(field);
  dataframe::Row row;
  row.sample_id = sample_id;
  row.match_id = format_.match_id_size() ? fields[format_.match_id(0).field()] : sample_id;
  for (const auto& column : format_.label()) {
    ASSIGN_OR_RETURN(row.label, PresentCell(sample_id, column, fields[column.field()]));
  }
  for (const auto& column : format_.weight()) {
    ASSIGN_OR_RETURN(row.weight, PresentCell(sample_id, column, fields[column.field()]));
  }
  row.values.reserve(size_t(format_.columns_size()));
  for (const auto& column : format_.columns()) {
    ASSIGN_OR_RETURN(double value, Cell(sample_id, column, fields[column.field()]));
    row.values.push_back(value);
  }
  return row;
}

}  // namespace fate::algo
