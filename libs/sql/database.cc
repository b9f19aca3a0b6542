#include "sql/database.h"

#include <sqlite3.h>

#include <cassert>
#include <cstring>

#include "base/status.h"

namespace fate::sql {
namespace {

absl::Status EngineError(sqlite3* handle, std::string_view sql) {
  int code = sqlite3_extended_errcode(handle);
  std::string text = fmt::format("SQL '{}' failed: {}", sql, sqlite3_errmsg(handle));
  if (code == SQLITE_CONSTRAINT_PRIMARYKEY || code == SQLITE_CONSTRAINT_UNIQUE) {
    return absl::AlreadyExistsError(text);
  }
  if ((code & 0xff) == SQLITE_FULL || (code & 0xff) == SQLITE_IOERR) {
    return absl::ResourceExhaustedError(text);
  }
  return absl::InternalError(text);
}

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using Statement = std::unique_ptr<sqlite3_stmt, Finalize>;

void Bind(sqlite3_stmt* statement, int index, const Value& value) {
  if (auto* number = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(statement, index, *number);
  } else if (auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(statement, index, *real);
  } else if (auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text64(statement, index, text->data(), text->size(), SQLITE_TRANSIENT,
                        SQLITE_UTF8);
  } else {
    sqlite3_bind_null(statement, index);
  }
}

absl::StatusOr<Statement> Prepare(sqlite3* handle, std::string_view sql,
                                  const std::vector<Value>& parameters) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(handle, sql.data(), static_cast<int>(sql.size()), &raw, nullptr) !=
      SQLITE_OK) {
    return EngineError(handle, sql);
  }
  Statement statement(raw);
  if (sqlite3_bind_parameter_count(raw) != static_cast<int>(parameters.size())) {
    return InternalError("SQL '{}' takes {} parameters, {} given", sql,
                         sqlite3_bind_parameter_count(raw), parameters.size());
  }
  for (size_t i = 0; i < parameters.size(); ++i) Bind(raw, static_cast<int>(i) + 1, parameters[i]);
  return statement;
}

Value Column(sqlite3_stmt* statement, int index) {
  switch (sqlite3_column_type(statement, index)) {
    case SQLITE_INTEGER:
      return Value(static_cast<int64_t>(sqlite3_column_int64(statement, index)));
    case SQLITE_FLOAT:
      return Value(sqlite3_column_double(statement, index));
    case SQLITE_NULL:
      return Value();
    default: {
      auto* text = reinterpret_cast<const char*>(sqlite3_column_blob(statement, index));
      size_t size = static_cast<size_t>(sqlite3_column_bytes(statement, index));
      return Value(size == 0 ? std::string() : std::string(text, size));
    }
  }
}

}  // namespace

const Value& Row::operator[](std::string_view column) const {
  for (size_t i = 0; i < columns_->size(); ++i) {
    if ((*columns_)[i] == column) return values_[i];
  }
  assert(false && "no such column");
  static const Value null;
  return null;
}

int64_t Row::Int(std::string_view column, int64_t if_null) const {
  const Value& value = (*this)[column];
  if (auto* number = std::get_if<int64_t>(&value)) return *number;
  if (auto* real = std::get_if<double>(&value)) return static_cast<int64_t>(*real);
  return if_null;
}

double Row::Double(std::string_view column, double if_null) const {
  const Value& value = (*this)[column];
  if (auto* real = std::get_if<double>(&value)) return *real;
  if (auto* number = std::get_if<int64_t>(&value)) return static_cast<double>(*number);
  return if_null;
}

std::string Row::Text(std::string_view column, std::string_view if_null) const {
  const Value& value = (*this)[column];
  if (auto* text = std::get_if<std::string>(&value)) return *text;
  if (auto* number = std::get_if<int64_t>(&value)) return std::to_string(*number);
  return std::string(if_null);
}

absl::StatusOr<std::unique_ptr<Database>> Database::OpenSqlite(const std::string& path) {
  sqlite3* handle = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &handle,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_FULLMUTEX, nullptr);
  if (code != SQLITE_OK) {
    std::string text = handle ? sqlite3_errmsg(handle) : "out of memory";
    sqlite3_close(handle);
    return UnavailableError(
        "cannot open database '{}': {}; check that its folder exists and is "
        "writable",
        path, text);
  }
  std::unique_ptr<Database> database(new Database(handle));
  sqlite3_busy_timeout(handle, 10'000);
  RETURN_IF_ERROR(database->ExecuteScript("pragma journal_mode=wal; pragma synchronous=normal;"));
  return database;
}

Database::~Database() { sqlite3_close_v2(handle_); }

absl::StatusOr<Rows> Database::Query(std::string_view sql, const std::vector<Value>& parameters) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement statement, Prepare(handle_, sql, parameters));
  auto columns = std::make_shared<std::vector<std::string>>();
  int count = sqlite3_column_count(statement.get());
  for (int i = 0; i < count; ++i) columns->push_back(sqlite3_column_name(statement.get(), i));
  Rows rows;
  for (;;) {
    int code = sqlite3_step(statement.get());
    if (code == SQLITE_DONE) return rows;
    if (code != SQLITE_ROW) return EngineError(handle_, sql);
    std::vector<Value> values;
    values.reserve(static_cast<size_t>(count));
    for (int i = 0; i < count; ++i) values.push_back(Column(statement.get(), i));
    rows.emplace_back(columns, std::move(values));
  }
}

absl::StatusOr<int64_t> Database::Execute(std::string_view sql,
                                          const std::vector<Value>& parameters) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(Statement statement, Prepare(handle_, sql, parameters));
  int code = sqlite3_step(statement.get());
  while (code == SQLITE_ROW) code = sqlite3_step(statement.get());
  if (code != SQLITE_DONE) return EngineError(handle_, sql);
  return sqlite3_changes64(handle_);
}

absl::Status Database::ExecuteScript(std::string_view script) {
  std::lock_guard lock(mutex_);
  if (sqlite3_exec(handle_, std::string(script).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    return EngineError(handle_, script.substr(0, 200));
  }
  return absl::OkStatus();
}

int64_t Database::LastInsertId() {
  std::lock_guard lock(mutex_);
  return sqlite3_last_insert_rowid(handle_);
}

absl::Status Database::Transaction(const std::function<absl::Status(Database&)>& body) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(ExecuteScript("begin immediate"));
  absl::Status status = body(*this);
  if (status.ok()) status = ExecuteScript("commit");
  if (!status.ok()) ExecuteScript("rollback").IgnoreError();
  return status;
}

}  // namespace fate::sql
