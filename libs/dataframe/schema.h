#pragma once

// What the columns of a data frame are (spec/fate-flow.md 17.4, spec/federated-algorithms.md 4).

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace fate::dataframe {

enum class Property { kSampleId, kMatchId, kLabel, kWeight, kColumn };

// The site of a frame that was made before it is known who will use it.
inline constexpr char kUnknownSite[] = "AnonymousRole_AnonymousPartyId";

struct Field {
  std::string name;
  std::string anonymous_name;  // "guest_9999_x0", "guest_9999_y", "" for ids
  Property property = Property::kColumn;
  std::string dtype = "float64";  // "index", "bool", "int32", "int64", "float32", "float64"
};

class Schema {
 public:
  std::vector<Field> fields;  // sample id, match id, label?, weight?, columns...
  std::string site_name;      // in the anonymous names

  bool HasLabel() const { return Find(Property::kLabel) != nullptr; }
  bool HasWeight() const { return Find(Property::kWeight) != nullptr; }
  // The first field of a property, nullptr when there is none.
  const Field* Find(Property property) const;
  std::vector<const Field*> Columns() const;  // property kColumn, in order
  // Index into Columns(), or -1.
  int ColumnIndex(const std::string& name) const;

  // Gives the label, the weight and every column its anonymous name of the site ("" = unknown).
  void NameAnonymously(const std::string& site);
  // Replaces the unknown site in anonymous names by "<role>_<party>"; others stay.
  void BindSite(const std::string& role, const std::string& party_id);

  // The "meta" of a stored frame: {schema_meta {fields [...], ...}, type "fate.arch.dataframe"}.
  // partition_rows: rows of each partition, for partition_order_mappings.
  nlohmann::json ToJson(const std::vector<int64_t>& partition_rows = {}) const;
  // Error: kInvalidArgument saying which member is missing or wrong.
  static absl::StatusOr<Schema> FromJson(const nlohmann::json& meta);

 private:
  // Ids first, one of each, and no more columns than a block may have.
  absl::Status Check() const;
};

// "sample_id", "match_id", "label", "weight", "column"
std::string PropertyName(Property property);

}  // namespace fate::dataframe
