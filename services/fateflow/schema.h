#pragma once

// The party side's tables (spec/fate-flow.md 14.1, 14.3), created when missing.

#include <string>

#include "sql/database.h"

namespace fate::flow {

absl::Status CreatePartyTables(sql::Database& database);

// "t_tracking_metric_20261121" for a job id that begins with that date, created when missing.
// Error: kInvalidArgument for a job id that does not begin with eight digits.
absl::StatusOr<std::string> MetricTable(sql::Database& database, const std::string& job_id);
absl::StatusOr<std::string> MetricTableName(const std::string& job_id);

}  // namespace fate::flow
