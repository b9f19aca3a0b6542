#pragma once

// Metadata of stores: which exist, with how many partitions, on which nodes
// (spec/eggroll-control-plane.md 11; upstream's defects 5-8 of section 20 are not repeated).
// Data is elsewhere: deleting a store here renames its row and touches no file.

#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eggroll/meta.pb.h"
#include "sql/database.h"

namespace fate::clustermanager {

class StoreCatalog {
 public:
  using Store = com::webank::eggroll::core::meta::Store;
  using StoreList = com::webank::eggroll::core::meta::StoreList;

  explicit StoreCatalog(sql::Database* database) : database_(*database) {}

  // healthy_nodes: ids in ascending order, where new stores go.
  // Errors of all: kInvalidArgument for a name, type or count that is not valid.

  // nullopt when there is none. Error: kFailedPrecondition when none of its nodes is healthy.
  absl::StatusOr<std::optional<Store>> Get(const Store& request,
                                           const std::vector<int64_t>& healthy_nodes);
  // An existing store keeps its type and partitions whatever is asked for. Error: kUnavailable
  // without a healthy node; nothing is written then.
  absl::StatusOr<Store> GetOrCreate(const Store& request,
                                    const std::vector<int64_t>& healthy_nodes);
  // The name "*" deletes all stores of the namespace, of all types when the type is "*".
  absl::StatusOr<std::optional<Store>> Delete(const Store& request, absl::Time now);
  // Stores of a namespace whose name matches a pattern with "*".
  absl::StatusOr<StoreList> List(const Store& request);

 private:
  absl::StatusOr<std::optional<Store>> Find(const Store& request, bool of_requested_type);
  absl::StatusOr<Store> Create(const Store& request, const std::vector<int64_t>& healthy_nodes);
  absl::StatusOr<Store> Expand(const sql::Row& row, const Store& request);
  absl::Status InsertRows(const Store& store);
  std::string DeletedSuffix(absl::Time now);

  sql::Database& database_;
  int64_t last_deleted_ms_ = 0;
};

}  // namespace fate::clustermanager
