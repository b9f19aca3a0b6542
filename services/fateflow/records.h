#pragma once

// Rows of the flow tables as JSON records (spec/fate-flow.md 6): the prefix f_ is removed, JSON
// columns are parsed (NULL becomes {}), flags become booleans. Statements are built from column
// names that this program wrote; values are always bound.

#include <string>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "fateflow/fields.h"
#include "sql/database.h"

namespace fate::flow {

using Columns = std::vector<std::pair<std::string, sql::Value>>;  // without the prefix f_

int64_t NowMs(const Clock& clock);

// A value for a JSON column.
sql::Value JsonValue(const Json& json);

Json ToRecord(const sql::Row& row);

class Records {
 public:
  Records(sql::Database& database, const Clock& clock) : database_(database), clock_(clock) {}

  // Both set create_time and update_time. Put replaces a row with the same primary key.
  absl::Status Insert(const std::string& table, const Columns& values);
  absl::Status Put(const std::string& table, const Columns& values);
  // Rows changed.
  absl::StatusOr<int64_t> Update(const std::string& table, const Columns& changes,
                                 const Columns& where);
  absl::StatusOr<int64_t> Delete(const std::string& table, const Columns& where);
  // `tail`: "order by f_x limit 3".
  absl::StatusOr<std::vector<Json>> Select(const std::string& table, const Columns& where,
                                           const std::string& tail = "");
  absl::StatusOr<Json> First(const std::string& table, const Columns& where,
                             const std::string& tail = "");  // null when there is none

  sql::Database& database() { return database_; }
  int64_t now_ms() const { return NowMs(clock_); }

 private:
  absl::Status Write(std::string_view verb, const std::string& table, const Columns& values);
  sql::Database& database_;
  const Clock& clock_;
};

// " where f_a = ? and f_b = ?" (empty for no columns); appends the values to `parameters`.
std::string WhereClause(const Columns& where, std::vector<sql::Value>& parameters);

}  // namespace fate::flow
