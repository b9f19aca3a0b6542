#include "fateflow/scheduler_store.h"

#include <set>

#include "base/status.h"

namespace fate::flow {
namespace {

using scheduler::JobRecord;
using scheduler::Status;
using scheduler::TaskRecord;

constexpr const char* kSchema = R"sql(
create table if not exists t_schedule_job (
  f_create_time bigint, f_update_time bigint, f_protocol varchar(50) not null,
  f_job_id varchar(25) not null, f_priority integer not null, f_tag varchar(50), f_dag longtext,
  f_parties longtext, f_initiator_party_id varchar(50) not null,
  f_scheduler_party_id varchar(50) not null, f_status varchar(50) not null, f_status_code integer,
  f_progress integer, f_schedule_signal bool not null, f_schedule_time bigint,
  f_cancel_signal bool not null, f_cancel_time bigint, f_rerun_signal bool not null,
  f_end_scheduling_updates integer, f_start_time bigint, f_end_time bigint, f_elapsed bigint,
  primary key (f_job_id));
create table if not exists t_schedule_task (
  f_create_time bigint, f_update_time bigint, f_job_id varchar(25) not null,
  f_role varchar(50) not null, f_party_id varchar(50) not null, f_task_name varchar(50) not null,
  f_component varchar(50) not null, f_task_id varchar(100) not null, f_task_version bigint not null,
  f_parties longtext, f_error_report text not null, f_status varchar(50) not null,
  f_start_time bigint, f_end_time bigint, f_elapsed bigint,
  primary key (f_job_id, f_task_id, f_task_version, f_role, f_party_id));
create table if not exists t_schedule_task_status (
  f_create_time bigint, f_update_time bigint, f_job_id varchar(25) not null,
  f_task_name varchar(50) not null, f_task_id varchar(100) not null,
  f_task_version bigint not null, f_status varchar(50) not null, f_auto_retries integer not null,
  f_sync_type varchar(10) not null,
  primary key (f_job_id, f_task_id, f_task_version));
create index if not exists schedule_job_status on t_schedule_job (f_status);
)sql";

std::string Text(Status status) { return std::string(scheduler::Name(status)); }

scheduler::Site SiteOf(const dag::Site& site) { return {site.role, site.party_id}; }

Status StatusOf(const sql::Row& row) {
  return scheduler::ParseStatus(row.Text("f_status")).value_or(Status::kFailed);
}

}  // namespace

scheduler::JobPlan PlanOf(const std::string& job_id, const dag::Dag& dag) {
  scheduler::JobPlan plan;
  plan.job_id = job_id;
  for (const dag::Site& site : dag.Sites()) plan.sites.push_back(SiteOf(site));
  for (const dag::Task& task : dag.tasks()) {
    scheduler::TaskPlan& entry = plan.tasks.emplace_back();
    entry.name = task.name;
    entry.dependencies = dag.DependenciesOf(task);
    for (const dag::Site& site : dag.SitesOf(task)) entry.sites.push_back(SiteOf(site));
  }
  plan.priority = dag.conf().priority.value_or(0);
  plan.auto_retries = dag.conf().auto_retries.value_or(0);
  plan.poll = dag.conf().sync_type == "poll";
  return plan;
}

absl::StatusOr<std::unique_ptr<SchedulerStore>> SchedulerStore::Open(sql::Database& database) {
  RETURN_IF_ERROR(database.ExecuteScript(kSchema));
  return std::unique_ptr<SchedulerStore>(new SchedulerStore(database));
}

absl::Status SchedulerStore::AddJob(const std::string& job_id, const dag::Dag& dag,
                                    absl::Time now) {
  dag::Json schema = dag.ToJson();
  return database_
      .Execute(
          "insert into t_schedule_job (f_create_time, f_update_time, f_protocol, f_job_id, "
          "f_priority, f_dag, f_parties, f_initiator_party_id, f_scheduler_party_id, f_status, "
          "f_progress, f_schedule_signal, f_cancel_signal, f_rerun_signal, "
          "f_end_scheduling_updates) values (?, ?, 'fate', ?, ?, ?, ?, ?, ?, 'ready', 0, 0, 0, 0, "
          "0)",
          {absl::ToUnixMillis(now), absl::ToUnixMillis(now), job_id,
           dag.conf().priority.value_or(0), schema.dump(), schema["dag"]["parties"].dump(),
           dag.conf().initiator_party_id.value_or(""), dag.conf().scheduler_party_id.value_or("")})
      .status();
}

