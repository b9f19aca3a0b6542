#pragma once

// What data this party has: metadata of tables and which task made which (spec/fate-flow.md
// 14.1 t_storage_table_meta and t_tracking_data_output, 15.5, 16). The rows themselves lie in
// the storage engine. Thread-safe.

#include <string>
#include <vector>

#include "fateflow/job_store.h"

namespace fate::flow {

// "eggroll:///ns/a/b" is engine eggroll, namespace ns, name a_b.
struct DataUri {
  std::string engine, name_space, name, path;
  // Error: kInvalidArgument for a URI without scheme or name.
  static absl::StatusOr<DataUri> Parse(const std::string& uri);
};

// One data output of a task, as it is to be published.
struct DataOutput {
  std::string output_key;
  int64_t index = 0;
  std::string uri;  // "": the table exists already, only the tracking row is stored (reader)
  std::string name_space, name;
  Json schema = Json::object();    // stored as the table's `meta`
  Json overview = Json::object();  // {"count", "samples"}
  Json source = Json::object();
  std::string data_type;
  int64_t partitions = 16;
};

class DataStore {
 public:
  explicit DataStore(Records& records) : records_(records) {}

  // A record of t_storage_table_meta, null when unknown.
  absl::StatusOr<Json> FindTable(const std::string& name_space, const std::string& name);
  // Metadata only: engine "path" (5.3).
  absl::Status BindPath(const std::string& name_space, const std::string& name,
                        const std::string& path);
  absl::Status ForgetTable(const std::string& name_space, const std::string& name);

  absl::Status Publish(const Json& task, const DataOutput& output);
  // Tracking rows of one task version, by output key and index.
  absl::StatusOr<std::vector<Json>> OutputsOf(const Json& task, const std::string& output_key = "");
  absl::Status ForgetJob(const std::string& job_id);

 private:
  Records& records_;
};

// {"namespace","name","count","meta","engine","path","source","data_type"} of a table record.
Json TableInfo(const Json& table);

}  // namespace fate::flow
