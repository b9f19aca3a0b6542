#pragma once

// Everything the party side of one flow server consists of, made in the order of need. The
// routes of the APIs refer to it; it lives as long as the server.

#include <memory>

#include "fateflow/data_store.h"
#include "fateflow/job_controller.h"
#include "fateflow/metric_store.h"
#include "fateflow/model_store.h"
#include "fateflow/router.h"
#include "fateflow/storage_client.h"

namespace fate::flow {

class Party {
 public:
  // Creates tables, folders and the engine's row. `call_party`: see Reporter.
  static absl::StatusOr<std::unique_ptr<Party>> Create(Config config, sql::Database& database,
                                                       const Clock& clock, CallParty call_party,
                                                       std::function<void()> cores_returned);
  ~Party();

  // Watches what ran when the server was stopped. Call once partner calls can be answered.
  absl::Status Resume();
  // All routes but those of the scheduler.
  void AddRoutes(Router& router);

  Config config;
  Layout layout;
  JobStore jobs;
  DataStore data;
  MetricStore metrics;
  ModelStore models;
  StorageClient storage;
  Components components;
  Reactor reactor;  // before what it calls: pending work is dropped last
  Resources resources;
  Reporter reporter;
  TaskController tasks;
  TaskInputs task_inputs;
  TaskOutputs task_outputs;
  TaskRunner runner;
  JobController job_control;

  Records& records() { return jobs.records(); }

 private:
  Party(Config config, sql::Database& database, const Clock& clock, CallParty call_party,
        std::function<void()> cores_returned);
  absl::Status Prepare();
  void Sweep();
  void OnTaskEnd(const TaskKey& key, const std::string& error);
};

// Routes, one file per group of spec/fate-flow.md 5, 7, 16.
void AddJobRoutes(Router& router, Party& party);
void AddDataRoutes(Router& router, Party& party);
void AddTableRoutes(Router& router, Party& party);
void AddOutputRoutes(Router& router, Party& party);
void AddModelRoutes(Router& router, Party& party);
void AddLogRoutes(Router& router, Party& party);
void AddSiteRoutes(Router& router, Party& party);
void AddPartnerRoutes(Router& router, Party& party);
void AddWorkerRoutes(Router& router, Party& party);

// A handler that takes a request's arguments and answers plain success.
Answer Success();

}  // namespace fate::flow