absl::Status SchedulerStore::Write(const scheduler::Actions& actions, const FindDag& find_dag,
                                   absl::Time now) {
  bool has_rows = std::any_of(actions.begin(), actions.end(), [](const auto& action) {
    return std::holds_alternative<scheduler::JobRow>(action) ||
           std::holds_alternative<scheduler::TaskRow>(action) ||
           std::holds_alternative<scheduler::SiteRow>(action);
  });
  if (!has_rows) return absl::OkStatus();
  int64_t now_ms = absl::ToUnixMillis(now);
  return database_.Transaction([&](sql::Database&) -> absl::Status {
    for (const scheduler::Action& action : actions) {
      absl::Status written;
      if (auto* job = std::get_if<scheduler::JobRow>(&action)) {
        written = Write(*job, now_ms);
      } else if (auto* task = std::get_if<scheduler::TaskRow>(&action)) {
        written = Write(*task, *find_dag(task->job_id), now_ms);
      } else if (auto* site = std::get_if<scheduler::SiteRow>(&action)) {
        written = Write(*site, *find_dag(site->job_id), now_ms);
      }
      RETURN_IF_ERROR(written);
    }
    return absl::OkStatus();
  });
}

absl::Status SchedulerStore::Write(const scheduler::JobRow& row, int64_t now_ms) {
  std::string times;
  if (row.status == Status::kRunning) times = ", f_start_time = coalesce(f_start_time, ?1)";
  if (scheduler::IsEnd(row.status)) {
    times = ", f_tag = 'job_end', f_end_time = ?1, f_elapsed = ?1 - f_start_time";
  }
  if (row.cancel_signal) times += ", f_cancel_time = coalesce(f_cancel_time, ?1)";
  return database_
      .Execute(
          "update t_schedule_job set f_update_time = ?1, f_status = ?2, f_progress = ?3, "
          "f_cancel_signal = ?4, f_rerun_signal = ?5, f_end_scheduling_updates = ?6" +
              times + " where f_job_id = ?7",
          {now_ms, Text(row.status), static_cast<int64_t>(row.progress), row.cancel_signal,
           row.rerun_signal, row.end_delivered, row.job_id})
      .status();
}

absl::Status SchedulerStore::Write(const scheduler::TaskRow& row, const dag::Dag& dag,
                                   int64_t now_ms) {
  return database_
      .Execute(
          "insert into t_schedule_task_status (f_create_time, f_update_time, f_job_id, "
          "f_task_name, f_task_id, f_task_version, f_status, f_auto_retries, f_sync_type) "
          "values (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
          "on conflict (f_job_id, f_task_id, f_task_version) do update set "
          "f_update_time = ?1, f_status = ?6, f_auto_retries = ?7",
          {now_ms, row.job_id, row.task, scheduler::TaskId(row.job_id, row.task), row.version,
           Text(row.status), row.auto_retries, dag.conf().sync_type.value_or("callback")})
      .status();
}

absl::Status SchedulerStore::Write(const scheduler::SiteRow& row, const dag::Dag& dag,
                                   int64_t now_ms) {
  const dag::Task& task = *dag.FindTask(row.task);
  std::string times;
  if (row.status == Status::kRunning) times = ", f_start_time = coalesce(f_start_time, ?1)";
  if (scheduler::IsEnd(row.status)) times = ", f_end_time = ?1, f_elapsed = ?1 - f_start_time";
  return database_
      .Execute(
          "insert into t_schedule_task (f_create_time, f_update_time, f_job_id, f_role, "
          "f_party_id, f_task_name, f_component, f_task_id, f_task_version, f_parties, "
          "f_error_report, f_status) values (?1, ?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, '', ?10) "
          "on conflict (f_job_id, f_task_id, f_task_version, f_role, f_party_id) do update "
          "set f_update_time = ?1, f_status = ?10" +
              times,
          {now_ms, row.job_id, row.site.role, row.site.party_id, row.task, task.component_ref,
           scheduler::TaskId(row.job_id, row.task), row.version,
           dag::PartiesJson(task.parties.empty() ? dag.parties() : task.parties).dump(),
           Text(row.status)})
      .status();
}

