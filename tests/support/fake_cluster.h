#pragma once

// A cluster manager and eggs inside the test process, over real sockets: they hold tables in
// memory and write down what they were asked. For tests of the engine's clients; the real
// daemons are in tests/support/local_party.h.

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "eggroll/meta.pb.h"

namespace fate::testing {

class FakeEgg;

class FakeCluster {
 public:
  using Task = com::webank::eggroll::core::meta::Task;
  // Answers a task the fake does not know itself (maps, folds, pulls, ...), on a thread of its own.
  using OnTask = std::function<absl::StatusOr<std::string>(const Task&)>;

  // Nodes have the ids 1, 2, ...; every node runs `eggs_per_node` eggs.
  FakeCluster(int nodes, int eggs_per_node);
  ~FakeCluster();

  const std::string& cluster_manager() const { return cluster_manager_; }  // "host:port"
  void set_on_task(OnTask on_task);
  void set_session_status(const std::string& status);  // default ACTIVE
  void StopEgg(int index);                             // as if it had crashed
  void StopClusterManager();
  void StartClusterManager();  // on the same port

  // Commands the cluster manager got: the last part of the URI.
  std::vector<std::string> commands() const;
  // "task name on partition p" in order of arrival, and the tasks themselves.
  std::vector<Task> tasks() const;
  // Pairs of a partition: key "<namespace>/<name>/<partition>".
  std::map<std::string, std::string> Pairs(const std::string& partition) const;
  std::string egg_address(int index) const;

 private:
  friend class FakeEgg;
  struct State;
  std::shared_ptr<State> state_;
  std::vector<std::unique_ptr<FakeEgg>> eggs_;
  std::string cluster_manager_;
};

}  // namespace fate::testing
