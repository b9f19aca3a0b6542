#include "compute/session.h"

#include <random>

#include "absl/time/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "compute/cluster_manager.h"
#include "compute/job.h"
#include "compute/placement.h"

namespace fate::compute {

using com::webank::eggroll::core::meta::Job;
using com::webank::eggroll::core::meta::Partition;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::StoreLocator;

struct Session::Impl {
  explicit Impl(Options o) : options(std::move(o)), manager(options.cluster_manager) {}

  Options options;
  ClusterManager manager;
  SessionMeta meta;
  Placement placement;
  absl::Duration start_duration;
  std::string table_prefix;  // random: two clients of one session never make the same name
  std::atomic<uint64_t> next_table{0};
  std::atomic<bool> ended{false};
};

namespace {

constexpr absl::Duration kCleanupTimeout = absl::Seconds(60);

StoreLocator Locator(const StoreName& name, int partitions, const std::string& store_type) {
  StoreLocator locator;
  locator.set_id(-1);
  locator.set_store_type(store_type);
  locator.set_namespace_(name.name_space());
  locator.set_name(name.name());
  locator.set_total_partitions(partitions);
  return locator;
}

absl::Status CheckPartitions(int partitions) {
  if (partitions >= 1 && partitions <= kMaxPartitions) return absl::OkStatus();
  return InvalidArgumentError("a table has 1 to {} partitions, not {}", kMaxPartitions, partitions);
}

absl::StatusOr<Store> LocatorStore(const StoreName& name, int partitions,
                                   const std::string& store_type) {
  RETURN_IF_ERROR(CheckPartitions(partitions));
  Store store;
  *store.mutable_storelocator() = Locator(name, partitions, store_type);
  return store;
}

SessionMeta NewSession(const Session::Options& options) {
  SessionMeta meta;
  meta.set_id(options.id);
  meta.set_status("NEW");
  for (const auto& [key, value] : options.options) (*meta.mutable_options())[key] = value;
  if (options.eggs_per_node > 0) {
    (*meta.mutable_options())["eggroll.session.processors.per.node"] =
        std::to_string(options.eggs_per_node);
  }
  return meta;
}

absl::Status ExplainStart(const absl::Status& status, const Session::Options& options) {
  if (status.code() == absl::StatusCode::kDeadlineExceeded) {
    return DeadlineExceededError(
        "session {}: its eggs did not start within {}; the node manager's log and the session's "
        "log folder say why ({})",
        options.id, absl::FormatDuration(options.start_timeout), Message(status));
  }
  return Annotate(status, "session " + options.id + " cannot start");
}

absl::Status CheckActive(const SessionMeta& meta, const std::string& cluster_manager) {
  if (meta.status() == "ACTIVE") return absl::OkStatus();
  return FailedPreconditionError(
      "session {} is {} at cluster manager {}; an ended session is never started again, use "
      "another id",
      meta.id(), meta.status(), cluster_manager);
}

std::string RandomPrefix() {
  std::random_device random;
  return fmt::format("t{:08x}{:08x}", random(), random());
}

// The wildcard partition of a cleanup task (spec/eggroll-compute-and-storage.md 12.3).
Partition WildcardPartition(const StoreLocator& locator) {
  Partition partition;
  partition.set_id(-1);
  *partition.mutable_storelocator() = locator;
  partition.set_rankinnode(-1);
  return partition;
}

}  // namespace

Session::Session() = default;

absl::StatusOr<std::unique_ptr<Session>> Session::Open(Options options) {
  RETURN_IF_ERROR(SessionId::Parse(options.id).status());
  if (options.cluster_manager.empty()) {
    return InvalidArgumentError("session {}: the cluster manager's address is missing", options.id);
  }
  std::unique_ptr<Session> session(new Session);
  session->impl_ = std::make_unique<Impl>(std::move(options));
  Impl& impl = *session->impl_;
  const absl::Time start = absl::Now();
  impl.meta = NewSession(impl.options);
  auto meta = impl.manager.GetOrCreateSession(impl.meta, impl.options.start_timeout);
  if (!meta.ok()) return ExplainStart(meta.status(), impl.options);  // the destructor kills it
  impl.meta = *std::move(meta);
  RETURN_IF_ERROR(CheckActive(impl.meta, impl.manager.endpoint()));
  ASSIGN_OR_RETURN(impl.placement, Placement::Create(impl.meta));
  impl.table_prefix = RandomPrefix();
  impl.start_duration = absl::Now() - start;
  log::Info("session started in {:.1f} ms: {} with {} eggs",
            absl::ToDoubleMilliseconds(impl.start_duration), session->id(),
            impl.meta.processors_size());
  return session;
}

Session::~Session() {
  if (!impl_ || impl_->ended.exchange(true)) return;
  // Nobody called Stop: leave no eggs behind, without waiting long for an absent manager.
  impl_->manager.KillSession(impl_->meta, absl::Seconds(2)).IgnoreError();
}

const std::string& Session::id() const { return impl_->options.id; }
const SessionMeta& Session::meta() const { return impl_->meta; }
absl::Duration Session::start_duration() const { return impl_->start_duration; }

absl::StatusOr<Table> Session::CreateTable(int partitions) {
  const std::string name = fmt::format("{}_{}", impl_->table_prefix, impl_->next_table++);
  ASSIGN_OR_RETURN(StoreName store_name, StoreName::Parse(id(), name));
  return UnregisteredTable(store_name, partitions, kInMemory);
}

absl::StatusOr<Table> Session::UnregisteredTable(const StoreName& name, int partitions,
                                                 const std::string& store_type) {
  RETURN_IF_ERROR(CheckPartitions(partitions));
  return Table(this, impl_->placement.Place(Locator(name, partitions, store_type)));
}

absl::StatusOr<Table> Session::ReplaceTable(const StoreName& name, int partitions,
                                            const std::string& store_type) {
  ASSIGN_OR_RETURN(Store wanted, LocatorStore(name, partitions, store_type));
  Store any = wanted;
  any.mutable_storelocator()->clear_store_type();
  ASSIGN_OR_RETURN(Store old, impl_->manager.GetStore(any));
  if (old.partitions_size() > 0) {
    RETURN_IF_ERROR(impl_->placement.Populate(&old));
    RETURN_IF_ERROR(Table(this, old).Destroy());
  }
  return EnsureTable(name, partitions, store_type);
}

absl::StatusOr<Table> Session::LoadTable(const StoreName& name, const std::string& store_type) {
  Store wanted;
  *wanted.mutable_storelocator() = Locator(name, 0, store_type);
  ASSIGN_OR_RETURN(Store store, impl_->manager.GetStore(wanted));
  if (store.storelocator().total_partitions() == 0) {
    return NotFoundError("table {} does not exist as {} at cluster manager {}; upload it first",
                         name.ToString(), store_type, impl_->manager.endpoint());
  }
  RETURN_IF_ERROR(impl_->placement.Populate(&store));
  return Table(this, std::move(store));
}

absl::StatusOr<Table> Session::EnsureTable(const StoreName& name, int partitions,
                                           const std::string& store_type) {
  ASSIGN_OR_RETURN(Store wanted, LocatorStore(name, partitions, store_type));
  ASSIGN_OR_RETURN(Store store, impl_->manager.GetOrCreateStore(wanted));
  RETURN_IF_ERROR(impl_->placement.Populate(&store));
  if (store.partitions_size() != partitions) {
    return FailedPreconditionError("table {} exists with {} partitions, {} were asked for",
                                   name.ToString(), store.partitions_size(), partitions);
  }
  return Table(this, std::move(store));
}

absl::StatusOr<std::vector<Table>> Session::FindTables(const std::string& name_space,
                                                       const std::string& pattern) {
  ASSIGN_OR_RETURN(StoreName name, StoreName::Parse(name_space, pattern));
  Store wanted;
  *wanted.mutable_storelocator() = Locator(name, 0, kLmdb);
  ASSIGN_OR_RETURN(auto list, impl_->manager.GetStoresFromNamespace(wanted));
  std::vector<Table> tables;
  for (Store& store : *list.mutable_stores()) {
    RETURN_IF_ERROR(impl_->placement.Populate(&store));
    tables.emplace_back(this, std::move(store));
  }
  return tables;
}

absl::Status Session::Cleanup(const std::string& name_space) {
  ASSIGN_OR_RETURN(StoreName name, StoreName::Parse(name_space, "*"));
  Job job;
  job.set_id(NewJobId(name_space, "cleanup"));
  job.set_name("destroy");
  Store* store = job.add_inputs()->mutable_store();
  *store->mutable_storelocator() = Locator(name, 0, "*");
  const auto job_bytes = std::make_shared<const std::string>(job.SerializeAsString());
  std::vector<EggTask> tasks;
  for (const auto& egg : impl_->placement.FirstEggs()) {
    EggTask task{.job = job_bytes, .egg = egg, .what = "cleanup of " + name_space};
    task.task.set_id(job.id() + "/task/" + egg.commandendpoint().host());
    task.task.set_name("destroy");
    *task.task.add_inputs() = WildcardPartition(store->storelocator());
    tasks.push_back(std::move(task));
  }
  RETURN_IF_ERROR(RunTasks(std::move(tasks), kCleanupTimeout).status());
  return impl_->manager.DeleteStore(*store);
}

absl::Status Session::Stop() {
  if (impl_->ended.exchange(true)) return absl::OkStatus();
  absl::Status cleaned = Cleanup(id());
  RETURN_IF_ERROR(impl_->manager.StopSession(impl_->meta));
  return Annotate(cleaned, "session " + id() + " is stopped, but its tables remain");
}

absl::Status Session::Kill() {
  if (impl_->ended.exchange(true)) return absl::OkStatus();
  return impl_->manager.KillSession(impl_->meta, absl::Seconds(10));
}

absl::Status Session::KillById(const std::string& cluster_manager, const std::string& id) {
  RETURN_IF_ERROR(SessionId::Parse(id).status());
  SessionMeta meta;
  meta.set_id(id);
  return ClusterManager(cluster_manager).KillSession(meta, absl::Seconds(10));
}

absl::Status Session::DropTable(const Store& store) {
  const StoreLocator& locator = store.storelocator();
  const bool registered = !(locator.namespace_() == id() && locator.store_type() == kInMemory &&
                            locator.name().starts_with(impl_->table_prefix));
  return registered ? impl_->manager.DeleteStore(store) : absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> Session::RunJob(const Job& job,
                                                         const std::string& task_name,
                                                         absl::Duration timeout) {
  Job named = job;
  if (named.id().empty()) named.set_id(NewJobId(id(), task_name));
  if (named.name().empty()) named.set_name(task_name);
  ASSIGN_OR_RETURN(auto tasks, SplitJob(named, task_name));
  return RunTasks(std::move(tasks), timeout);
}

}  // namespace fate::compute
