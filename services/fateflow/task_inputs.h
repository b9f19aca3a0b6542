#pragma once

// Finds what a task reads: tables and models that other tasks (or uploads) left
// (spec/fate-flow.md 15.4).

#include "fateflow/data_store.h"
#include "fateflow/model_store.h"

namespace fate::flow {

class TaskInputs {
 public:
  TaskInputs(JobStore& jobs, DataStore& data, ModelStore& models)
      : jobs_(jobs), data_(data), models_(models) {}

  // {"train_data": artifact or [artifact], ...} for all input channels; models are unpacked below
  // `task_dir`. Error: "Get data artifacts failed: ..." for an input that is not optional.
  absl::StatusOr<Json> Resolve(const Json& pre_task_config, const Json& define,
                               const std::string& task_dir);

 private:
  absl::StatusOr<Json> DataArtifacts(const Json& pre, const Json& channel);
  absl::StatusOr<Json> ModelArtifacts(const Json& pre, const Json& channel,
                                      const std::string& task_dir);
  absl::StatusOr<Json> TableArtifact(const std::string& name_space, const std::string& name);
  JobStore& jobs_;
  DataStore& data_;
  ModelStore& models_;
};

}  // namespace fate::flow
