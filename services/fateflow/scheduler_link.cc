#include "fateflow/scheduler_link.h"

#include <mutex>

#include "base/status.h"
#include "fateflow/partner_client.h"
#include "fateflow/partner_server.h"
#include "fateflow/scheduler_driver.h"

namespace fate::flow {
namespace {

class Link : public SchedulerSide {
 public:
  Link(const Config& config, Dispatch dispatch)
      : server_options_{.host = config.host, .port = config.grpc_port},
        dispatch_(dispatch),
        client_({.own_party = config.party_id,
                 .proxy_name = config.proxy_name,
                 .proxy = {config.proxy.host, config.proxy.port},
                 .callback = {config.host, config.http_port},
                 .local = dispatch}) {}

  absl::Status Open(const Config& config, sql::Database& database) {
    auto call = [this](PartnerRequest request, PartnerClient::Done done) {
      client_.CallAsync(std::move(request), std::move(done));
    };
    ASSIGN_OR_RETURN(auto driver,
                     SchedulerDriver::Create({.log_folder = config.home + "/logs",
                                              .sync_type = config.job_defaults.sync_type,
                                              .auto_retries = config.job_defaults.auto_retries},
                                             database, call));
    driver_ = std::move(driver);
    return absl::OkStatus();
  }

  http::Response Handle(const http::Request& request) override {
    if (auto driver = Driver()) return driver->Handle(request);
    return ToResponse({.code = kException, .message = "the flow server is stopping"});
  }

  absl::StatusOr<Json> Call(const std::string& party_id, const std::string& job_id,
                            const std::string& path, const std::string& body) override {
    return client_.Call(party_id, job_id, path, body);
  }

  void ResourcesReturned() override {
    if (auto driver = Driver()) driver->ResourcesReturned();
  }

  absl::Status Start() override {
    ASSIGN_OR_RETURN(server_, PartnerServer::Start(server_options_, dispatch_));
    return Driver()->Resume();
  }

  void Stop() override {
    server_.reset();
    std::shared_ptr<SchedulerDriver> driver;  // destroyed after the lock is released
    std::lock_guard lock(mutex_);
    driver.swap(driver_);
  }

 private:
  std::shared_ptr<SchedulerDriver> Driver() {
    std::lock_guard lock(mutex_);
    return driver_;
  }

  PartnerServer::Options server_options_;
  Dispatch dispatch_;
  PartnerClient client_;
  std::mutex mutex_;
  std::shared_ptr<SchedulerDriver> driver_;
  std::unique_ptr<PartnerServer> server_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<SchedulerSide>> LinkScheduler(const Config& config,
                                                             sql::Database& database,
                                                             Dispatch dispatch) {
  auto link = std::make_unique<Link>(config, std::move(dispatch));
  RETURN_IF_ERROR(link->Open(config, database));
  return link;
}

}  // namespace fate::flow
