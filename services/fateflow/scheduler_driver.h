#pragma once

// Runs scheduler::Scheduler: one thread owns the state machine, writes its rows, sends its
// commands and answers requests; nothing on that thread waits for a party. See SCHEDULER.md.
//
//   ASSIGN_OR_RETURN(auto driver, SchedulerDriver::Create({...}, database, call_partner));
//   ... serve /v2/scheduler/* with driver->Handle ...
//   RETURN_IF_ERROR(driver->Resume());   // once our own routes can answer
//
// Thread-safe.

#include <functional>
#include <memory>
#include <string>

#include "fateflow/partner_client.h"
#include "fateflow/scheduler_store.h"

namespace fate::flow {

class SchedulerDriver {
 public:
  struct Options {
    std::string log_folder;              // of job logs; "": none are written
    std::string sync_type = "callback";  // defaults of job_default_config.yaml
    int64_t auto_retries = 0;
  };
  // Sends one request; calls `done` at most once, from any thread.
  using CallPartner = std::function<void(PartnerRequest, PartnerClient::Done done)>;

  static absl::StatusOr<std::unique_ptr<SchedulerDriver>> Create(Options options,
                                                                 sql::Database& database,
                                                                 CallPartner call_partner);
  ~SchedulerDriver();

  // Takes up the jobs that were under way when the process ended.
  absl::Status Resume();

  // POST /v2/scheduler/{job/create,job/stop,job/rerun,task/report}: calls `respond` once, from
  // any thread. Creating, stopping and rerunning take as long as the parties take.
  void Handle(const http::Request& request, http::Respond respond);
  // The same, waiting for at most kAnswerLimit.
  http::Response Handle(const http::Request& request);
  static constexpr absl::Duration kAnswerLimit = absl::Seconds(90);

  // Ends the thread; requests under way and later ones are answered with code 6000. The
  // destructor does it, too.
  void Stop();

  // Call when a job of this party has given its cores back: waiting jobs try at once.
  void ResourcesReturned();

 private:
  class Impl;
  explicit SchedulerDriver(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;
};

}  // namespace fate::flow
