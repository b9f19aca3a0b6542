#pragma once

// This node towards its clustermanager: registers, beats, and reports what ended
// (spec/eggroll-control-plane.md 6.2). Everything is tried again until the manager is there, so
// the order in which daemons start does not matter.

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/serial_loop.h"
#include "eggroll/meta.pb.h"
#include "rpc/command.h"
#include "session/model.h"

namespace fate::nodemanager {

class ManagerLink {
 public:
  using Processor = com::webank::eggroll::core::meta::Processor;

  struct Options {
    std::string manager;  // "host:port"
    session::Endpoint own;
    std::string meta_file;  // <eggroll.data.dir>/NodeManagerMeta keeps the id
    absl::Duration interval = absl::Seconds(10);
  };
  // Knows its id from the meta file, if that is this node's.
  explicit ManagerLink(Options options);
  // Starts to beat; call when orders can be taken.
  void Begin();
  // Delivers what is left to report, for at most two seconds, and says farewell.
  ~ManagerLink();

  // -1 until the manager has given one.
  int64_t node_id() const { return node_id_; }
  // OK while registered, else why not.
  absl::Status Health() const;
  // Reaches the manager as a heartbeat of the processor, in order, sooner or later.
  void Report(Processor processor);

 private:
  void Beat();
  void OnAnswer(absl::StatusOr<std::string> answer);
  void SendReports();
  void SaveId(int64_t id);
  com::webank::eggroll::core::meta::NodeHeartbeat Heartbeat(session::NodeStatus status) const;

  const Options options_;
  rpc::CommandClient client_;
  std::atomic<int64_t> node_id_{-1};
  mutable std::mutex mutex_;
  absl::Status health_;  // under mutex_
  // Of the loop's thread.
  session::NodeStatus status_ = session::NodeStatus::kInit;
  uint64_t sequence_ = 0;
  int64_t cluster_id_ = 0;
  bool told_of_failure_ = false;
  std::deque<Processor> reports_;
  bool reporting_ = false;
  std::function<void()> on_delivered_;
  std::shared_ptr<SerialLoop> loop_ = std::make_shared<SerialLoop>();
};

// The id that the meta file holds for this address, else -1.
int64_t ReadNodeId(const std::string& meta_file, const session::Endpoint& own);

}  // namespace fate::nodemanager
