#pragma once

// Models that tasks left: one tar per output key below the model folder, described in
// t_model_meta (spec/fate-flow.md 5.5, 15.6). Thread-safe.

#include <string>
#include <vector>

#include "fateflow/job_store.h"

namespace fate::flow {

// Place of one output in the store.
struct ModelKey {
  std::string model_id, model_version, role, party_id, task_name, output_key;
  // Columns that are set; all of them for a complete key.
  Columns Where() const;
};

class ModelStore {
 public:
  ModelStore(Records& records, std::string directory)
      : records_(records), directory_(std::move(directory)) {}

  // Copies `tar_path` into the store. `metas`: the meta objects inside the tar (15.6).
  absl::Status Save(const ModelKey& key, const std::string& job_id, const std::string& type_name,
                    const Json& metas, const std::string& tar_path);
  // Rows of t_model_meta that match what is set in the key.
  absl::StatusOr<std::vector<Json>> Find(const ModelKey& key);
  // Path of the tar. Errors: kInvalidArgument for unsafe names, kNotFound "No found model".
  absl::StatusOr<std::string> TarOf(const ModelKey& key);
  // The model files of one row as JSON: one object, or a list when an output holds several.
  absl::StatusOr<Json> Read(const Json& row);
  // Rows removed.
  absl::StatusOr<int64_t> Delete(const ModelKey& key);

  absl::Status Export(const ModelKey& key, const std::string& zip_path);
  absl::Status Import(const std::string& zip_path, const std::string& model_id,
                      const std::string& model_version, const std::string& temp_dir);

 private:
  absl::StatusOr<std::string> PathOf(const ModelKey& key) const;
  Records& records_;
  const std::string directory_;
};

ModelKey KeyOfModel(const Json& row);
// All outputs of a task.
ModelKey ModelsOfTask(const Json& task);
// The meta objects in a model tar: its *.meta.yaml files.
absl::StatusOr<Json> ReadModelMetas(const std::string& tar_path);

}  // namespace fate::flow
