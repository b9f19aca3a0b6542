#pragma once

// Rows of nodes, sessions and processors (spec/eggroll-control-plane.md 13): what the state
// machine saves and what it is restored from.

#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eggroll/meta.pb.h"
#include "session/cluster.h"
#include "sql/database.h"

namespace fate::clustermanager {

// The clustermanager's own row: replaced at every start, which uses up one id (spec 6.1).
absl::StatusOr<int64_t> ReplaceManagerRow(sql::Database& database, const std::string& host,
                                          int port, absl::Time now);
// Ids that no row has had yet.
absl::StatusOr<session::Cluster::NextIds> ReadNextIds(sql::Database& database, int64_t manager_id);

absl::StatusOr<std::vector<session::Node>> LoadNodes(sql::Database& database);
// Sessions in status NEW or ACTIVE.
absl::StatusOr<std::vector<session::Session>> LoadLiveSessions(sql::Database& database);
absl::StatusOr<std::optional<session::Session>> LoadSession(sql::Database& database,
                                                            const std::string& id);
// The session of a processor, "" when there is none.
absl::StatusOr<std::string> SessionOfProcessor(sql::Database& database, int64_t processor_id);

absl::Status Save(sql::Database& database, const session::SaveNode& save, absl::Time now);
absl::Status Save(sql::Database& database, const session::SaveSession& save);

// The first row by id that looks like the example (spec 3.1).
absl::StatusOr<std::optional<com::webank::eggroll::core::meta::ServerNode>> FindServerNode(
    sql::Database& database, const com::webank::eggroll::core::meta::ServerNode& example);

}  // namespace fate::clustermanager