absl::StatusOr<std::optional<StoredJob>> SchedulerStore::Load(const std::string& job_id) {
  ASSIGN_OR_RETURN(sql::Rows rows,
                   database_.Query("select * from t_schedule_job where f_job_id = ?", {job_id}));
  if (rows.empty()) return std::optional<StoredJob>();
  const sql::Row& row = rows[0];
  auto dag = dag::Dag::ParseText(row.Text("f_dag"));
  if (!dag.ok()) {
    return Annotate(dag.status(), fmt::format("t_schedule_job.f_dag of job {}", job_id));
  }
  StoredJob job;
  job.dag = std::make_shared<const dag::Dag>(*std::move(dag));
  job.record.plan = PlanOf(job_id, *job.dag);
  job.record.order = row.Int("f_create_time") * 1000;
  job.record.status = StatusOf(row);
  job.record.progress = row.Double("f_progress");
  job.record.cancel_signal = row.Int("f_cancel_signal") != 0;
  job.record.rerun_signal = row.Int("f_rerun_signal") != 0;
  job.record.end_delivered = row.Int("f_end_scheduling_updates") != 0;
  RETURN_IF_ERROR(LoadTasks(&job.record));
  return std::optional<StoredJob>(std::move(job));
}

// Tasks without rows (the job was never set waiting) have the state of a new job.
absl::Status SchedulerStore::LoadTasks(JobRecord* record) {
  std::map<std::string, TaskRecord*> by_name;
  record->tasks.resize(record->plan.tasks.size());
  for (size_t i = 0; i < record->tasks.size(); ++i) {
    record->tasks[i].auto_retries = record->plan.auto_retries;
    for (const auto& site : record->plan.tasks[i].sites) {
      record->tasks[i].party_status[site] = Status::kWaiting;
    }
    by_name[record->plan.tasks[i].name] = &record->tasks[i];
  }
  ASSIGN_OR_RETURN(sql::Rows tasks,
                   database_.Query("select * from t_schedule_task_status where f_job_id = ? "
                                   "order by f_task_version",
                                   {record->plan.job_id}));
  for (const sql::Row& row : tasks) {
    auto task = by_name.find(row.Text("f_task_name"));
    if (task == by_name.end()) continue;
    task->second->version = row.Int("f_task_version");
    task->second->status = StatusOf(row);
    task->second->auto_retries = row.Int("f_auto_retries");
  }
  ASSIGN_OR_RETURN(
      sql::Rows sites,
      database_.Query("select * from t_schedule_task where f_job_id = ?", {record->plan.job_id}));
  for (const sql::Row& row : sites) {
    auto task = by_name.find(row.Text("f_task_name"));
    if (task == by_name.end() || row.Int("f_task_version") != task->second->version) continue;
    auto& statuses = task->second->party_status;
    auto site = statuses.find({row.Text("f_role"), row.Text("f_party_id")});
    if (site != statuses.end()) site->second = StatusOf(row);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> SchedulerStore::UnfinishedJobs() {
  ASSIGN_OR_RETURN(sql::Rows rows,
                   database_.Query("select f_job_id from t_schedule_job where f_status in "
                                   "('ready', 'waiting', 'running') or f_end_scheduling_updates = "
                                   "0 order by f_create_time, f_job_id"));
  std::vector<std::string> jobs;
  for (const sql::Row& row : rows) jobs.push_back(row.Text("f_job_id"));
  return jobs;
}

absl::StatusOr<bool> SchedulerStore::HasTask(const scheduler::TaskReport& report) {
  ASSIGN_OR_RETURN(
      sql::Rows rows,
      database_.Query("select 1 from t_schedule_task where f_job_id = ? and f_task_id = ? and "
                      "f_task_version = ? and f_role = ? and f_party_id = ?",
                      {report.job_id, scheduler::TaskId(report.job_id, report.task), report.version,
                       report.site.role, report.site.party_id}));
  return !rows.empty();
}

}  // namespace fate::flow
