#pragma once

// What an egg does: runs the tasks that clients send (runTask) and moves pairs (TransferService).
// spec/eggroll-compute-and-storage.md 4, 6 and 7. Without operators it serves storage only.
//
//   TaskExecutor executor({.session_id = "s1", .data_dir = "/data", .operators = &registry});
//   executor.Register(commands);                       // v1/eggs-pair/runTask
//   rpc::Server::Start(host, 0, {executor.transfer_service()});
//   ...
//   executor.Close();   // ends parked calls; then shut the servers down
//
// Must outlive the servers. The destructor waits for tasks, which end when their call does.

#include <memory>

#include "egg/task.h"
#include "rpc/command.h"

namespace grpc {
class Service;
}

namespace fate::egg {

inline constexpr char kRunTask[] = "v1/eggs-pair/runTask";

class TaskExecutor {
 public:
  explicit TaskExecutor(EggOptions options);
  ~TaskExecutor();

  void Register(rpc::CommandService& commands);
  grpc::Service* transfer_service();
  void Close();

  // Runs one serialized task; answers from any thread.
  void RunTask(std::string bytes, CancelFlag cancelled, rpc::Respond respond);

  int running_tasks() const;
  // Tags that are open: transfers and getAll sources nobody has fetched.
  size_t open_tags() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::egg
