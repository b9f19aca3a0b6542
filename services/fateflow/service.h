#pragma once

// The running flow server: database, party, HTTP on 9380, admin address. Requests that arrive by
// HTTP, by gRPC from other parties, or from this process itself all go through Dispatch.

#include <functional>
#include <memory>

#include "daemon/daemon.h"
#include "fateflow/config.h"
#include "fateflow/reporter.h"
#include "http/server.h"

namespace fate::sql {
class Database;
}

namespace fate::flow {

using Dispatch = std::function<http::Response(const http::Request&)>;

// What the service needs of the scheduler and of the calls between parties.
class SchedulerSide {
 public:
  virtual ~SchedulerSide() = default;
  // Answers POST /v2/scheduler/...
  virtual http::Response Handle(const http::Request& request) = 0;
  // See Reporter. Calls to the own party and to "0" come back through Dispatch.
  virtual absl::StatusOr<Json> Call(const std::string& party_id, const std::string& job_id,
                                    const std::string& path, const std::string& body) = 0;
  // A job of this party has given its cores back.
  virtual void ResourcesReturned() = 0;
  // Begins to drive jobs; everything else runs by now.
  virtual absl::Status Start() = 0;
  // Ends calls and timers. Handle and Call fail from now on.
  virtual void Stop() = 0;
};
using MakeScheduler = std::function<absl::StatusOr<std::unique_ptr<SchedulerSide>>(
    const Config& config, sql::Database& database, Dispatch dispatch)>;

class Service : public daemon::Running {
 public:
  static absl::StatusOr<std::unique_ptr<Service>> Start(const Config& config,
                                                        const MakeScheduler& make_scheduler);
  ~Service() override;

  int http_port() const;
  int admin_port() const;

 private:
  struct Impl;
  explicit Service(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace fate::flow
