#pragma once

// Metric records of tasks, one table a day (spec/fate-flow.md 14.1, 18). Reads answer in the
// order of insertion and look at one task version. Thread-safe.

#include <vector>

#include "fateflow/job_store.h"

namespace fate::flow {

class MetricStore {
 public:
  explicit MetricStore(Records& records) : records_(records) {}

  // `records`: [{"name", "type"?, "groups", "step_axis"?, "data"}], stored in one transaction.
  // Error: kInvalidArgument for a record without a name.
  absl::Status Save(const Json& task, const Json& records);
  // Records that match `filters` ({"name", "type", "step_axis", "groups"}; others ignored).
  absl::StatusOr<Json> Query(const Json& task, const Json& filters = Json::object());
  // Distinct {"name", "type", "groups", "step_axis"}.
  absl::StatusOr<Json> Keys(const Json& task);
  // Rows removed.
  absl::StatusOr<int64_t> Delete(const Json& task);
  absl::Status ForgetJob(const std::string& job_id);

 private:
  Records& records_;
};

}  // namespace fate::flow
