// The life of a job (spec/fate-flow.md 12.1, 12.2 A, 12.4, 12.5).

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/explain.h"
#include "scheduler/scheduler.h"

namespace fate::scheduler {

using internal::Explain;
using internal::Failures;
using internal::Phase;

namespace {

// Jobs apply one after the other, in the order of their rank, so that two jobs cannot each hold
// half of what both need; but a party that does not answer holds the others up no longer.
constexpr absl::Duration kApplyTurn = absl::Seconds(2);

// Cores that other jobs hold come back some day; an engine that does not answer may not.
bool IsWorthWaitingFor(const PartyAnswer& refusal) {
  bool engine_is_down = refusal.data.is_object() && refusal.data.value("engine_unavailable", false);
  return refusal.code == kNoResourceCode && !engine_is_down;
}

}  // namespace

void Scheduler::RoundDone(JobState& job) {
  Round round = std::move(job.round);
  job.round = {};
  switch (job.phase) {
    case Phase::kCreating:
      return Created(job, round);
    case Phase::kAnnouncing:
      return Announced(job, round);
    case Phase::kApplying:
      return Applied(job, round);
    case Phase::kEnding:
      return Ended(job, round);
    case Phase::kRerunning:
      return RerunAnswered(job, round);
    case Phase::kRunning:  // job/start
      if (auto failures = Failures(round); !failures.empty()) {
        End(job, Status::kFailed, "the job could not be started: " + Explain(failures));
      } else {
        Advance(job);
      }
      return;
    case Phase::kQueued:
    case Phase::kDelivering:
    case Phase::kGone:
      return;  // these wait for no answer
  }
}

void Scheduler::Created(JobState& job, const Round& round) {
  if (auto failures = Failures(round); !failures.empty()) {
    std::string reason = Explain(failures);
    AnswerWaiters(job, kCreateFailedCode, "Create job failed: " + reason);
    return End(job, Status::kFailed, "the job could not be created: " + reason);
  }
  Tell(job,
       {.command = Command::kJobStatusUpdate,
        .patience = kShortPatience,
        .status = Status::kWaiting},
       &job.round);
  Enter(job, Phase::kAnnouncing);
}

void Scheduler::Announced(JobState& job, const Round& round) {
  auto failures = Failures(round);
  // A party that is told again after a restart or rerun may know already.
  if (job.rerun_signal) {
    std::erase_if(failures, [](const auto& answer) { return answer.code == kNoEffectCode; });
  }
  if (!failures.empty()) {
    std::string reason = Explain(failures);
    if (job.rerun_signal) {
      AnswerWaiters(job, kRerunFailedCode, "Rerun job failed: " + reason);
      LogError(job, "rerun failed: " + reason);
    } else {
      AnswerWaiters(job, kCreateFailedCode, "Create job failed: " + reason);
    }
    return End(job, Status::kFailed, "the job could not be set waiting: " + reason);
  }
  for (size_t i = 0; !job.rerun_signal && i < job.tasks.size(); ++i) {
    SaveTask(job, i);
    for (const Site& site : job.plan.tasks[i].sites) SaveSite(job, i, site);
  }
  job.status = Status::kWaiting;
  job.rerun_signal = false;
  SaveJob(job);
  AnswerWaiters(job, kSuccessCode, "success");
  job.retry_at = now_;
  job.refused_since.reset();
  Enter(job, Phase::kQueued);
  ApplyForBestJob();
}

// Cores were returned. A job that gave some back itself would wake itself, round after round: it
// waits for the next tick.
void Scheduler::WakeQueue() {
  for (auto& [id, job] : jobs_) {
    if (job.phase == Phase::kQueued && !job.gave_back) job.retry_at = now_;
  }
}

void Scheduler::ApplyForBestJob() {
  JobState* best = nullptr;
  for (auto& [id, job] : jobs_) {
    if (job.phase == Phase::kApplying && now_ - job.phase_since < kApplyTurn) return;
    if (job.phase != Phase::kQueued || job.retry_at > now_) continue;
    bool is_better = best == nullptr || job.plan.priority > best->plan.priority ||
                     (job.plan.priority == best->plan.priority && job.order < best->order);
    if (is_better) best = &job;
  }
  if (best == nullptr) return;
  Enter(*best, Phase::kApplying);
  Tell(*best, {.command = Command::kJobResourceApply}, &best->round);
}

void Scheduler::Applied(JobState& job, const Round& round) {
  auto failures = Failures(round);
  if (failures.empty()) {
    job.status = Status::kRunning;
    SaveJob(job);
    Log(job, "resources granted by all parties; the job runs");
    Enter(job, Phase::kRunning);
    Tell(job, {.command = Command::kJobStart}, &job.round);
    return ApplyForBestJob();
  }
  GiveBack(job, round);
  std::string reason = Explain(failures);
  bool never = std::any_of(failures.begin(), failures.end(),
                           [](const auto& f) { return f.code == kResourceLimitCode; });
  if (std::all_of(failures.begin(), failures.end(), IsWorthWaitingFor)) {
    job.refused_since.reset();
  } else if (!job.refused_since) {
    job.refused_since = job.phase_since;
  }
  if (never || (job.refused_since && now_ - *job.refused_since >= kRefusalLimit)) {
    End(job, Status::kFailed, "the job got no resources: " + reason);
  } else {
    if (job.refusal != reason) Log(job, "waits for resources: " + reason);
    job.refusal = reason;
    job.retry_at = now_ + kTickPeriod;
    Enter(job, Phase::kQueued);
  }
  ApplyForBestJob();
}

// Also to those whose answer may hide a success.
void Scheduler::GiveBack(JobState& job, const Round& round) {
  job.gave_back = false;
  for (const PartyAnswer& answer : round.answers) {
    if (internal::Succeeded(answer) || answer.attempts > 1 || answer.code == kUnansweredCode) {
      Post(job, {.site = answer.site, .command = Command::kJobResourceReturn}, nullptr);
      job.gave_back = true;
    }
  }
}

// The one way out. Running tasks end with the job: as its status says or, when another task is
// the culprit, canceled.
void Scheduler::End(JobState& job, Status status, std::string reason) {
  bool was_created = job.status != Status::kReady;
  // Parties that have not heard of a rerun may still be canceled, which cannot become failed.
  if (job.rerun_signal) status = Status::kCanceled;
  job.rerun_signal = false;
  DropMootCommands(job);
  job.round = {};
  job.reason = std::move(reason);
  bool has_culprit = std::any_of(job.tasks.begin(), job.tasks.end(),
                                 [](const TaskState& task) { return IsInterrupt(task.status); });
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    job.tasks[i].round = {};
    job.tasks[i].step = TaskState::Step::kIdle;
    if (job.tasks[i].status != Status::kRunning) continue;
    if (job.tasks[i].reason.empty()) job.tasks[i].reason = job.reason;
    EndTask(job, i, has_culprit ? Status::kCanceled : status);
  }
  job.status = status;
  job.end_delivered = false;
  job.ended_at = now_;
  SaveJob(job);
  std::string text = fmt::format("job {}", Name(status));
  if (!job.reason.empty()) text += ": " + job.reason;
  status == Status::kFailed || status == Status::kTimeout ? LogError(job, text) : Log(job, text);
  std::string message = IsInterrupt(status) ? job.reason : "";
  Enter(job, Phase::kEnding);
  Tell(job, {.command = Command::kJobStatusUpdate, .status = status, .message = message},
       was_created ? nullptr : &job.round);
  if (was_created) Tell(job, {.command = Command::kJobStop}, &job.round);
}

