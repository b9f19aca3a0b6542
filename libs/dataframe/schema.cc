#include "dataframe/schema.h"

#include <algorithm>
#include <array>
#include <set>

#include "base/status.h"
#include "dataframe/block.h"

namespace fate::dataframe {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 5> kProperties = {"sample_id", "match_id", "label", "weight",
                                                    "column"};
constexpr std::array<const char*, 6> kTypes = {"index", "bool",    "int32",
                                               "int64", "float32", "float64"};
constexpr char kFrameType[] = "fate.arch.dataframe";

absl::StatusOr<std::string> TextMember(const json& object, const char* key) {
  if (!object.contains(key)) return "";
  const json& value = object[key];
  if (value.is_null()) return "";
  if (!value.is_string()) return InvalidArgumentError("frame schema: '{}' is not a text", key);
  return value.get<std::string>();
}

absl::StatusOr<Property> ParseProperty(const std::string& name) {
  auto found = std::find(kProperties.begin(), kProperties.end(), name);
  if (found != kProperties.end()) return Property(found - kProperties.begin());
  return InvalidArgumentError("frame schema: property '{}' is unknown", name);
}

absl::StatusOr<Field> ParseField(const json& object) {
  if (!object.is_object()) return InvalidArgumentError("frame schema: a field is not an object");
  Field field;
  ASSIGN_OR_RETURN(field.name, TextMember(object, "name"));
  ASSIGN_OR_RETURN(field.anonymous_name, TextMember(object, "anonymous_name"));
  ASSIGN_OR_RETURN(field.dtype, TextMember(object, "dtype"));
  ASSIGN_OR_RETURN(std::string property, TextMember(object, "property"));
  ASSIGN_OR_RETURN(field.property, ParseProperty(property));
  if (std::find(kTypes.begin(), kTypes.end(), field.dtype) == kTypes.end()) {
    return InvalidArgumentError("frame schema: dtype '{}' of field '{}' is unknown", field.dtype,
                                field.name);
  }
  return field;
}

json FieldJson(const Field& field) {
  json object = {{"name", field.name},
                 {"property", PropertyName(field.property)},
                 {"dtype", field.dtype},
                 {"should_compress", field.property > Property::kMatchId}};
  if (!field.anonymous_name.empty()) object["anonymous_name"] = field.anonymous_name;
  return object;
}

json PartitionOrder(const std::vector<int64_t>& partition_rows) {
  json order = json::object();
  int64_t row = 0, block = 0;
  for (size_t i = 0; i < partition_rows.size(); ++i) {
    int64_t rows = partition_rows[i];
    if (rows == 0) continue;
    int64_t blocks = (rows + int64_t{kRowsPerBlock} - 1) / int64_t{kRowsPerBlock};
    order[std::to_string(i)] = {{"start_index", row},
                                {"end_index", row + rows - 1},
                                {"start_block_id", block},
                                {"end_block_id", block + blocks - 1}};
    row += rows;
    block += blocks;
  }
  return order;
}

}  // namespace

std::string PropertyName(Property property) { return kProperties[size_t(property)]; }

const Field* Schema::Find(Property property) const {
  for (const Field& field : fields) {
    if (field.property == property) return &field;
  }
  return nullptr;
}

std::vector<const Field*> Schema::Columns() const {
  std::vector<const Field*> columns;
  for (const Field& field : fields) {
    if (field.property == Property::kColumn) columns.push_back(&field);
  }
  return columns;
}

int Schema::ColumnIndex(const std::string& name) const {
  auto columns = Columns();
  for (size_t i = 0; i < columns.size(); ++i) {
    if (columns[i]->name == name) return int(i);
  }
  return -1;
}

void Schema::NameAnonymously(const std::string& site) {
  site_name = site;
  std::string prefix = (site.empty() ? kUnknownSite : site) + std::string("_");
  int column = 0;
  for (Field& field : fields) {
    switch (field.property) {
      case Property::kSampleId:
      case Property::kMatchId:
        break;
      case Property::kLabel:
        field.anonymous_name = prefix + "y";
        break;
      case Property::kWeight:
        field.anonymous_name = prefix + "weight";
        break;
      case Property::kColumn:
        field.anonymous_name = fmt::format("{}x{}", prefix, column++);
        break;
    }
  }
}

void Schema::BindSite(const std::string& role, const std::string& party_id) {
  std::string unknown = std::string(kUnknownSite) + "_", site = role + "_" + party_id;
  for (Field& field : fields) {
    if (!field.anonymous_name.starts_with(unknown)) continue;
    field.anonymous_name = site + "_" + field.anonymous_name.substr(unknown.size());
    site_name = site;
  }
}

json Schema::ToJson(const std::vector<int64_t>& partition_rows) const {
  json meta = {{"fields", json::array()},
               {"label_name", nullptr},
               {"weight_name", nullptr},
               {"sample_id_name", nullptr},
               {"match_id_name", nullptr}};
  for (const Field& field : fields) {
    meta["fields"].push_back(FieldJson(field));
    if (field.property != Property::kColumn) {
      meta[PropertyName(field.property) + "_name"] = field.name;
    }
  }
  meta["anonymous_summary"] = {{"column_len", Columns().size()}, {"site_name", site_name}};
  return {{"schema_meta", meta},
          {"partition_order_mappings", PartitionOrder(partition_rows)},
          {"type", kFrameType}};
}

absl::StatusOr<Schema> Schema::FromJson(const json& meta) {
  if (!meta.is_object() || !meta.contains("schema_meta") || !meta["schema_meta"].is_object() ||
      !meta["schema_meta"].contains("fields") || !meta["schema_meta"]["fields"].is_array()) {
    return InvalidArgumentError(
        "the table's schema has no schema_meta.fields: it is not a data frame; run "
        "dataframe_transformer on it first");
  }
  const json& schema_meta = meta["schema_meta"];
  Schema schema;
  for (const json& object : schema_meta["fields"]) {
    ASSIGN_OR_RETURN(Field field, ParseField(object));
    schema.fields.push_back(std::move(field));
  }
  if (schema_meta.contains("anonymous_summary") && schema_meta["anonymous_summary"].is_object()) {
    ASSIGN_OR_RETURN(schema.site_name, TextMember(schema_meta["anonymous_summary"], "site_name"));
  }
  RETURN_IF_ERROR(schema.Check());
  return schema;
}

absl::Status Schema::Check() const {
  if (fields.empty() || fields[0].property != Property::kSampleId) {
    return InvalidArgumentError("frame schema: the first field is not the sample id");
  }
  std::set<Property> seen;
  std::set<std::string> names;
  for (const Field& field : fields) {
    bool is_column = field.property == Property::kColumn;
    if (!is_column && !seen.insert(field.property).second) {
      return InvalidArgumentError("frame schema: two fields are the {}",
                                  PropertyName(field.property));
    }
    if (is_column && !names.insert(field.name).second) {
      return InvalidArgumentError("frame schema: two columns are named '{}'", field.name);
    }
  }
  if (names.size() > kMaxColumns) {
    return InvalidArgumentError("frame schema: {} columns; at most {} are possible", names.size(),
                                kMaxColumns);
  }
  return absl::OkStatus();
}

}  // namespace fate::dataframe
