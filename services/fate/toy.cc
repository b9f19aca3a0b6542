#include <cstdio>
#include <memory>

#include "absl/time/clock.h"
#include "base/status.h"
#include "fate/command.h"
#include "fate/job.h"

namespace fate::cli {
namespace {

struct Options {
  std::string guest, host, component = "secure_add_example";
  int64_t data_num = 1000;
  int partitions = 4;
  double timeout_s = 300;
};

Json ToyDag(const Options& options) {
  bool secure_add = options.component == "secure_add_example";
  Json parameters = {{"data_num", options.data_num}, {"partition", options.partitions}};
  Json task = {{"component_ref", options.component}, {"parameters", parameters}};
  return {{"dag",
           {{"parties", Json::array({{{"role", "guest"}, {"party_id", {options.guest}}},
                                     {{"role", "host"}, {"party_id", {options.host}}}})},
            {"stage", "default"},
            {"tasks", {{secure_add ? "secure_add_example_0" : "toy_example_0", task}}}}},
          {"schema_version", "2.2.0"}};
}

// The lines that toy tools of every FATE version look for (spec/federated-algorithms.md 3.1).
absl::Status PrintSecureAddLines(const FlowClient& flow, const JobView& job) {
  ASSIGN_OR_RETURN(Json answer, flow.Get("/v2/log/query", {{"log_type", "task_info"},
                                                           {"job_id", job.id},
                                                           {"role", "guest"},
                                                           {"party_id", job.party_id},
                                                           {"task_name", "secure_add_example_0"}}));
  for (const Json& line : answer["data"]) {
    std::string content = line.value("content", "");
    if (content.find("secure_add_guest.py[line") != std::string::npos) {
      std::printf("%s\n", content.c_str());
    }
  }
  return absl::OkStatus();
}

absl::Status Toy(const Globals& globals, const Options& options) {
  FlowClient flow(globals.flow);
  absl::Time start = absl::Now();
  ASSIGN_OR_RETURN(std::string job_id, SubmitJob(flow, ToyDag(options)));
  absl::Status end =
      WaitForJob(flow, job_id, absl::Seconds(options.timeout_s), [&](const JobView& job) {
        if (!globals.json) {
          std::printf("toy test job %s is %s\n", job_id.c_str(), job.status.c_str());
        }
      }).status();
  double seconds = absl::ToDoubleSeconds(absl::Now() - start);
  if (!end.ok()) {
    if (end.code() == absl::StatusCode::kDeadlineExceeded) {
      std::printf("timeout...\n");
      flow.Post("/v2/job/stop", {{"job_id", job_id}}).status().IgnoreError();
    }
    std::fprintf(stderr,
                 "You can use the command 'fate log %s -o logs.tar.gz' to download the logs.\n",
                 job_id.c_str());
    return end;
  }
  if (globals.json) {
    PrintJson({{"job_id", job_id}, {"status", "success"}, {"seconds", seconds}});
    return absl::OkStatus();
  }
  if (options.component != "secure_add_example") return absl::OkStatus();
  auto job = QueryJob(flow, job_id, options.guest);
  if (!job.ok()) return absl::OkStatus();  // the guest is another site; its log lies there
  return PrintSecureAddLines(flow, *job);
}

}  // namespace

void AddToyCommand(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* toy = app.add_subcommand("toy",
                                 "two parties add numbers without showing them: the "
                                 "first test of an installation");
  toy->add_option("-g,--guest", options->guest, "party id of the guest")->required();
  toy->add_option("--host", options->host, "party id of the host")->required();
  toy->add_option("--component", options->component, "what to run")
      ->check(CLI::IsMember({"secure_add_example", "toy_example"}));
  toy->add_option("-n,--data-num", options->data_num, "rows at each party")
      ->check(CLI::PositiveNumber);
  toy->add_option("--partitions", options->partitions, "partitions of the tables")
      ->check(CLI::Range(1, 1024));
  toy->add_option("-t,--timeout", options->timeout_s, "seconds to wait")
      ->check(CLI::PositiveNumber);
  toy->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Toy(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
