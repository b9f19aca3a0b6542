#include "fate/job.h"

#include <unistd.h>

#include <cstdio>

#include "absl/time/clock.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::cli {
namespace {

std::string TextOf(const Json& object, const std::string& key) {
  auto it = object.find(key);
  if (it == object.end() || it->is_null()) return "";
  return it->is_string() ? it->get<std::string>() : it->dump();
}

JobView ToView(const Json& record) {
  JobView view{.id = TextOf(record, "job_id"),
               .role = TextOf(record, "role"),
               .party_id = TextOf(record, "party_id"),
               .status = TextOf(record, "status"),
               .reason = TextOf(record, "status_message"),
               .record = record};
  auto progress = record.find("progress");
  if (progress != record.end() && progress->is_number()) view.progress = progress->get<int>();
  return view;
}

}  // namespace

absl::StatusOr<std::string> SubmitJob(const FlowClient& flow, const Json& dag_schema) {
  ASSIGN_OR_RETURN(Json answer, flow.PostRaw("/v2/job/submit", {{"dag_schema", dag_schema}}));
  std::string job_id = TextOf(answer, "job_id");
  if (answer.value("code", -1) != 0) {
    return FailedPreconditionError("job {} was refused: {} (code {})", job_id,
                                   TextOf(answer, "message"), answer.value("code", Json()).dump());
  }
  if (job_id.empty()) return InternalError("fateflow accepted the job but named no job id");
  return job_id;
}

absl::StatusOr<JobView> QueryJob(const FlowClient& flow, const std::string& job_id,
                                 const std::string& party_id) {
  ASSIGN_OR_RETURN(Json answer,
                   flow.Get("/v2/job/query", {{"job_id", job_id}, {"party_id", party_id}}));
  if (!answer.contains("data") || answer["data"].empty()) {
    return FailedPreconditionError("this site does not know job {}", job_id);
  }
  return ToView(answer["data"][0]);
}

bool IsEnd(const std::string& status) {
  return status == "success" || status == "failed" || status == "canceled" || status == "timeout";
}

absl::StatusOr<JobView> WaitForJob(const FlowClient& flow, const std::string& job_id,
                                   absl::Duration timeout,
                                   const std::function<void(const JobView&)>& seen) {
  constexpr auto kAskEvery = absl::Milliseconds(50);
  // A fateflow that is being restarted is asked again for this long.
  constexpr auto kPatience = absl::Seconds(20);
  const absl::Time deadline = absl::Now() + timeout;
  absl::Time last_answer = absl::Now();
  JobView last;
  for (;;) {
    auto job = QueryJob(flow, job_id);
    absl::Time now = absl::Now();
    if (job.ok()) {
      last_answer = now;
      if (job->status != last.status || job->progress != last.progress) seen(*job);
      last = *job;
      if (last.status == "success") return last;
      if (IsEnd(last.status)) {
        return FailedPreconditionError("job {} {}: {}", job_id, last.status,
                                       FailureReasons(flow, last));
      }
    } else if (now - last_answer > kPatience) {
      return job.status();
    }
    if (now > deadline) {
      return DeadlineExceededError(
          "job {} is still {} after {}; follow it with 'fate status {} --watch'", job_id,
          last.status, absl::FormatDuration(timeout), job_id);
    }
    absl::SleepFor(kAskEvery);
  }
}

std::string FailureReasons(const FlowClient& flow, const JobView& job) {
  std::vector<std::string> reasons;
  if (!job.reason.empty()) reasons.push_back(job.reason);
  auto tasks = flow.Get("/v2/job/task/query", {{"job_id", job.id}});
  if (tasks.ok() && tasks->contains("data")) {
    for (const Json& task : (*tasks)["data"]) {
      std::string report = TextOf(task, "error_report");
      if (report.empty()) continue;
      reasons.push_back(fmt::format("{} at {} {}: {}", TextOf(task, "task_name"),
                                    TextOf(task, "role"), TextOf(task, "party_id"), report));
    }
  }
  if (reasons.empty()) {
    return fmt::format("no reason recorded here; see 'fate log {}' at every party", job.id);
  }
  return Join(reasons, "\n  ");
}

ProgressLine::ProgressLine(const FlowClient& flow)
    : flow_(flow), terminal_(isatty(STDERR_FILENO) != 0) {}

ProgressLine::~ProgressLine() {
  if (open_) std::fputc('\n', stderr);
}

void ProgressLine::Show(const JobView& job) {
  std::string running;
  auto tasks = flow_.Get("/v2/job/task/query", {{"job_id", job.id}, {"status", "running"}});
  if (tasks.ok() && tasks->contains("data")) {
    for (const Json& task : (*tasks)["data"]) {
      std::string name = TextOf(task, "task_name");
      if (running.find(name) == std::string::npos) running += " " + name;
    }
  }
  std::string line = fmt::format("job {} {} {} %{}", job.id, job.status, job.progress, running);
  if (terminal_) {
    std::fprintf(stderr, "\r\033[K%s", line.c_str());
    open_ = true;
  } else {
    std::fprintf(stderr, "%s\n", line.c_str());
  }
}

}  // namespace fate::cli
