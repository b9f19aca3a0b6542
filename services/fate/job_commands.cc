#include <cstdio>
#include <fstream>
#include <memory>

#include "base/status.h"
#include "base/text.h"
#include "fate/command.h"
#include "fate/job.h"
#include "fate/yaml_json.h"

namespace fate::cli {
namespace {

struct Options {
  std::string file, job_id, role, party_id, task, level = "info", save_to;
  bool watch = false;
  double timeout_s = 3600;
};

absl::Status Follow(const FlowClient& flow, const std::string& job_id, const Options& options,
                    const Globals& globals) {
  absl::StatusOr<JobView> job = absl::UnknownError("");
  {
    ProgressLine progress(flow);
    job = WaitForJob(flow, job_id, absl::Seconds(options.timeout_s),
                     [&](const JobView& view) { progress.Show(view); });
  }
  if (!job.ok()) return job.status();
  if (globals.json) {
    PrintJson(job->record);
  } else {
    std::printf("job %s %s\n", job_id.c_str(), job->status.c_str());
  }
  return absl::OkStatus();
}

absl::Status Submit(const Globals& globals, const Options& options) {
  ASSIGN_OR_RETURN(Json dag, LoadYamlOrJson(options.file));
  if (dag.contains("dag_schema")) dag = Json(dag["dag_schema"]);
  FlowClient flow(globals.flow);
  ASSIGN_OR_RETURN(std::string job_id, SubmitJob(flow, dag));
  if (options.watch) return Follow(flow, job_id, options, globals);
  if (globals.json) {
    PrintJson({{"job_id", job_id}});
  } else {
    std::printf("job %s submitted; follow it with 'fate status %s --watch'\n", job_id.c_str(),
                job_id.c_str());
  }
  return absl::OkStatus();
}

absl::Status ListJobs(const Globals& globals) {
  FlowClient flow(globals.flow);
  ASSIGN_OR_RETURN(Json answer, flow.Get("/v2/job/list/query", {{"limit", "20"}, {"page", "1"}}));
  if (globals.json) {
    PrintJson(answer["data"]);
    return absl::OkStatus();
  }
  std::vector<std::vector<std::string>> rows = {{"job", "role", "party", "status", "progress"}};
  for (const Json& job : answer["data"]["data"]) {
    rows.push_back({job.value("job_id", ""), job.value("role", ""), job.value("party_id", ""),
                    job.value("status", ""), fmt::format("{} %", job.value("progress", 0))});
  }
  PrintTable(rows);
  return absl::OkStatus();
}

absl::Status Status(const Globals& globals, const Options& options) {
  if (options.job_id.empty()) return ListJobs(globals);
  FlowClient flow(globals.flow);
  if (options.watch) return Follow(flow, options.job_id, options, globals);
  ASSIGN_OR_RETURN(JobView job, QueryJob(flow, options.job_id));
  ASSIGN_OR_RETURN(Json tasks, flow.Get("/v2/job/task/query", {{"job_id", options.job_id}}));
  if (globals.json) {
    PrintJson({{"job", job.record}, {"tasks", tasks["data"]}});
  } else {
    std::printf("job %s %s %d %%\n", job.id.c_str(), job.status.c_str(), job.progress);
    std::vector<std::vector<std::string>> rows = {{"task", "role", "party", "status"}};
    for (const Json& task : tasks["data"]) {
      rows.push_back({task.value("task_name", ""), task.value("role", ""),
                      task.value("party_id", ""), task.value("party_status", "")});
    }
    PrintTable(rows);
  }
  if (job.status == "failed" || job.status == "timeout") {
    return FailedPreconditionError("job {} {}: {}", job.id, job.status, FailureReasons(flow, job));
  }
  return absl::OkStatus();
}

absl::Status Stop(const Globals& globals, const Options& options) {
  FlowClient flow(globals.flow);
  ASSIGN_OR_RETURN(Json answer, flow.Post("/v2/job/stop", {{"job_id", options.job_id}}));
  if (globals.json) {
    PrintJson(answer);
  } else {
    std::printf("job %s is being stopped\n", options.job_id.c_str());
  }
  return absl::OkStatus();
}

absl::Status Log(const Globals& globals, const Options& options) {
  FlowClient flow(globals.flow);
  if (!options.save_to.empty()) {
    return flow.Download("POST", "/v2/job/log/download", {{"job_id", options.job_id}},
                         options.save_to);
  }
  ASSIGN_OR_RETURN(JobView job, QueryJob(flow, options.job_id, options.party_id));
  std::string type = options.level == "schedule"         ? "schedule_info"
                     : options.level == "schedule_error" ? "schedule_error"
                                                         : "task_" + options.level;
  ASSIGN_OR_RETURN(Json answer, flow.Get("/v2/log/query",
                                         {{"log_type", type},
                                          {"job_id", job.id},
                                          {"role", options.role.empty() ? job.role : options.role},
                                          {"party_id", job.party_id},
                                          {"task_name", options.task}}));
  if (globals.json) {
    PrintJson(answer["data"]);
    return absl::OkStatus();
  }
  for (const Json& line : answer["data"]) {
    std::string content = line.value("content", "");
    if (!content.empty()) std::printf("%s\n", content.c_str());
  }
  return absl::OkStatus();
}

}  // namespace

void AddJobCommands(CLI::App& app, Invocation& invocation) {
  auto options = std::make_shared<Options>();
  auto* submit = app.add_subcommand("submit", "submit a job: a DAG as YAML or JSON");
  submit->add_option("file", options->file, "DAG file")->required()->check(CLI::ExistingFile);
  auto* status = app.add_subcommand("status", "the latest jobs, or one job and its tasks");
  status->add_option("job", options->job_id, "job id");
  for (auto* command : {submit, status}) {
    command->add_flag("-w,--watch", options->watch, "show progress until the job has ended");
    command->add_option("--timeout", options->timeout_s, "seconds to watch")
        ->check(CLI::PositiveNumber);
  }
  auto* stop = app.add_subcommand("stop", "stop a job at all parties");
  stop->add_option("job", options->job_id, "job id")->required();
  auto* log = app.add_subcommand("log", "log lines of a job at this site");
  log->add_option("job", options->job_id, "job id")->required();
  log->add_option("-t,--task", options->task, "task name, for example psi_0");
  log->add_option("-r,--role", options->role, "role, when the site has several in the job");
  log->add_option("-p,--party", options->party_id, "party id, when the site has several");
  log->add_option("-l,--level", options->level, "which log")
      ->check(CLI::IsMember({"debug", "info", "warning", "error", "schedule", "schedule_error"}));
  log->add_option("-o,--output", options->save_to, "save all logs of the job as a .tar.gz file");

  submit->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Submit(invocation.globals, *options); };
  });
  status->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Status(invocation.globals, *options); };
  });
  stop->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Stop(invocation.globals, *options); };
  });
  log->callback([&invocation, options] {
    invocation.run = [&invocation, options] { return Log(invocation.globals, *options); };
  });
}

}  // namespace fate::cli
