#pragma once

// The scheduler of federated jobs (spec/fate-flow.md 12) as a state machine: no I/O, no clock,
// no threads. Feed it events, carry out the actions it returns, in order:
//
//   Actions actions = scheduler.Report({...}, &effective, now);
//   store(actions rows, in one transaction); send(actions sends); answer(actions replies);
//
// Commands of one job to one site go out one at a time, in order; to different sites in parallel.
// Nothing is polled except tasks with sync_type poll, and parties that have been silent for a
// while (which is how a dead party is found). Any end of a job is told to every party, again and
// again to those that do not answer.
//
//   create   -> job/create, job/status/update waiting            (all parties, 12.1)
//   queue    -> job/resource/apply, job/start                    (rank order, 12.2 A)
//   task     -> task/resource/apply, task/status/update running, task/start
//   reports  -> task/status/update <end>, task/stop <end>, job/update
//   end      -> job/status/update <end>, job/stop
//   rerun    -> task/stop, task/rerun, job/status/update waiting, then as above (12.4)
//
// Differences from upstream, all towards users: no waiting job blocks another; a failed task stops
// the other running tasks of its job (they count as canceled) instead of waiting for them.

#include <map>
#include <variant>

#include "scheduler/job.h"

namespace fate::scheduler {

// Rows of the scheduler's tables (spec/fate-flow.md 14.2), written as a whole.
struct JobRow {
  std::string job_id;
  Status status;
  double progress;
  bool cancel_signal, rerun_signal, end_delivered;
};
struct TaskRow {  // t_schedule_task_status
  std::string job_id, task;
  int64_t version;
  Status status;
  int64_t auto_retries;
};
struct SiteRow {  // t_schedule_task
  std::string job_id, task;
  int64_t version;
  Site site;
  Status status;
};
// The outcome of a request that carried a token.
struct Reply {
  uint64_t token;
  int code;
  std::string message;
};
// A line for the job's schedule log; errors also go to its error log.
struct Note {
  std::string job_id;
  bool is_error;
  std::string text;
};
// The scheduler has no further interest in the job.
struct Forget {
  std::string job_id;
};

using Action = std::variant<JobRow, TaskRow, SiteRow, Send, Reply, Note, Forget>;
using Actions = std::vector<Action>;

struct TaskReport {
  std::string job_id, task;
  int64_t version = 0;
  Site site;
  Status status = Status::kWaiting;
  std::string message;
};

// Codes of spec/fate-flow.md 4 that the scheduler looks at or answers with.
inline constexpr int kSuccessCode = 0;
inline constexpr int kUnansweredCode = 104;  // no answer after all attempts (8.1)
inline constexpr int kCreateFailedCode = 1002;
inline constexpr int kNoEffectCode = 1003;
inline constexpr int kStopFailedCode = 1004;
inline constexpr int kNoResourceCode = 1005;
inline constexpr int kResourceLimitCode = 1006;
inline constexpr int kRerunFailedCode = 6000;

class Scheduler {
 public:
  // While anything is known, call Tick about this often.
  static constexpr absl::Duration kTickPeriod = absl::Seconds(1);
  // How long a command may take, with all attempts; creating and asking have less patience.
  static constexpr absl::Duration kPatience = absl::Seconds(20);
  static constexpr absl::Duration kShortPatience = absl::Seconds(8);
  // A job that is refused for another reason than taken resources (an engine that does not
  // answer), and a running party that does not answer, is given up after this time.
  static constexpr absl::Duration kRefusalLimit = absl::Seconds(20);
  static constexpr absl::Duration kSilenceLimit = absl::Seconds(15);
  // Parties with running tasks are asked after this silence; with sync_type poll each period.
  static constexpr absl::Duration kSilencePeriod = absl::Seconds(5);
  static constexpr absl::Duration kPollPeriod = absl::Seconds(2);
  // The end of a job is repeated to a party that does not answer, so long and so often.
  static constexpr absl::Duration kDeliverPeriod = absl::Seconds(2);
  static constexpr absl::Duration kDeliverLimit = absl::Hours(1);

