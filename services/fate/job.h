#pragma once

// Submitting a job and following it to its end.

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "fate/flow_client.h"

namespace fate::cli {

struct JobView {
  std::string id, role, party_id;
  std::string status;
  int progress = 0;
  std::string reason;  // why it failed, "" otherwise
  Json record;         // as the server sent it
};

// Job id of the new job. The error of a refused job names it.
absl::StatusOr<std::string> SubmitJob(const FlowClient& flow, const Json& dag_schema);

// The job as this site sees it: the row of `party_id` (the site's own when empty). Error:
// kFailedPrecondition when the site does not know the job.
absl::StatusOr<JobView> QueryJob(const FlowClient& flow, const std::string& job_id,
                                 const std::string& party_id = "");

bool IsEnd(const std::string& status);

// Asks until the job has ended; `seen` is told of every change. Errors: kDeadlineExceeded,
// kFailedPrecondition with the reason when the job did not succeed.
absl::StatusOr<JobView> WaitForJob(const FlowClient& flow, const std::string& job_id,
                                   absl::Duration timeout,
                                   const std::function<void(const JobView&)>& seen);

// A line on standard error that is redrawn on a terminal: "job X running 50 % psi_0".
class ProgressLine {
 public:
  explicit ProgressLine(const FlowClient& flow);
  ~ProgressLine();
  void Show(const JobView& job);

 private:
  const FlowClient& flow_;
  bool terminal_;
  bool open_ = false;
};

// Error texts of the job's failed tasks at this site, one line each.
std::string FailureReasons(const FlowClient& flow, const JobView& job);

}  // namespace fate::cli
