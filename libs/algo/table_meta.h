#pragma once

// What an uploaded table says about its lines (spec/fate-flow.md 17.1): the `meta` of an upload,
// stored as the schema of the table and read by dataframe_transformer.

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fate::algo {

struct TableMeta {
  std::string delimiter = ",";
  std::vector<std::string> header;  // the key's column first; empty: unknown
  std::string sample_id_name;
  std::string match_id_name;
  std::vector<std::string> match_id_list;
  int64_t match_id_range = 0;
  std::string label_name, label_type = "int32";
  std::string weight_name, weight_type = "float32";
  nlohmann::json dtype = "float32";  // one text, or an object column -> text
  std::vector<std::string> na_values;
  std::string input_format = "dense";
  bool tag_with_value = false;
  std::string tag_value_delimiter = ":";

  // Error: kInvalidArgument naming the member.
  static absl::StatusOr<TableMeta> FromJson(const nlohmann::json& object);
  // Without the members that are not set.
  nlohmann::json ToJson() const;

  // dtype of a column.
  std::string DtypeOf(const std::string& column) const;
};

// No name twice, none empty.
absl::Status CheckHeader(const std::vector<std::string>& header);

// Pieces between delimiters of one or more bytes.
std::vector<std::string_view> SplitFields(std::string_view line, std::string_view delimiter);

}  // namespace fate::algo