void Scheduler::Ended(JobState& job, const Round& round) {
  for (const PartyAnswer& answer : round.answers) {
    if (answer.code == kUnansweredCode) job.unaware.insert(answer.site);
  }
  if (Failures(round).empty()) {
    AnswerWaiters(job, kSuccessCode, "success");
  } else {
    AnswerWaiters(job, kStopFailedCode, internal::ResultMap(round));
  }
  WakeQueue();
  if (!job.unaware.empty() && now_ - job.ended_at < kDeliverLimit) {
    LogError(job, "the end of the job is not known everywhere, it will be told again: " +
                      Explain(Failures(round)));
    job.retry_at = now_ + kDeliverPeriod;
    Enter(job, Phase::kDelivering);
    if (!job.rerun_waiters.empty()) RerunByHand(job);
  } else {
    job.end_delivered = true;
    SaveJob(job);
    if (!job.rerun_waiters.empty()) {
      RerunByHand(job);
    } else if (!RerunByItself(job)) {
      Enter(job, Phase::kGone);
    }
  }
  ApplyForBestJob();
}

void Scheduler::Redeliver(JobState& job) {
  std::set<Site> unaware = std::move(job.unaware);
  job.unaware.clear();
  Enter(job, Phase::kEnding);
  for (const Site& site : unaware) {
    for (size_t i = 0; i < job.tasks.size(); ++i) {
      const TaskState& task = job.tasks[i];
      if (!task.party_status.contains(site) || !IsEnd(task.status)) continue;
      Post(job,
           {.site = site,
            .command = Command::kTaskStatusUpdate,
            .patience = kShortPatience,
            .task = job.plan.tasks[i].name,
            .version = task.version,
            .status = task.status},
           nullptr);
    }
    Send send = {.site = site, .patience = kShortPatience, .status = job.status};
    if (IsInterrupt(job.status)) send.message = job.reason;
    send.command = Command::kJobStatusUpdate;
    Post(job, send, nullptr);
    send.command = Command::kJobStop;
    send.message.clear();
    Post(job, send, &job.round);
  }
}

