// The flow server of one party: jobs, data, models and metrics over HTTP.

#include <CLI/CLI.hpp>

#include "base/status.h"
#include "daemon/daemon.h"
#include "fateflow/config.h"
#include "fateflow/scheduler_link.h"

int main(int argc, char** argv) {
  using namespace fate;
  std::string home;
  daemon::Identity identity{
      .name = "fateflow",
      .about = "Submits, schedules and watches the jobs of one FATE party.",
      .default_config = "conf/service_conf.yaml",
      .log_level_key = "fateflow.log_level",
      .log_format_key = "fateflow.log_format",
      .log_setting = &flow::ReadSetting,
      .extra_options = [&home](CLI::App& app) {
        app.add_option("--home", home,
                       "folder of logs, jobs and models; default: parent of the configuration's");
      }};
  auto check = [&](const std::string& path) { return flow::LoadConfig(path, home).status(); };
  auto start = [&](const std::string& path) -> absl::StatusOr<std::unique_ptr<daemon::Running>> {
    ASSIGN_OR_RETURN(flow::Config config, flow::LoadConfig(path, home));
    ASSIGN_OR_RETURN(auto service, flow::Service::Start(config, &flow::LinkScheduler));
    return service;
  };
  return daemon::Run(argc, argv, identity, check, start);
}
