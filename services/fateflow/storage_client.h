#pragma once

// Reads and removes stored tables from outside a session: metadata from the clustermanager,
// partitions from the storage_service of the node that holds them
// (spec/eggroll-control-plane.md 11, spec/eggroll-compute-and-storage.md 6). Thread-safe.

#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>

#include "base/names.h"
#include "eggroll/meta.pb.h"
#include "rpc/command.h"

namespace fate::flow {

class StorageClient {
 public:
  StorageClient(std::string cluster_manager, int storage_port)
      : cluster_manager_(std::move(cluster_manager)), storage_port_(storage_port) {}

  // Errors: kNotFound "table ns/name does not exist", kUnavailable naming the daemon.
  absl::StatusOr<int64_t> Count(const StoreName& name);
  // Partition by partition in key order, until `take` returns false or fails.
  using Take = std::function<absl::StatusOr<bool>(std::string_view key, std::string_view value)>;
  absl::Status Scan(const StoreName& name, const Take& take);
  // Removes files and metadata. A table that does not exist is no error.
  absl::Status Destroy(const StoreName& name);

 private:
  using Store = com::webank::eggroll::core::meta::Store;
  using Partition = com::webank::eggroll::core::meta::Partition;
  absl::StatusOr<Store> Find(const StoreName& name);
  absl::StatusOr<std::string> EndpointOf(const Partition& partition);
  absl::StatusOr<std::string> RunTask(const Store& store, int partition, const std::string& task,
                                      const std::string& task_id, const std::string& argument);
  absl::StatusOr<bool> ScanPartition(const Store& store, int partition, const Take& take);

  const std::string cluster_manager_;
  const int storage_port_;
  rpc::CommandClient client_;
  std::mutex mutex_;
  std::map<int64_t, std::string> hosts_;  // by server node
};

}  // namespace fate::flow
