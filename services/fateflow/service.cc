#include "fateflow/service.h"

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/metrics.h"
#include "base/status.h"
#include "fateflow/party.h"
#include "http/admin.h"

namespace fate::flow {
namespace {

constexpr int kHttpWorkers = 16;

prometheus::Family<prometheus::Histogram>& RequestSeconds() {
  static auto& family = prometheus::BuildHistogram()
                            .Name("fateflow_request_seconds")
                            .Help("Time to answer a request of the HTTP API, by group of routes")
                            .Register(Metrics());
  return family;
}

// "/v2/job/submit" -> "job"
std::string GroupOf(const std::string& path) {
  std::string normal = NormalPath(path);
  if (!normal.starts_with("/v2/")) return "other";
  std::string group = normal.substr(4, normal.find('/', 4) - 4);
  for (const char* known : {"job", "data", "table", "output", "model", "log", "site", "provider",
                            "server", "partner", "scheduler", "worker", "app", "permission"}) {
    if (group == known) return group;
  }
  return "other";
}

void Observe(const std::string& path, absl::Time start) {
  RequestSeconds()
      .Add({{"group", GroupOf(path)}},
           prometheus::Histogram::BucketBoundaries{0.001, 0.005, 0.02, 0.1, 0.5, 2, 10})
      .Observe(absl::ToDoubleSeconds(absl::Now() - start));
}

}  // namespace

struct Service::Impl {
  std::unique_ptr<sql::Database> database;
  std::unique_ptr<Party> party;
  std::unique_ptr<SchedulerSide> scheduler;
  Router router;
  std::unique_ptr<http::Server> server, admin;

  http::Response Handle(const http::Request& request) {
    http::Response admin_answer;
    if (http::AnswerAdmin(
            request, [this] { return Health(); }, &admin_answer))
      return admin_answer;
    absl::Time start = absl::Now();
    bool of_scheduler = NormalPath(request.path).starts_with("/v2/scheduler/");
    http::Response response = of_scheduler ? scheduler->Handle(request) : router.Dispatch(request);
    Observe(request.path, start);
    return response;
  }

  absl::Status Health() { return database->Query("select 1").status(); }

  absl::Status Open(const Config& config, const MakeScheduler& make_scheduler) {
    RETURN_IF_ERROR(MakeDirectories(config.home));
    ASSIGN_OR_RETURN(database, sql::Database::OpenSqlite(config.database_path));
    CallParty call = [this](const std::string& party_id, const std::string& job_id,
                            const std::string& path, const std::string& body) {
      return scheduler->Call(party_id, job_id, path, body);
    };
    ASSIGN_OR_RETURN(party, Party::Create(config, *database, RealClock(), call,
                                          [this] { scheduler->ResourcesReturned(); }));
    party->AddRoutes(router);
    ASSIGN_OR_RETURN(scheduler, make_scheduler(config, *database, [this](const auto& request) {
                       return Handle(request);
                     }));
    return absl::OkStatus();
  }

  absl::Status Listen(const Config& config) {
    http::Handler handler = [this](const http::Request& request, http::Respond respond) {
      respond(Handle(request));
    };
    http::Server::Options options{.host = config.host,
                                  .port = config.http_port,
                                  .workers = kHttpWorkers,
                                  .spool_dir = party->layout.temp_dir(),
                                  .close_connections = true};
    ASSIGN_OR_RETURN(server, http::Server::Start(options, handler));
    party->config.http_port = server->port();
    ASSIGN_OR_RETURN(admin,
                     http::StartAdmin(config.host, config.admin_port, [this] { return Health(); }));
    return absl::OkStatus();
  }
};

Service::Service(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

absl::StatusOr<std::unique_ptr<Service>> Service::Start(const Config& config,
                                                        const MakeScheduler& make_scheduler) {
  std::unique_ptr<Service> service(new Service(std::make_unique<Impl>()));
  Impl& impl = *service->impl_;
  RETURN_IF_ERROR(impl.Open(config, make_scheduler));
  RETURN_IF_ERROR(impl.Listen(config));
  RETURN_IF_ERROR(impl.party->Resume());
  RETURN_IF_ERROR(impl.scheduler->Start());
  log::Info("party {}: HTTP on {}:{}, admin on {}, files below {}", config.party_id, config.host,
            impl.server->port(), impl.admin->port(), config.home);
  return service;
}

// Nothing new begins, then nobody new comes in, then what runs ends; components go on. The
// scheduler stops first, so that no request waits for its answer.
Service::~Service() {
  if (impl_->scheduler) impl_->scheduler->Stop();
  if (impl_->server) impl_->server->Stop();
  if (impl_->admin) impl_->admin->Stop();
  if (impl_->party) impl_->party->reactor.Stop();
  impl_->scheduler.reset();
  impl_->party.reset();
}

int Service::http_port() const { return impl_->server->port(); }
int Service::admin_port() const { return impl_->admin->port(); }

}  // namespace fate::flow
