#pragma once

// What a component sees of its task: inputs and outputs by the URIs of the TaskConfig, the
// session and the federation of its conf, opened when first asked for, metrics and log files.

#include <memory>
#include <mutex>
#include <vector>

#include "algo/component.h"
#include "fate_component/metric_sink.h"
#include "fate_component/task_config.h"
#include "fate_component/task_log.h"

namespace fate::component {

class FileTaskContext : public algo::TaskContext {
 public:
  // config, component and log must outlive it.
  FileTaskContext(const TaskConfig& config, const algo::Component& component, TaskLog& log);

  const std::string& role() const override { return config_.role; }
  const std::string& party_id() const override { return config_.party_id; }
  const std::string& stage() const override { return config_.stage; }
  const nlohmann::json& parameters() const override { return config_.parameters; }
  int computing_partitions() const override { return config_.computing_partitions; }
  absl::StatusOr<compute::Session*> session() override;
  absl::StatusOr<federation::Federation*> federation() override;
  absl::StatusOr<dataframe::DataFrame> InputFrame(const std::string& key) override;
  absl::StatusOr<std::pair<compute::Table, nlohmann::json>> InputTable(
      const std::string& key) override;
  absl::StatusOr<nlohmann::json> InputModel(const std::string& key) override;
  absl::Status NameOutput(const std::string& key, const std::string& name_space,
                          const std::string& name) override;
  absl::StatusOr<compute::Table> CreateOutput(const std::string& key, int partitions) override;
  absl::Status OutputFrame(const std::string& key, const dataframe::DataFrame& frame) override;
  absl::Status OutputTable(const std::string& key, const compute::Table& table,
                           const nlohmann::json& schema, int64_t count,
                           const nlohmann::json& samples) override;
  absl::Status OutputReference(const std::string& key, const std::string& name_space,
                               const std::string& name) override;
  absl::Status OutputModel(const std::string& key, const nlohmann::json& model) override;
  absl::Status Metric(const std::string& name, const std::string& type,
                      const nlohmann::json& data) override;
  void Log(const std::string& source, const std::string& message) override;

  // {inputs {data, model}, outputs {data, model, metric}} of the result file (15.5).
  nlohmann::json IoMeta() const;
  // Stops the session, if one was opened, with everything temporary in it.
  absl::Status Close();
  // Removes the tables that outputs were written to; for a task that failed.
  absl::Status DiscardOutputs();

 private:
  // The one artifact of an input. Error: kNotFound naming key and component.
  absl::StatusOr<nlohmann::json> Input(const std::string& key) const;
  absl::StatusOr<nlohmann::json> Output(const std::string& key) const;
  absl::StatusOr<StoreName> Location(const std::string& key) const;
  // The table where the output lies; copies into it what lies elsewhere.
  absl::StatusOr<compute::Table> Place(const std::string& key, const compute::Table& table);
  nlohmann::json Source(const std::string& key) const;
  nlohmann::json ModelOverview(const std::string& key) const;
  absl::Status RecordTable(const std::string& key, const compute::Table& table,
                           const nlohmann::json& schema, int64_t count,
                           const nlohmann::json& samples, const std::string& type);
  nlohmann::json InputsOf(const std::vector<algo::Artifact>& artifacts) const;

  const TaskConfig& config_;
  const algo::Component& component_;
  TaskLog& log_;
  MetricSink metrics_;
  std::mutex mutex_;
  std::unique_ptr<compute::Session> session_;
  std::unique_ptr<federation::Federation> federation_;
  std::map<std::string, StoreName> named_;        // output key -> name given by the component
  std::map<std::string, compute::Table> placed_;  // output key -> table
  nlohmann::json data_outputs_ = nlohmann::json::object();
  nlohmann::json model_outputs_ = nlohmann::json::object();
};

}  // namespace fate::component
