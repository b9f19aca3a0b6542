#pragma once

// The configuration a task is started with (spec/fate-flow.md 15.3, 15.4). Pure functions.

#include <string>
#include <vector>

#include "dag/dag.h"
#include "fateflow/config.h"
#include "fateflow/job_store.h"
#include "fateflow/layout.h"

namespace fate::flow {

struct TaskDescription {
  TaskKey key;
  dag::TaskAtSite task;
  std::vector<dag::Site> sites;  // all that run the task
  std::string model_id, model_version;
  std::string provider;  // "fate:0.1.0@local"
  Json task_run;         // cores of one task
  int64_t computing_partitions = 8;
};

// The PreTaskConfig kept in t_task.f_component_parameters.
absl::StatusOr<Json> PreTaskConfig(const Config& config, const Layout& layout,
                                   const TaskDescription& description);
// The same for another version of the task: ids that hold the version are renewed.
Json WithVersion(Json pre_task_config, const TaskKey& key);

// task_parameters.yaml.
Json TaskConfig(const Json& pre_task_config, Json input_artifacts, Json output_artifacts);

// {"output_data": {"uri", "type_name"}} for all outputs of a define file.
Json OutputArtifacts(const Config& config, const Json& pre_task_config, const Json& define,
                     const std::string& task_dir);

}  // namespace fate::flow
