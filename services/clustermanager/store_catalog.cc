#include "clustermanager/store_catalog.h"

#include <algorithm>

#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "clustermanager/messages.h"
#include "session/placement.h"

namespace fate::clustermanager {
namespace {

std::string NameOf(const meta::StoreLocator& locator) {
  return locator.namespace_() + "/" + locator.name();
}

// A store type becomes a folder name.
absl::Status CheckType(const std::string& type) {
  bool valid = type.size() <= 64 && std::all_of(type.begin(), type.end(), [](unsigned char c) {
                 return std::isalnum(c) || c == '_';
               });
  if (valid) return absl::OkStatus();
  return InvalidArgumentError("store type '{}' is not valid: use IN_MEMORY or LMDB", Escape(type));
}

absl::Status CheckNew(const meta::Store& request) {
  const meta::StoreLocator& locator = request.storelocator();
  RETURN_IF_ERROR(StoreName::Parse(locator.namespace_(), locator.name()).status());
  if (locator.name() == "*" || locator.store_type().empty()) {
    return InvalidArgumentError("store {} cannot be created: give a name and a store type",
                                NameOf(locator));
  }
  RETURN_IF_ERROR(CheckType(locator.store_type()));
  if (locator.total_partitions() > kMaxPartitions || request.partitions_size() > kMaxPartitions) {
    return InvalidArgumentError("store {}: {} partitions; at most {} are allowed", NameOf(locator),
                                std::max(locator.total_partitions(), request.partitions_size()),
                                kMaxPartitions);
  }
  if (locator.path().size() > 2000) {
    return InvalidArgumentError("store {}: its path has {} bytes; at most 2000 are stored",
                                NameOf(locator), locator.path().size());
  }
  return CheckOptions(request.options());
}

meta::StoreLocator ToLocator(const sql::Row& row) {
  meta::StoreLocator locator;
  locator.set_id(row.Int("store_locator_id"));
  locator.set_store_type(row.Text("store_type"));
  locator.set_namespace_(row.Text("namespace"));
  locator.set_name(row.Text("name"));
  locator.set_path(row.Text("path"));
  locator.set_total_partitions(static_cast<int>(row.Int("total_partitions")));
  locator.set_key_serdes_type(static_cast<int>(row.Int("key_serdes_type")));
  locator.set_value_serdes_type(static_cast<int>(row.Int("value_serdes_type")));
  locator.set_partitioner_type(static_cast<int>(row.Int("partitioner_type")));
  return locator;
}

void AddPartition(int id, int64_t node, const std::string& tag, meta::Store* store) {
  meta::Partition* partition = store->add_partitions();
  partition->set_id(id);
  *partition->mutable_storelocator() = store->storelocator();
  partition->set_rankinnode(-1);
  meta::Processor* processor = partition->mutable_processor();
  processor->set_id(id);
  processor->set_servernodeid(node);
  processor->mutable_commandendpoint();
  processor->mutable_transferendpoint();
  processor->set_pid(-1);
  processor->set_tag(tag);
}

bool AnyHealthy(const meta::Store& store, const std::vector<int64_t>& healthy_nodes) {
  return std::any_of(store.partitions().begin(), store.partitions().end(), [&](const auto& p) {
    return std::binary_search(healthy_nodes.begin(), healthy_nodes.end(),
                              p.processor().servernodeid());
  });
}

absl::Status CheckNodes(const meta::Store& store, const std::vector<int64_t>& healthy_nodes) {
  if (AnyHealthy(store, healthy_nodes)) return absl::OkStatus();
  return FailedPreconditionError(
      "No valid node for this store: {}; none of its nodemanagers is HEALTHY, start "
      "fate-nodemanager",
      NameOf(store.storelocator()));
}

// "a*" as the pattern of LIKE.
std::string LikePattern(const std::string& pattern) {
  std::string like;
  for (char c : pattern) {
    if (c == '%' || c == '_' || c == '\\') like += '\\';
    like += c == '*' ? '%' : c;
  }
  return like;
}

}  // namespace

absl::StatusOr<meta::Store> StoreCatalog::Expand(const sql::Row& row, const Store& request) {
  Store store;
  *store.mutable_storelocator() = ToLocator(row);
  int64_t id = store.storelocator().id();
  ASSIGN_OR_RETURN(
      auto partitions,
      database_.Query(
          "select partition_id, node_id from store_partition where store_locator_id = ? "
          "order by store_partition_id",
          {id}));
  if (partitions.empty()) {
    return FailedPreconditionError(
        "java.lang.IllegalStateException: store locator found but no partition found: {}",
        NameOf(store.storelocator()));
  }
  for (const auto& partition : partitions) {
    AddPartition(static_cast<int>(partition.Int("partition_id")), partition.Int("node_id"), "",
                 &store);
  }
  *store.mutable_options() = request.options();
  ASSIGN_OR_RETURN(
      auto options,
      database_.Query("select name, data from store_option where store_locator_id = ?", {id}));
  for (const auto& option : options) {
    (*store.mutable_options())[option.Text("name")] = option.Text("data");
  }
  return store;
}

absl::StatusOr<std::optional<meta::Store>> StoreCatalog::Find(const Store& request,
                                                              bool of_requested_type) {
  const meta::StoreLocator& locator = request.storelocator();
  std::string sql =
      "select * from store_locator where namespace = ? and name = ? and status = 'NORMAL'";
  std::vector<sql::Value> values = {locator.namespace_(), locator.name()};
  if (of_requested_type) {
    sql += " and store_type = ?";
    values.push_back(locator.store_type());
  }
  ASSIGN_OR_RETURN(auto rows, database_.Query(sql, values));
  if (rows.empty()) return std::nullopt;
  ASSIGN_OR_RETURN(Store store, Expand(rows[0], request));
  return std::optional<Store>(std::move(store));
}

absl::StatusOr<std::optional<meta::Store>> StoreCatalog::Get(
    const Store& request, const std::vector<int64_t>& healthy_nodes) {
  const meta::StoreLocator& locator = request.storelocator();
  RETURN_IF_ERROR(StoreName::Parse(locator.namespace_(), locator.name()).status());
  ASSIGN_OR_RETURN(auto store, Find(request, !Trim(locator.store_type()).empty()));
  if (store) RETURN_IF_ERROR(CheckNodes(*store, healthy_nodes));
  return store;
}

absl::StatusOr<meta::Store> StoreCatalog::GetOrCreate(const Store& request,
                                                      const std::vector<int64_t>& healthy_nodes) {
  RETURN_IF_ERROR(CheckNew(request));
  ASSIGN_OR_RETURN(auto existing, Find(request, false));
  if (!existing) return Create(request, healthy_nodes);
  RETURN_IF_ERROR(CheckNodes(*existing, healthy_nodes));
  return *std::move(existing);
}

absl::StatusOr<meta::Store> StoreCatalog::Create(const Store& request,
                                                 const std::vector<int64_t>& healthy_nodes) {
  if (healthy_nodes.empty()) {
    return UnavailableError(
        "no health server node: store {} needs at least one nodemanager; start "
        "fate-nodemanager",
        NameOf(request.storelocator()));
  }
  std::vector<int64_t> nodes = healthy_nodes;
  int count = request.storelocator().total_partitions();
  if (request.partitions_size() > 0) {  // the client binds partitions to nodes
    if (count <= 0) count = 4 * static_cast<int>(healthy_nodes.size());
    nodes.clear();
    for (const auto& p : request.partitions()) nodes.push_back(p.processor().servernodeid());
  }
  std::vector<int64_t> placed = session::PlacePartitions(count, nodes);
  Store store;
  *store.mutable_storelocator() = request.storelocator();
  for (size_t i = 0; i < placed.size(); ++i) {
    AddPartition(static_cast<int>(i), placed[i], "binding", &store);
  }
  *store.mutable_options() = request.options();
  RETURN_IF_ERROR(database_.Transaction([&](sql::Database&) { return InsertRows(store); }));
  return store;
}

absl::Status StoreCatalog::InsertRows(const Store& store) {
  const meta::StoreLocator& l = store.storelocator();
  RETURN_IF_ERROR(
      database_
          .Execute("insert into store_locator(store_type, namespace, name, path, total_partitions, "
                   "key_serdes_type, value_serdes_type, partitioner_type, status) "
                   "values(?, ?, ?, ?, ?, ?, ?, ?, 'NORMAL')",
                   {l.store_type(), l.namespace_(), l.name(), l.path(), l.total_partitions(),
                    l.key_serdes_type(), l.value_serdes_type(), l.partitioner_type()})
          .status());
  int64_t id = database_.LastInsertId();
  for (const auto& p : store.partitions()) {
    RETURN_IF_ERROR(
        database_
            .Execute("insert into store_partition(store_locator_id, node_id, partition_id, status) "
                     "values(?, ?, ?, 'PRIMARY')",
                     {id, p.processor().servernodeid(), p.id()})
            .status());
  }
  for (const auto& [name, value] : store.options()) {
    RETURN_IF_ERROR(
        database_
            .Execute("insert into store_option(store_locator_id, name, data) values(?, ?, ?)",
                     {id, name, value})
            .status());
  }
  return absl::OkStatus();
}

// ".1724207472123"; never twice the same, so that the new names stay unique.
std::string StoreCatalog::DeletedSuffix(absl::Time now) {
  last_deleted_ms_ = std::max(last_deleted_ms_ + 1, absl::ToUnixMillis(now));
  return "." + std::to_string(last_deleted_ms_);
}

absl::StatusOr<std::optional<meta::Store>> StoreCatalog::Delete(const Store& request,
                                                                absl::Time now) {
  const meta::StoreLocator& locator = request.storelocator();
  RETURN_IF_ERROR(StoreName::Parse(locator.namespace_(), locator.name()).status());
  bool all = locator.name() == "*";
  std::string suffix = DeletedSuffix(now);
  std::string sql =
      "update store_locator set name = name || ?, status = 'DELETED', "
      "updated_at = current_timestamp where namespace = ? and status = 'NORMAL'";
  std::vector<sql::Value> values = {suffix, locator.namespace_()};
  if (!all) {
    sql += " and name = ?";
    values.push_back(locator.name());
  }
  if (!all || locator.store_type() != "*") {
    sql += " and store_type = ?";
    values.push_back(locator.store_type());
  }
  ASSIGN_OR_RETURN(int64_t deleted, database_.Execute(sql, values));
  Store result;
  *result.mutable_storelocator() = locator;
  if (all) return std::optional<Store>(std::move(result));
  if (deleted == 0) return std::nullopt;
  result.mutable_storelocator()->set_name(locator.name() + suffix);
  return std::optional<Store>(std::move(result));
}

absl::StatusOr<meta::StoreList> StoreCatalog::List(const Store& request) {
  const meta::StoreLocator& locator = request.storelocator();
  std::string sql = "select * from store_locator where status = 'NORMAL'";
  std::vector<sql::Value> values;
  if (!Trim(locator.namespace_()).empty()) {
    sql += " and namespace = ?";
    values.push_back(locator.namespace_());
  }
  if (!Trim(locator.name()).empty()) {
    sql += " and name like ? escape '\\'";
    values.push_back(LikePattern(locator.name()));
  }
  ASSIGN_OR_RETURN(auto rows, database_.Query(sql + " order by store_locator_id", values));
  StoreList list;
  for (const auto& row : rows) {
    ASSIGN_OR_RETURN(Store store, Expand(row, request));
    *list.add_stores() = std::move(store);
  }
  return list;
}

}  // namespace fate::clustermanager
