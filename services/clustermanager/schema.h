#pragma once

// The metadata database: where it is and its documented tables
// (spec/eggroll-control-plane.md 13).

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/properties.h"
#include "sql/database.h"

namespace fate::clustermanager {

// The file named by eggroll.resourcemanager.clustermanager.jdbc.url = jdbc:sqlite:<path>; without
// the key <data_dir>/eggroll_meta.db. Error: kInvalidArgument naming file, line, key and remedy.
absl::StatusOr<std::string> DatabasePath(const Properties& properties, const std::string& data_dir);

// Opens the file, creating it with its folder and tables as needed.
absl::StatusOr<std::unique_ptr<sql::Database>> OpenDatabase(const std::string& path);

// DATETIME columns hold UTC, one second exact: "2024-08-21 10:11:12".
std::string ToDateTime(absl::Time time);
absl::Time FromDateTime(const std::string& text);

}  // namespace fate::clustermanager
