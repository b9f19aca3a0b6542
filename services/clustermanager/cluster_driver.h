#pragma once

// Drives session::Cluster: one thread takes events, saves what changed in one transaction, then
// answers callers and calls nodemanagers. A caller that must wait costs a closure, no thread.
//
// When a transaction fails its callers and all parked ones get the error and the state is read
// anew from the database, so memory never runs ahead of it. Thread-safe.

#include <functional>
#include <memory>
#include <string>
#include <unordered_map>

#include "absl/status/statusor.h"
#include "base/serial_loop.h"
#include "rpc/command.h"
#include "session/cluster.h"
#include "sql/database.h"

namespace fate::clustermanager {

class ClusterDriver {
 public:
  // Replaces the manager's row, restores nodes and live sessions and asks for their eggs.
  static absl::StatusOr<std::unique_ptr<ClusterDriver>> Start(
      std::unique_ptr<sql::Database> database, session::Settings settings, const std::string& host,
      int port);
  ~ClusterDriver();

  // Tells parked and later callers that the manager stops.
  void Stop();

  // request: the argument of the call, from which some answers are made. The event's caller is
  // filled in here.
  void Submit(session::Event event, std::string request, rpc::Respond respond);

  // Runs on the driver's thread, between two steps.
  using Query = std::function<absl::StatusOr<std::string>(const session::Cluster&, sql::Database&)>;
  void Run(Query query, const rpc::Respond& respond);

  // OK while the thread runs and the database answers.
  absl::Status Health();

 private:
  struct Caller {
    std::string request;
    rpc::Respond respond;
  };

  ClusterDriver(std::unique_ptr<sql::Database> database, session::Settings settings,
                int64_t manager_id);
  absl::Status Restore();
  absl::Status RestoreNamed(const session::Event& event);
  void Step(const session::Event& event);
  absl::Status SaveAll(const session::Actions& actions);
  void StartAfresh(const absl::Status& failure);
  void ArmTimer();
  void Answer(session::CallerId caller, absl::StatusOr<std::string> result);
  // Calls a nodemanager; one that is just starting is tried again.
  void CallNode(const session::Node& node, const char* uri, std::string argument,
                absl::Duration timeout, int attempts, const rpc::Respond& done);

  void Do(const session::SaveNode& action);
  void Do(const session::SaveSession& action);
  void Do(const session::AnswerSession& action);
  void Do(const session::AnswerNothing& action);
  void Do(const session::AnswerEcho& action);
  void Do(const session::AnswerProcessor& action);
  void Do(const session::AnswerNode& action);
  void Do(const session::AnswerError& action);
  void Do(const session::StartEggs& action);
  void Do(const session::StopEggs& action);
  void Do(const session::KillEggs& action);
  void Do(const session::CheckProcessor& action);

  std::unique_ptr<sql::Database> database_;
  session::Settings settings_;
  int64_t manager_id_;
  rpc::CommandClient client_;
  std::unique_ptr<session::Cluster> cluster_;
  std::unordered_map<session::CallerId, Caller> callers_;
  session::CallerId last_caller_ = 0;
  absl::Time armed_ = absl::InfiniteFuture();
  // Shared with the callbacks of calls that are still under way when the driver ends.
  std::shared_ptr<SerialLoop> loop_ = std::make_shared<SerialLoop>();
};

}  // namespace fate::clustermanager
