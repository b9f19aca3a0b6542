#pragma once

// What the columns of a data frame are (spec/fate-flow.md 17.4, spec/federated-algorithms.md 4).

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::dataframe {

enum class Property { kSampleId, kMatchId, kLabel, kWeight, kColumn };

struct Field {
  std::string name;
  std::string anonymous_name;  // "guest_9999_x0", "" for ids
  Property property = Property::kColumn;
  std::string dtype = "float64";  // "index", "int32", "int64", "float32", "float64"
};

class Schema {
 public:
  std::vector<Field> fields;  // sample id, match id, label?, weight?, columns...
  std::string site_name;      // in the anonymous names

  bool HasLabel() const;
  bool HasWeight() const;
  std::vector<const Field*> Columns() const;  // property kColumn, in order
  // Index into Columns(), or -1.
  int ColumnIndex(const std::string& name) const;

  // The "meta" of a stored frame: {schema_meta {fields [...], ...}, type "fate.arch.dataframe"}.
  nlohmann::json ToJson() const;
  static absl::StatusOr<Schema> FromJson(const nlohmann::json& meta);
};

}  // namespace fate::dataframe
