#include "fateflow/party.h"

#include "base/log.h"
#include "base/status.h"
#include "fateflow/preflight.h"
#include "fateflow/schema.h"

namespace fate::flow {
namespace {

constexpr int kWorkers = 8;
constexpr absl::Duration kSweepPeriod = absl::Seconds(60);

}  // namespace

Answer Success() { return {}; }

Party::Party(Config c, sql::Database& database, const Clock& clock, CallParty call_party,
             std::function<void()> cores_returned)
    : config(std::move(c)),
      layout(config.home),
      jobs(database, clock),
      data(jobs.records()),
      metrics(jobs.records()),
      models(jobs.records(), config.model_dir),
      storage(config.cluster_manager.ToString(), config.storage_port),
      components(config.component_path, layout.temp_dir()),
      reactor(kWorkers),
      resources(jobs),
      reporter(reactor, call_party),
      tasks(jobs, resources, reporter, reactor),
      task_inputs(jobs, data, models),
      task_outputs(data, models, metrics, storage),
      runner({config, layout, jobs, components, task_inputs, task_outputs, reactor},
             [this](const TaskKey& key, const std::string& error) { OnTaskEnd(key, error); }),
      job_control({config, layout, jobs, data, models, metrics, resources, tasks, call_party,
                   [this](bool crosses) { return Preflight(config, crosses); },
                   std::move(cores_returned)}) {
  tasks.SetRunner(&runner);
}

Party::~Party() { reactor.Stop(); }

absl::StatusOr<std::unique_ptr<Party>> Party::Create(Config config, sql::Database& database,
                                                     const Clock& clock, CallParty call_party,
                                                     std::function<void()> cores_returned) {
  std::unique_ptr<Party> party(new Party(std::move(config), database, clock, std::move(call_party),
                                         std::move(cores_returned)));
  RETURN_IF_ERROR(party->Prepare());
  return party;
}

absl::Status Party::Prepare() {
  for (const char* folder : {"/logs", "/jobs", "/temps", "/localfs"}) {
    RETURN_IF_ERROR(MakeDirectories(config.home + folder));
  }
  RETURN_IF_ERROR(MakeDirectories(config.model_dir));
  RETURN_IF_ERROR(CreatePartyTables(records().database()));
  RETURN_IF_ERROR(resources.RegisterEngine(config));
  for (const char* name : {kFlowProvider, kFateProvider}) {
    std::string provider = DefaultProvider(name);
    size_t colon = provider.find(':'), at = provider.find('@');
    RETURN_IF_ERROR(records().Put("t_provider_info",
                                  {{"provider_name", provider},
                                   {"name", name},
                                   {"version", provider.substr(colon + 1, at - colon - 1)},
                                   {"device", "local"},
                                   {"metadata", JsonValue({{"path", components.program()}})}}));
  }
  return absl::OkStatus();
}

absl::Status Party::Resume() {
  RETURN_IF_ERROR(runner.Readopt());
  RETURN_IF_ERROR(tasks.Resume());
  reactor.After(kSweepPeriod, [this] { Sweep(); });
  return absl::OkStatus();
}

void Party::Sweep() {
  if (absl::Status status = job_control.ReturnLeakedResources(); !status.ok()) {
    log::Warning("returning leaked cores: {}", Message(status));
  }
  reactor.After(kSweepPeriod, [this] { Sweep(); });
}

void Party::OnTaskEnd(const TaskKey& key, const std::string& error) {
  absl::Status set = tasks.SetPartyStatus(key, error.empty() ? "success" : "failed", error);
  if (!set.ok()) log::Error("recording the end of {}: {}", key.execution_id(), Message(set));
}

void Party::AddRoutes(Router& router) {
  AddJobRoutes(router, *this);
  AddDataRoutes(router, *this);
  AddTableRoutes(router, *this);
  AddOutputRoutes(router, *this);
  AddModelRoutes(router, *this);
  AddLogRoutes(router, *this);
  AddSiteRoutes(router, *this);
  AddPartnerRoutes(router, *this);
  AddWorkerRoutes(router, *this);
}

}  // namespace fate::flow
