#pragma once

// Publishes what a task left, as its result file tells (spec/fate-flow.md 15.5): data, models,
// metric files; then destroys the tables it consumed. Doing it twice changes nothing.

#include "fateflow/data_store.h"
#include "fateflow/metric_store.h"
#include "fateflow/model_store.h"

namespace fate::flow {

class StorageClient;

class TaskOutputs {
 public:
  TaskOutputs(DataStore& data, ModelStore& models, MetricStore& metrics, StorageClient& storage)
      : data_(data), models_(models), metrics_(metrics), storage_(storage) {}

  // `result`: task_result.yaml of a task that succeeded; `task_config`: what it was started with.
  absl::Status Publish(const Json& task, const Json& task_config, const Json& result,
                       const std::string& task_dir);

 private:
  absl::Status PublishData(const Json& task, const std::string& key, const Json& item,
                           int64_t index);
  absl::Status PublishModel(const Json& task, const std::string& key, const Json& items,
                            const std::string& task_dir);
  absl::Status PublishMetric(const Json& task, const Json& item);
  absl::Status DestroyConsumed(const Json& task_config);

  DataStore& data_;
  ModelStore& models_;
  MetricStore& metrics_;
  StorageClient& storage_;
};

}  // namespace fate::flow
