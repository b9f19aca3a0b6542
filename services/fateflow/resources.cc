#include "fateflow/resources.h"

#include <algorithm>

#include "base/status.h"

namespace fate::flow {
namespace {

const char kEngineWhere[] = "where f_engine_name = 'eggroll' and f_engine_type = 'computing'";

Columns EngineKey() { return {{"engine_name", "eggroll"}, {"engine_type", "computing"}}; }

}  // namespace

CoreDemand DemandOf(const Config& config, const std::string& role, const Json& engine_run,
                    int64_t job_cores) {
  int64_t total = Integer(engine_run, "cores", config.job_defaults.task_cores);
  int64_t per_node = std::max<int64_t>(total / config.nodes, 1);
  CoreDemand demand;
  demand.task_run = engine_run.is_object() ? engine_run : Json::object();
  demand.task_run["cores"] = total;
  demand.task_run["nodes"] = config.nodes;
  demand.task_run["task_cores_per_node"] = per_node;
  if (role == "arbiter") {
    demand.task_run["cores"] = 1;
    demand.task_run["task_cores_per_node"] = 1;
    return demand;
  }
  demand.task_cores = per_node * config.nodes;
  demand.job_cores =
      std::max(job_cores > 0 ? job_cores : config.job_defaults.job_cores, demand.task_cores);
  return demand;
}

absl::Status Resources::RegisterEngine(const Config& config) {
  ASSIGN_OR_RETURN(Json engine, records_.First("t_engine_registry", EngineKey()));
  int64_t total = config.cores * config.nodes;
  if (engine.is_null()) {
    return records_.Insert("t_engine_registry",
                           {{"engine_name", "eggroll"},
                            {"engine_type", "computing"},
                            {"engine_config", JsonValue({{"host", config.cluster_manager.host},
                                                         {"port", config.cluster_manager.port}})},
                            {"cores", total},
                            {"memory", 0},
                            {"remaining_cores", total},
                            {"remaining_memory", 0}});
  }
  int64_t difference = total - Integer(engine, "cores");
  return records_
      .Update(
          "t_engine_registry",
          {{"cores", total}, {"remaining_cores", Integer(engine, "remaining_cores") + difference}},
          EngineKey())
      .status();
}

absl::StatusOr<Json> Resources::JobWithinLimit(const JobKey& key) {
  ASSIGN_OR_RETURN(Json job, jobs_.FindJob(key));
  if (job.is_null()) return FlowException("can not found the Job record to update");
  ASSIGN_OR_RETURN(Json engine, records_.First("t_engine_registry", EngineKey()));
  if (Integer(job, "cores") > Integer(engine, "cores")) {
    return FlowError(kResourceLimit, {{"job_id", key.job_id},
                                      {"cores", job["cores"]},
                                      {"engine_cores", Member(engine, "cores")},
                                      {"remedy",
                                       "lower conf.cores of the job or raise "
                                       "computing.eggroll.cores"}});
  }
  return job;
}

absl::Status Resources::ApplyJob(const JobKey& key) {
  return records_.database().Transaction([&](sql::Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Json job, JobWithinLimit(key));
    if (Boolean(job, "resource_in_use")) return absl::OkStatus();
    int64_t cores = Integer(job, "cores");
    ASSIGN_OR_RETURN(int64_t taken,
                     db.Execute(fmt::format("update t_engine_registry set f_remaining_cores = "
                                            "f_remaining_cores - ? {} and f_remaining_cores >= ?",
                                            kEngineWhere),
                                {cores, cores}));
    if (taken == 0) {
      return FlowError(kJobResource, {{"job_id", key.job_id},
                                      {"role", key.role},
                                      {"party_id", key.party_id},
                                      {"detail", fmt::format("no {} cores free now", cores)}});
    }
    return jobs_.UpdateJob(key, {{"resource_in_use", true},
                                 {"apply_resource_time", records_.now_ms()},
                                 {"engine_name", "eggroll"}});
  });
}

absl::StatusOr<bool> Resources::ReturnJob(const JobKey& key) {
  bool returned = false;
  RETURN_IF_ERROR(records_.database().Transaction([&](sql::Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Json job, jobs_.FindJob(key));
    if (job.is_null()) return FlowException("can not found the Job record to update");
    if (!Boolean(job, "resource_in_use")) return absl::OkStatus();
    RETURN_IF_ERROR(db.Execute(fmt::format("update t_engine_registry set f_remaining_cores = "
                                           "min(f_cores, f_remaining_cores + ?) {}",
                                           kEngineWhere),
                               {Integer(job, "cores")})
                        .status());
    returned = true;
    return jobs_.UpdateJob(
        key, {{"resource_in_use", false}, {"return_resource_time", records_.now_ms()}});
  }));
  return returned;
}

absl::Status Resources::ApplyTask(const TaskKey& key) {
  return records_.database().Transaction([&](sql::Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
    if (task.is_null()) return FlowException("can not found the Task record to update");
    if (Boolean(task, "resource_in_use")) return absl::OkStatus();
    int64_t cores = Integer(task, "task_cores");
    ASSIGN_OR_RETURN(
        int64_t taken,
        db.Execute("update t_job set f_remaining_cores = f_remaining_cores - ? where f_job_id = ? "
                   "and f_role = ? and f_party_id = ? and f_remaining_cores >= ?",
                   {cores, key.job_id, key.role, key.party_id, cores}));
    if (taken == 0) {
      return FlowError(kTaskResource, {{"task_id", key.task_id},
                                       {"role", key.role},
                                       {"party_id", key.party_id},
                                       {"cores", cores}});
    }
    return jobs_.UpdateTask(key, {{"resource_in_use", true}});
  });
}

absl::Status Resources::ReturnTask(const TaskKey& key) {
  return records_.database().Transaction([&](sql::Database& db) -> absl::Status {
    ASSIGN_OR_RETURN(Json task, jobs_.FindTask(key));
    if (task.is_null()) return FlowException("can not found the Task record to update");
    if (!Boolean(task, "resource_in_use")) return absl::OkStatus();
    RETURN_IF_ERROR(db.Execute("update t_job set f_remaining_cores = "
                               "min(f_cores, f_remaining_cores + ?) where f_job_id = ? and "
                               "f_role = ? and f_party_id = ?",
                               {Integer(task, "task_cores"), key.job_id, key.role, key.party_id})
                        .status());
    return jobs_.UpdateTask(key, {{"resource_in_use", false}});
  });
}

}  // namespace fate::flow
