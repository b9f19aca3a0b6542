#include "algo/table_meta.h"

#include <algorithm>
#include <set>

#include "algo/parameters.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::algo {
namespace {

using nlohmann::json;

constexpr int64_t kMaxMatchIds = 1024;
const std::vector<std::string> kTypes = {"int32", "int64", "float32", "float64"};

absl::StatusOr<std::vector<std::string>> TextList(const Parameters& meta, const json& object,
                                                  const std::string& key) {
  std::vector<std::string> texts;
  if (!meta.Has(key)) return texts;
  const json& value = object[key];
  for (const json& item : value.is_array() ? value : json::array({value})) {
    if (!item.is_string() && !item.is_number()) return meta.Error(key, "a text or a list of texts");
    texts.push_back(item.is_string() ? item.get<std::string>() : item.dump());
  }
  return texts;
}

absl::StatusOr<std::vector<std::string>> Header(const Parameters& meta, const json& object,
                                                const std::string& delimiter) {
  ASSIGN_OR_RETURN(auto header, TextList(meta, object, "header"));
  if (header.size() != 1 || object["header"].is_array()) return header;
  std::vector<std::string> names;
  for (auto name : SplitFields(header[0], delimiter)) names.emplace_back(Trim(name));
  return names;
}

absl::StatusOr<json> Dtype(const Parameters& meta, const json& object, const json& fallback) {
  std::string must_be = "one of " + Join(kTypes, ", ") + ", or an object that maps columns to them";
  if (!meta.Has("dtype")) return fallback;
  auto known = [](const json& type) {
    return type.is_string() && std::find(kTypes.begin(), kTypes.end(), type) != kTypes.end();
  };
  const json& dtype = object["dtype"];
  bool good = dtype.is_object() ? std::all_of(dtype.begin(), dtype.end(), known) : known(dtype);
  if (!good) return meta.Error("dtype", must_be);
  return dtype;
}

}  // namespace

absl::StatusOr<TableMeta> TableMeta::FromJson(const json& object) {
  if (!object.is_object()) return InvalidArgumentError("the meta of a table must be an object");
  Parameters in("the table's meta", object);
  TableMeta meta;
  ASSIGN_OR_RETURN(meta.delimiter, in.Text("delimiter", meta.delimiter));
  if (meta.delimiter.empty()) return in.Error("delimiter", "a text of at least one character");
  ASSIGN_OR_RETURN(meta.header, Header(in, object, meta.delimiter));
  ASSIGN_OR_RETURN(meta.sample_id_name, in.Text("sample_id_name", ""));
  ASSIGN_OR_RETURN(meta.match_id_name, in.Text("match_id_name", ""));
  ASSIGN_OR_RETURN(meta.match_id_list, TextList(in, object, "match_id_list"));
  ASSIGN_OR_RETURN(meta.match_id_range, in.Int("match_id_range", 0, 0, kMaxMatchIds));
  ASSIGN_OR_RETURN(meta.label_name, in.Text("label_name", ""));
  ASSIGN_OR_RETURN(meta.label_type, in.Choice("label_type", meta.label_type, kTypes));
  ASSIGN_OR_RETURN(meta.weight_name, in.Text("weight_name", ""));
  ASSIGN_OR_RETURN(meta.weight_type, in.Choice("weight_type", meta.weight_type, kTypes));
  ASSIGN_OR_RETURN(meta.dtype, Dtype(in, object, meta.dtype));
  ASSIGN_OR_RETURN(meta.na_values, TextList(in, object, "na_values"));
  ASSIGN_OR_RETURN(meta.input_format, in.Text("input_format", meta.input_format));
  ASSIGN_OR_RETURN(meta.tag_with_value, in.Bool("tag_with_value", false));
  ASSIGN_OR_RETURN(meta.tag_value_delimiter,
                   in.Text("tag_value_delimiter", meta.tag_value_delimiter));
  return meta;
}

json TableMeta::ToJson() const {
  json object = {{"delimiter", delimiter},           {"label_type", label_type},
                 {"weight_type", weight_type},       {"dtype", dtype},
                 {"input_format", input_format},     {"match_id_range", match_id_range},
                 {"tag_with_value", tag_with_value}, {"tag_value_delimiter", tag_value_delimiter}};
  for (auto [key, text] : {std::pair{"sample_id_name", &sample_id_name},
                           {"match_id_name", &match_id_name},
                           {"label_name", &label_name},
                           {"weight_name", &weight_name}}) {
    if (!text->empty()) object[key] = *text;
  }
  if (!match_id_list.empty()) object["match_id_list"] = match_id_list;
  if (!na_values.empty()) object["na_values"] = na_values;
  if (!header.empty()) object["header"] = Join(header, delimiter);
  return object;
}

std::string TableMeta::DtypeOf(const std::string& column) const {
  if (dtype.is_string()) return dtype.get<std::string>();
  return dtype.value(column, "float32");
}

absl::Status CheckHeader(const std::vector<std::string>& header) {
  std::set<std::string> seen;
  for (size_t i = 0; i < header.size(); ++i) {
    if (header[i].empty())
      return InvalidArgumentError("column {} of the header has no name", i + 1);
    if (!seen.insert(header[i]).second) {
      return InvalidArgumentError("the header names column '{}' twice; rename one of them",
                                  Escape(header[i]));
    }
  }
  return absl::OkStatus();
}

std::vector<std::string_view> SplitFields(std::string_view line, std::string_view delimiter) {
  std::vector<std::string_view> fields;
  for (size_t end; (end = line.find(delimiter)) != line.npos;) {
    fields.push_back(line.substr(0, end));
    line.remove_prefix(end + delimiter.size());
  }
  fields.push_back(line);
  return fields;
}

}  // namespace fate::algo