void Scheduler::RerunByHand(JobState& job) {
  std::swap(job.waiters, job.rerun_waiters);
  job.rerun_waiters.clear();
  if (!job.unaware.empty()) {
    return AnswerWaiters(job, kRerunFailedCode,
                         "Rerun job failed: not every party knows yet that the job has ended; "
                         "see its schedule error log and try again");
  }
  if (job.status == Status::kSuccess) {
    AnswerWaiters(job, kSuccessCode, "every task has succeeded; nothing to rerun");
    return Enter(job, Phase::kGone);
  }
  job.rerun_tasks.clear();
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    if (IsInterrupt(job.tasks[i].status)) job.rerun_tasks.push_back(i);
  }
  job.automatic_rerun = false;
  StartRerun(job);
}

// Only when every failed task has a retry left; tasks canceled along with them come too.
bool Scheduler::RerunByItself(JobState& job) {
  job.rerun_tasks.clear();
  if (job.cancel_signal) return false;
  bool has_failed = false;
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    const TaskState& task = job.tasks[i];
    if (!IsInterrupt(task.status)) continue;
    job.rerun_tasks.push_back(i);
    if (task.status == Status::kCanceled) continue;
    if (task.auto_retries <= 0) return false;
    has_failed = true;
  }
  if (!has_failed) return false;
  job.automatic_rerun = true;
  StartRerun(job);
  return true;
}

void Scheduler::StartRerun(JobState& job) {
  Log(job, fmt::format("{} rerun of {} tasks", job.automatic_rerun ? "automatic" : "requested",
                       job.rerun_tasks.size()));
  Enter(job, Phase::kRerunning);
  for (size_t i : job.rerun_tasks) {
    TaskState& task = job.tasks[i];
    task.tried_version = std::max(task.tried_version, task.version) + 1;
    TellTask(job, i, {.command = Command::kTaskStop, .status = task.status});
    TellTask(job, i, {.command = Command::kTaskRerun, .new_version = task.tried_version},
             &job.round);
  }
  if (job.rerun_tasks.empty()) RerunAgreed(job);
}

void Scheduler::RerunAnswered(JobState& job, const Round& round) {
  auto failures = Failures(round);
  if (failures.empty()) return RerunAgreed(job);
  LogError(job, "rerun failed: " + Explain(failures));
  AnswerWaiters(job, kRerunFailedCode, "Rerun job failed: " + Explain(failures));
  Enter(job, Phase::kGone);
}

void Scheduler::RerunAgreed(JobState& job) {
  for (size_t i : job.rerun_tasks) {
    TaskState& task = job.tasks[i];
    task.version = task.tried_version;
    task.status = Status::kWaiting;
    task.reason.clear();
    if (job.automatic_rerun) --task.auto_retries;
    for (auto& [site, status] : task.party_status) status = Status::kWaiting;
    SaveTask(job, i);
    for (const auto& [site, status] : task.party_status) SaveSite(job, i, site);
  }
  job.status = Status::kWaiting;
  job.cancel_signal = false;
  job.rerun_signal = true;
  job.end_delivered = false;
  job.refusal.clear();
  SaveJob(job);
  Enter(job, Phase::kAnnouncing);
  Tell(job, {.command = Command::kJobStatusUpdate, .status = Status::kWaiting}, &job.round);
}

void Scheduler::Resume(JobState& job) {
  Log(job, fmt::format("the scheduler knows the job again; it was {}", Name(job.status)));
  job.ended_at = now_;
  if (IsEnd(job.status)) {
    if (!job.end_delivered) job.unaware.insert(job.plan.sites.begin(), job.plan.sites.end());
    job.retry_at = absl::InfiniteFuture();
    Enter(job, Phase::kDelivering);
    if (!job.end_delivered) Redeliver(job);
    return;
  }
  if (job.cancel_signal) return End(job, Status::kCanceled, "the job was stopped");
  switch (job.status) {
    case Status::kReady:
      return End(job, Status::kFailed,
                 "the scheduler was restarted while the job was being created; submit it again");
    case Status::kWaiting:
      if (job.rerun_signal) {
        Enter(job, Phase::kAnnouncing);
        Tell(job, {.command = Command::kJobStatusUpdate, .status = Status::kWaiting}, &job.round);
        return;
      }
      // It may have been in the middle of an application.
      Tell(job, {.command = Command::kJobResourceReturn});
      job.retry_at = now_;
      return Enter(job, Phase::kQueued);
    default:
      Enter(job, Phase::kRunning);
      return ResumeTasks(job);
  }
}

}  // namespace fate::scheduler
