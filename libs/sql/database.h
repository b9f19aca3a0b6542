#pragma once

// One SQL database behind values: SQLite today, a production server later behind the same
// statements. Thread-safe; statements run one at a time.
//
//   ASSIGN_OR_RETURN(auto database, Database::OpenSqlite(path));
//   RETURN_IF_ERROR(database->Transaction([&](Database& db) -> absl::Status { ... }));
//   ASSIGN_OR_RETURN(auto rows, database->Query("select a from t where b = ?", {Value(1)}));
//   rows[0].Int("a");

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

struct sqlite3;

namespace fate::sql {

struct Null {
  friend bool operator==(Null, Null) { return true; }
};
class Value : public std::variant<Null, int64_t, double, std::string> {
 public:
  Value() : variant(Null{}) {}
  Value(Null) : variant(Null{}) {}                        // NOLINT: values are written in place
  Value(bool v) : variant(static_cast<int64_t>(v)) {}     // NOLINT
  Value(int v) : variant(static_cast<int64_t>(v)) {}      // NOLINT
  Value(int64_t v) : variant(v) {}                        // NOLINT
  Value(double v) : variant(v) {}                         // NOLINT
  Value(const char* v) : variant(std::string(v)) {}       // NOLINT
  Value(std::string v) : variant(std::move(v)) {}         // NOLINT
  Value(std::string_view v) : variant(std::string(v)) {}  // NOLINT
  bool IsNull() const { return std::holds_alternative<Null>(*this); }
};

// One result row; columns by name. A missing column is a programming error (asserts).
class Row {
 public:
  Row(std::shared_ptr<const std::vector<std::string>> columns, std::vector<Value> values)
      : columns_(std::move(columns)), values_(std::move(values)) {}
  const Value& operator[](std::string_view column) const;
  bool IsNull(std::string_view column) const { return (*this)[column].IsNull(); }
  int64_t Int(std::string_view column, int64_t if_null = 0) const;
  double Double(std::string_view column, double if_null = 0) const;
  std::string Text(std::string_view column, std::string_view if_null = "") const;
  const std::vector<std::string>& columns() const { return *columns_; }

 private:
  std::shared_ptr<const std::vector<std::string>> columns_;
  std::vector<Value> values_;
};
using Rows = std::vector<Row>;

class Database {
 public:
  // WAL mode, busy timeout 10 s; ":memory:" for tests.
  static absl::StatusOr<std::unique_ptr<Database>> OpenSqlite(const std::string& path);
  ~Database();

  // Error: kInternal with the statement and the engine's text; kAlreadyExists for a violated
  // primary or unique key.
  absl::StatusOr<Rows> Query(std::string_view sql, const std::vector<Value>& parameters = {});
  // Rows changed by the statement.
  absl::StatusOr<int64_t> Execute(std::string_view sql, const std::vector<Value>& parameters = {});
  // Several statements separated by ';', without parameters: schemas.
  absl::Status ExecuteScript(std::string_view script);
  int64_t LastInsertId();

  // Runs `body` in one transaction; an error rolls back and is returned. Must not nest.
  absl::Status Transaction(const std::function<absl::Status(Database&)>& body);

 private:
  explicit Database(sqlite3* handle) : handle_(handle) {}
  std::recursive_mutex mutex_;
  sqlite3* handle_;
};

}  // namespace fate::sql
