#include "fateflow/csv_export.h"

#include <cmath>
#include <fstream>

#include "base/status.h"
#include "base/text.h"
#include "dataframe/block.h"
#include "dataframe/schema.h"
#include "fateflow/fields.h"
#include "fateflow/layout.h"
#include "fateflow/storage_client.h"
#include "wire/pickle_text.h"

namespace fate::flow {
namespace {

using dataframe::Property;

// Fields with a separator, a quote or a line end are quoted (RFC 4180).
std::string Cell(std::string_view text) {
  if (text.find_first_of(",\"\n\r") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string Line(const dataframe::Block& block, size_t row, const dataframe::Schema& schema) {
  std::string line;
  size_t column = 0;
  for (const dataframe::Field& field : schema.fields) {
    if (!line.empty()) line += ',';
    switch (field.property) {
      case Property::kSampleId:
        line += Cell(block.sample_id(row));
        break;
      case Property::kMatchId:
        line += Cell(block.match_id(row));
        break;
      case Property::kLabel:
        line += PythonText(block.label(row), field.dtype);
        break;
      case Property::kWeight:
        line += PythonText(block.weight(row), field.dtype);
        break;
      case Property::kColumn:
        line += PythonText(block.value(row, column++), field.dtype);
        break;
    }
  }
  return line;
}

absl::Status CheckBlock(const dataframe::Block& block, const dataframe::Schema& schema) {
  bool fits = block.columns() == schema.Columns().size() &&
              block.has_label() == schema.HasLabel() && block.has_weight() == schema.HasWeight();
  if (fits) return absl::OkStatus();
  return DataLossError("a stored block does not fit its schema");
}

absl::Status ExportFrame(StorageClient& storage, const StoreName& name, const Json& meta,
                         std::ostream& csv, Json& header) {
  ASSIGN_OR_RETURN(dataframe::Schema schema, dataframe::Schema::FromJson(meta));
  for (const dataframe::Field& field : schema.fields) header.push_back(field.name);
  std::string line;
  for (const Json& field : header) {
    line += (line.empty() ? "" : ",") + Cell(field.get_ref<const std::string&>());
  }
  csv << line << '\n';
  return storage.Scan(name, [&](std::string_view, std::string_view value) -> absl::StatusOr<bool> {
    ASSIGN_OR_RETURN(dataframe::Block block, dataframe::Block::Decode(value));
    RETURN_IF_ERROR(CheckBlock(block, schema));
    for (size_t row = 0; row < block.rows(); ++row) csv << Line(block, row, schema) << '\n';
    return static_cast<bool>(csv);
  });
}

absl::Status ExportTexts(StorageClient& storage, const StoreName& name, const Json& meta,
                         std::ostream& csv, Json& header) {
  std::string delimiter = Text(meta, "delimiter", ","), names = Text(meta, "header");
  for (std::string_view piece : Split(names, delimiter.empty() ? ',' : delimiter[0])) {
    header.push_back(piece);
  }
  csv << names << '\n';
  return storage.Scan(name,
                      [&](std::string_view key, std::string_view value) -> absl::StatusOr<bool> {
                        ASSIGN_OR_RETURN(std::string id, wire::UnpickleText(key));
                        ASSIGN_OR_RETURN(std::string rest, wire::UnpickleText(value));
                        csv << id << delimiter << rest << '\n';
                        return static_cast<bool>(csv);
                      });
}

std::string FloatText(double value, std::string text) {
  bool integral = text.find_first_not_of("-0123456789") == std::string::npos;
  return std::isfinite(value) && integral ? text + ".0" : text;
}

}  // namespace

std::string PythonText(double value, const std::string& dtype) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  if (dtype == "bool") return value != 0 ? "True" : "False";
  if (dtype.starts_with("int")) return fmt::format("{}", std::llround(value));
  if (dtype == "float32") return FloatText(value, fmt::format("{}", static_cast<float>(value)));
  return FloatText(value, fmt::format("{}", value));
}

absl::Status ExportCsv(StorageClient& storage, const Json& table, const std::string& stem) {
  ASSIGN_OR_RETURN(StoreName name, StoreName::Parse(Text(table, "namespace"), Text(table, "name")));
  std::ofstream csv(stem + ".csv", std::ios::binary);
  Json header = Json::array();
  std::string type = Text(table, "data_type");
  absl::Status exported;
  if (type == "dataframe") {
    exported = ExportFrame(storage, name, table["data_meta"], csv, header);
  } else if (type == "table") {
    exported = ExportTexts(storage, name, table["data_meta"], csv, header);
  } else {
    return UnimplementedError("data of type {} cannot be downloaded as CSV", type);
  }
  RETURN_IF_ERROR(exported);
  csv.close();
  if (!csv) return ResourceExhaustedError("cannot write {}.csv; check free space", stem);
  return WriteTextFile(stem + ".meta", Json{{"header", header}}.dump(4));
}

}  // namespace fate::flow
