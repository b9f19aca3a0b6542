#include "fateflow/records.h"

#include <set>

#include "base/status.h"

namespace fate::flow {
namespace {

const std::set<std::string, std::less<>> kJsonColumns = {"dag",
                                                         "parties",
                                                         "inheritance",
                                                         "component_parameters",
                                                         "task_run",
                                                         "cmd",
                                                         "task_parameters",
                                                         "engine_conf",
                                                         "config",
                                                         "groups",
                                                         "data",
                                                         "meta_data",
                                                         "engine_config",
                                                         "metadata",
                                                         "component_entrypoint",
                                                         "component_description",
                                                         "params",
                                                         "headers",
                                                         "connector_info",
                                                         "address",
                                                         "options",
                                                         "data_meta",
                                                         "part_of_data",
                                                         "source",
                                                         "engine_address"};
const std::set<std::string, std::less<>> kFlagColumns = {
    "resource_in_use", "kill_status",     "have_head",     "extend_sid",
    "disable",         "schedule_signal", "cancel_signal", "rerun_signal"};

Json ToJson(const std::string& name, const sql::Value& value) {
  if (kJsonColumns.contains(name)) {
    const auto* text = std::get_if<std::string>(&value);
    if (text == nullptr || text->empty()) return Json::object();
    Json parsed = Json::parse(*text, nullptr, false);
    return parsed.is_discarded() ? Json(*text) : parsed;
  }
  if (value.IsNull()) return nullptr;
  if (const auto* number = std::get_if<int64_t>(&value)) {
    return kFlagColumns.contains(name) ? Json(*number != 0) : Json(*number);
  }
  if (const auto* number = std::get_if<double>(&value)) return *number;
  return std::get<std::string>(value);
}

std::string WithoutPrefix(const std::string& column) {
  return column.starts_with("f_") ? column.substr(2) : column;
}

}  // namespace

int64_t NowMs(const Clock& clock) { return absl::ToUnixMillis(clock.Now()); }

sql::Value JsonValue(const Json& json) { return json.is_null() ? sql::Value() : Dump(json); }

Json ToRecord(const sql::Row& row) {
  Json record = Json::object();
  for (const std::string& column : row.columns()) {
    std::string name = WithoutPrefix(column);
    record[name] = ToJson(name, row[column]);
  }
  return record;
}

std::string WhereClause(const Columns& where, std::vector<sql::Value>& parameters) {
  std::string text;
  for (const auto& [name, value] : where) {
    text += fmt::format("{}f_{} = ?", text.empty() ? " where " : " and ", name);
    parameters.push_back(value);
  }
  return text;
}

absl::Status Records::Write(std::string_view verb, const std::string& table,
                            const Columns& values) {
  std::string names = "f_create_time, f_update_time", marks = "?, ?";
  std::vector<sql::Value> parameters = {now_ms(), now_ms()};
  for (const auto& [name, value] : values) {
    names += ", f_" + name;
    marks += ", ?";
    parameters.push_back(value);
  }
  return database_
      .Execute(fmt::format("{} into {} ({}) values ({})", verb, table, names, marks), parameters)
      .status();
}

absl::Status Records::Insert(const std::string& table, const Columns& values) {
  return Write("insert", table, values);
}

absl::Status Records::Put(const std::string& table, const Columns& values) {
  return Write("replace", table, values);
}

absl::StatusOr<int64_t> Records::Update(const std::string& table, const Columns& changes,
                                        const Columns& where) {
  std::string set = "f_update_time = ?";
  std::vector<sql::Value> parameters = {now_ms()};
  for (const auto& [name, value] : changes) {
    set += fmt::format(", f_{} = ?", name);
    parameters.push_back(value);
  }
  std::string clause = WhereClause(where, parameters);
  return database_.Execute(fmt::format("update {} set {}{}", table, set, clause), parameters);
}

absl::StatusOr<int64_t> Records::Delete(const std::string& table, const Columns& where) {
  std::vector<sql::Value> parameters;
  std::string clause = WhereClause(where, parameters);
  return database_.Execute(fmt::format("delete from {}{}", table, clause), parameters);
}

absl::StatusOr<std::vector<Json>> Records::Select(const std::string& table, const Columns& where,
                                                  const std::string& tail) {
  std::vector<sql::Value> parameters;
  std::string clause = WhereClause(where, parameters);
  ASSIGN_OR_RETURN(
      sql::Rows rows,
      database_.Query(fmt::format("select * from {}{} {}", table, clause, tail), parameters));
  std::vector<Json> records;
  for (const sql::Row& row : rows) records.push_back(ToRecord(row));
  return records;
}

absl::StatusOr<Json> Records::First(const std::string& table, const Columns& where,
                                    const std::string& tail) {
  ASSIGN_OR_RETURN(std::vector<Json> records, Select(table, where, tail + " limit 1"));
  return records.empty() ? Json() : records[0];
}

}  // namespace fate::flow
