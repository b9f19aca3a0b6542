#pragma once

// Client side of the computing engine: a session owns eggs, a table is a partitioned store
// that eggs of the session work on (spec/eggroll-compute-and-storage.md 5, 6;
// spec/eggroll-control-plane.md 7, 11, 12). Blocking calls, thread-safe.
//
//   ASSIGN_OR_RETURN(auto session, Session::Open({.id = "s1", .cluster_manager =
//   "127.0.0.1:4670"})); ASSIGN_OR_RETURN(Table numbers, session->CreateTable(4));
//   ASSIGN_OR_RETURN(Table shares, numbers.Map("toy.share", parameters));
//   ASSIGN_OR_RETURN(auto sums, shares.Fold("toy.sum", ""));
//   RETURN_IF_ERROR(session->Stop());

#include <atomic>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/names.h"
#include "eggroll/meta.pb.h"

namespace fate::compute {

class Session;

inline constexpr char kInMemory[] = "IN_MEMORY";
inline constexpr char kLmdb[] = "LMDB";

// A handle; copies refer to the same stored table. The session must outlive it.
class Table {
 public:
  Table() = default;
  Table(Session* session, com::webank::eggroll::core::meta::Store store)
      : session_(session), store_(std::move(store)) {}

  Session& session() const { return *session_; }
  // Partitions carry the egg that owns them ("populated", spec control-plane 12).
  const com::webank::eggroll::core::meta::Store& store() const { return store_; }
  const std::string& name_space() const { return store_.storelocator().namespace_(); }
  const std::string& name() const { return store_.storelocator().name(); }
  int partitions() const { return store_.storelocator().total_partitions(); }

  // Partition-wise into a new temporary table with the same partitions.
  absl::StatusOr<Table> Map(const std::string& op, const std::string& parameters) const;
  // The same into a given table.
  absl::Status MapInto(const Table& output, const std::string& op,
                       const std::string& parameters) const;
  // Map, then send every pair to the partition its key hashes to. `merge` ("" = last wins)
  // combines values of one key.
  absl::StatusOr<Table> Shuffle(const std::string& op, const std::string& parameters,
                                int output_partitions, const std::string& merge = "",
                                const std::string& merge_parameters = "") const;
  // Both sides need the same number of partitions.
  absl::StatusOr<Table> Join(const Table& right, const std::string& op,
                             const std::string& parameters) const;
  // One value a partition, in partition order, empty ones left out.
  absl::StatusOr<std::vector<std::string>> Fold(const std::string& op,
                                                const std::string& parameters) const;
  // `op` sees this table and `others`, partition by partition; one value each, in order.
  absl::StatusOr<std::vector<std::string>> WithStores(const std::string& op,
                                                      const std::string& parameters,
                                                      const std::vector<Table>& others = {}) const;
  absl::StatusOr<int64_t> Count() const;
  absl::StatusOr<std::optional<std::string>> Get(const std::string& key) const;
  // Routes pairs by the table's partitioner (mmh3 unless a Python client made it otherwise).
  // `next` fills key and value, false at the end. A failed PutAll leaves the table undefined.
  absl::Status PutAll(const std::function<bool(std::string* key, std::string* value)>& next) const;
  absl::Status PutAll(const std::vector<std::pair<std::string, std::string>>& pairs) const;
  // Partition by partition in key order until `take` returns false.
  absl::Status GetAll(const std::function<bool(std::string_view key, std::string_view value)>& take,
                      int64_t limit_per_partition = -1) const;
  absl::Status Destroy() const;

 private:
  Session* session_ = nullptr;
  com::webank::eggroll::core::meta::Store store_;
};

class Session {
 public:
  struct Options {
    std::string id;
    std::string cluster_manager;  // "host:port"
    int eggs_per_node = 0;        // 0: the cluster's eggroll.session.processors.per.node
    std::map<std::string, std::string> options;
    absl::Duration start_timeout = absl::Seconds(60);
  };
  // getOrCreateSession; ready when all eggs run.
  static absl::StatusOr<std::unique_ptr<Session>> Open(Options options);
  ~Session();

  const std::string& id() const;
  const com::webank::eggroll::core::meta::SessionMeta& meta() const;
  // How long Open waited for the eggs.
  absl::Duration start_duration() const;

  // A temporary table: IN_MEMORY, namespace = session id, unique name; gone with the session.
  absl::StatusOr<Table> CreateTable(int partitions);
  // A named table; an existing one is destroyed first.
  absl::StatusOr<Table> ReplaceTable(const StoreName& name, int partitions,
                                     const std::string& store_type = kLmdb);
  // Error: kNotFound "table <ns>/<name> does not exist ...".
  absl::StatusOr<Table> LoadTable(const StoreName& name, const std::string& store_type = kLmdb);
  // Get-or-create without emptying it: what federation uses for received data.
  absl::StatusOr<Table> EnsureTable(const StoreName& name, int partitions,
                                    const std::string& store_type);

  // A handle of a table that the cluster manager is not told of, placed as it would place it.
  // What CreateTable gives; also addresses the eggs themselves (federation's status store).
  absl::StatusOr<Table> UnregisteredTable(const StoreName& name, int partitions,
                                          const std::string& store_type);
  // The registered tables of a namespace whose name matches `pattern` ("*" = any text).
  absl::StatusOr<std::vector<Table>> FindTables(const std::string& name_space,
                                                const std::string& pattern);

  // Removes every table of a namespace, on disk and in the metadata.
  absl::Status Cleanup(const std::string& name_space);
  // Cleans the session's namespace and stops the eggs. Idempotent.
  absl::Status Stop();
  absl::Status Kill();
  // Ends a session that another process opened, for cleaning up after it. An unknown or ended
  // session is no error.
  static absl::Status KillById(const std::string& cluster_manager, const std::string& id);

  // Runs one task on every partition of `job`'s first input or output (spec 5.3) and returns the
  // results in partition order. For tasks that have no method above (pullGetHeader, ...).
  absl::StatusOr<std::vector<std::string>> RunJob(
      const com::webank::eggroll::core::meta::Job& job, const std::string& task_name,
      absl::Duration timeout = absl::InfiniteDuration());

 private:
  friend class Table;
  Session();
  // Tells the cluster manager that a table's data is gone.
  absl::Status DropTable(const com::webank::eggroll::core::meta::Store& store);
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::compute
