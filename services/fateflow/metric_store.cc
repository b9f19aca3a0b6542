#include "fateflow/metric_store.h"

#include <algorithm>

#include "base/status.h"
#include "fateflow/schema.h"

namespace fate::flow {
namespace {

Columns MetricWhere(const Json& task) {
  return {{"job_id", Text(task, "job_id")},
          {"role", Text(task, "role")},
          {"party_id", Text(task, "party_id")},
          {"task_id", Text(task, "task_id")},
          {"task_version", Integer(task, "task_version")}};
}

sql::Value TextOrNull(const Json& record, std::string_view name) {
  Json value = Member(record, name);
  return value.is_string() ? sql::Value(value.get<std::string>()) : sql::Value();
}

Json GroupsOf(const Json& record) {
  Json groups = Member(record, "groups");
  return groups.is_array() ? groups : Json::array();
}

}  // namespace

absl::Status MetricStore::Save(const Json& task, const Json& metrics) {
  for (const Json& metric : metrics) {
    if (Text(metric, "name").empty()) return InvalidArgumentError("a metric record has no name");
  }
  ASSIGN_OR_RETURN(std::string table, MetricTable(records_.database(), Text(task, "job_id")));
  return records_.database().Transaction([&](sql::Database&) -> absl::Status {
    for (const Json& metric : metrics) {
      Columns values = MetricWhere(task);
      values.emplace_back("task_name", Text(task, "task_name"));
      values.emplace_back("name", Text(metric, "name"));
      values.emplace_back("type", TextOrNull(metric, "type"));
      values.emplace_back("groups", JsonValue(GroupsOf(metric)));
      values.emplace_back("step_axis", TextOrNull(metric, "step_axis"));
      values.emplace_back("data", Dump(Member(metric, "data")));
      RETURN_IF_ERROR(records_.Insert(table, values));
    }
    return absl::OkStatus();
  });
}

absl::StatusOr<Json> MetricStore::Query(const Json& task, const Json& filters) {
  ASSIGN_OR_RETURN(std::string table, MetricTable(records_.database(), Text(task, "job_id")));
  ASSIGN_OR_RETURN(std::vector<Json> rows,
                   records_.Select(table, MetricWhere(task), "order by f_id"));
  Json list = Json::array();
  for (const Json& row : rows) {
    Json metric = {{"name", row["name"]},
                   {"type", row["type"]},
                   {"groups", row["groups"]},
                   {"step_axis", row["step_axis"]},
                   {"data", row["data"]}};
    bool matches = std::all_of(metric.items().begin(), metric.items().end(), [&](const auto& item) {
      auto filter = filters.find(item.key());
      return filter == filters.end() || filter->is_null() || *filter == item.value();
    });
    if (matches) list.push_back(std::move(metric));
  }
  return list;
}

absl::StatusOr<Json> MetricStore::Keys(const Json& task) {
  ASSIGN_OR_RETURN(Json metrics, Query(task));
  Json keys = Json::array();
  for (Json& metric : metrics) {
    metric.erase("data");
    if (std::find(keys.begin(), keys.end(), metric) == keys.end()) keys.push_back(metric);
  }
  return keys;
}

absl::StatusOr<int64_t> MetricStore::Delete(const Json& task) {
  ASSIGN_OR_RETURN(std::string table, MetricTable(records_.database(), Text(task, "job_id")));
  return records_.Delete(table, MetricWhere(task));
}

absl::Status MetricStore::ForgetJob(const std::string& job_id) {
  ASSIGN_OR_RETURN(std::string table, MetricTable(records_.database(), job_id));
  return records_.Delete(table, {{"job_id", job_id}}).status();
}

}  // namespace fate::flow