  // A new job; `token` is answered when it is waiting at all parties, or has failed.
  Actions Create(JobPlan plan, int64_t order, uint64_t token, absl::Time now);
  // A job that a predecessor has written down; goes on where that one was.
  Actions Restore(JobRecord record, absl::Time now);
  // An answer to a Send; `answer.site` is filled in here.
  Actions Answer(uint64_t send_id, PartyAnswer answer, absl::Time now);
  // False in *effective: repeated, late or unknown.
  Actions Report(const TaskReport& report, bool* effective, absl::Time now);
  // Requires Knows(job_id). `status`: an interrupt.
  Actions Stop(const std::string& job_id, Status status, const std::string& reason, uint64_t token,
               absl::Time now);
  // Requires Knows(job_id).
  Actions Rerun(const std::string& job_id, uint64_t token, absl::Time now);
  // Somebody gave resources back at a party: waiting jobs try again at once.
  Actions ResourcesReturned(absl::Time now);
  Actions Tick(absl::Time now);

  bool Knows(const std::string& job_id) const { return jobs_.contains(job_id); }
  bool Idle() const { return jobs_.empty(); }

 private:
  using JobState = internal::JobState;
  using TaskState = internal::TaskState;
  using Phase = internal::Phase;
  using Round = internal::Round;

  // scheduler.cc: events, delivery
  Actions Finish();
  JobState* FindJob(const std::string& job_id);
  void Post(JobState& job, Send send, Round* round);
  void Emit(JobState& job, const Site& site);
  void Tell(JobState& job, Send send, Round* round = nullptr);  // every site of the job
  void TellTask(JobState& job, size_t task, Send send, Round* round = nullptr);
  bool Deliver(JobState& job, const Send& send, const PartyAnswer& answer);
  void DropMootCommands(JobState& job);
  void Enter(JobState& job, Phase phase);
  void SaveJob(const JobState& job);
  void SaveTask(const JobState& job, size_t task);
  void SaveSite(const JobState& job, size_t task, const Site& site);
  void Log(const JobState& job, std::string text);
  void LogError(const JobState& job, std::string text);
  void AnswerWaiters(JobState& job, int code, const std::string& message);

  // job_flow.cc
  void RoundDone(JobState& job);
  void Created(JobState& job, const Round& round);
  void Announced(JobState& job, const Round& round);
  void WakeQueue();
  void ApplyForBestJob();
  void Applied(JobState& job, const Round& round);
  void GiveBack(JobState& job, const Round& round);
  void End(JobState& job, Status status, std::string reason);
  void Ended(JobState& job, const Round& round);
  void Redeliver(JobState& job);
  void RerunByHand(JobState& job);
  bool RerunByItself(JobState& job);
  void StartRerun(JobState& job);
  void RerunAnswered(JobState& job, const Round& round);
  void RerunAgreed(JobState& job);
  void Resume(JobState& job);

  // task_flow.cc
  void Advance(JobState& job);
  bool IsReady(const JobState& job, size_t task) const;
  void TaskRoundDone(JobState& job, size_t task);
  void TaskApplied(JobState& job, size_t task, const Round& round);
  void TaskStarted(JobState& job, size_t task, const Round& round);
  bool IsRunningAt(const TaskState& task, const Site& site) const;
  bool SetPartyStatus(JobState& job, size_t task, const Site& site, Status status,
                      const std::string& message);
  void EndTask(JobState& job, size_t task, Status status);
  void UpdateProgress(JobState& job);
  void Watch(JobState& job);
  void Ask(JobState& job, const Site& site);
  void Collected(JobState& job, const Send& send, const PartyAnswer& answer);
  void ResumeTasks(JobState& job);

  std::map<std::string, JobState> jobs_;
  std::map<uint64_t, std::string> sends_;  // those on their way: id -> job
  uint64_t last_id_ = 0;
  absl::Time now_;
  Actions actions_;
};

}  // namespace fate::scheduler
