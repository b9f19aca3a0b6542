#include "scheduler/scheduler.h"

#include <fmt/format.h>

#include <algorithm>

#include "scheduler/explain.h"

namespace fate::scheduler {
namespace internal {

std::vector<PartyAnswer> Failures(const Round& round) {
  std::vector<PartyAnswer> failures;
  for (const PartyAnswer& answer : round.answers) {
    if (!Succeeded(answer)) failures.push_back(answer);
  }
  return failures;
}

std::string Explain(const std::vector<PartyAnswer>& answers) {
  std::string text;
  for (const PartyAnswer& answer : answers) {
    text +=
        fmt::format("{}{}: {}", text.empty() ? "" : "; ", answer.site.ToString(),
                    answer.message.empty() ? fmt::format("code {}", answer.code) : answer.message);
  }
  return text;
}

std::string ResultMap(const Round& round) {
  Json map = Json::object();
  for (const PartyAnswer& answer : round.answers) {
    map[answer.site.role][answer.site.party_id] = {{"code", answer.code},
                                                   {"message", answer.message}};
  }
  return map.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace internal

using internal::Phase;

Actions Scheduler::Create(JobPlan plan, int64_t order, uint64_t token, absl::Time now) {
  now_ = now;
  JobState& job = jobs_[plan.job_id];
  job.plan = std::move(plan);
  job.order = order;
  for (const TaskPlan& task : job.plan.tasks) {
    TaskState& state = job.tasks.emplace_back();
    state.auto_retries = job.plan.auto_retries;
    for (const Site& site : task.sites) state.party_status[site] = Status::kWaiting;
  }
  job.waiters.push_back(token);
  SaveJob(job);
  Log(job, fmt::format("job created: {} tasks, {} parties, priority {}", job.plan.tasks.size(),
                       job.plan.sites.size(), job.plan.priority));
  Tell(job, {.command = Command::kJobCreate, .patience = kShortPatience}, &job.round);
  Enter(job, Phase::kCreating);
  return Finish();
}

Actions Scheduler::Restore(JobRecord record, absl::Time now) {
  now_ = now;
  JobState& job = jobs_[record.plan.job_id];
  job.plan = std::move(record.plan);
  job.order = record.order;
  job.status = record.status;
  job.progress = record.progress;
  job.cancel_signal = record.cancel_signal;
  job.rerun_signal = record.rerun_signal;
  job.end_delivered = record.end_delivered;
  for (TaskRecord& task : record.tasks) {
    TaskState& state = job.tasks.emplace_back();
    static_cast<TaskRecord&>(state) = std::move(task);
    state.tried_version = state.version;
  }
  Resume(job);
  return Finish();
}

// A party that has not answered a command is not bothered with those queued behind it: all of
// them count as unanswered.
Actions Scheduler::Answer(uint64_t send_id, PartyAnswer answer, absl::Time now) {
  now_ = now;
  auto sent = sends_.find(send_id);
  if (sent == sends_.end()) return {};
  std::string job_id = sent->second;
  sends_.erase(sent);
  JobState* job = FindJob(job_id);
  if (job == nullptr) return {};
  auto at = std::find_if(job->sites.begin(), job->sites.end(), [&](const auto& entry) {
    return !entry.second.queue.empty() && entry.second.queue.front().id == send_id;
  });
  if (at == job->sites.end()) return {};
  answer.site = at->first;
  std::vector<Send> answered = {at->second.queue.front()};
  at->second.queue.pop_front();
  if (answer.code == kUnansweredCode) {
    answered.insert(answered.end(), at->second.queue.begin(), at->second.queue.end());
    at->second.queue.clear();
  } else if (answer.code == kSuccessCode || answered[0].command != Command::kTaskCollect) {
    at->second.heard_at = now;
  }
  for (size_t i = 0; i < answered.size(); ++i) {
    bool was_awaited = Deliver(*job, answered[i], answer);
    if (was_awaited || i > 0 || answer.code == kSuccessCode) continue;
    Log(*job, fmt::format("{} {}: answer {} {}", answer.site.ToString(), Describe(answered[i]),
                          answer.code, answer.message));
  }
  Emit(*job, answer.site);
  return Finish();
}

// False when nobody looks at the answer.
bool Scheduler::Deliver(JobState& job, const Send& send, const PartyAnswer& answer) {
  if (job.round.open.erase(send.id) > 0) {
    job.round.answers.push_back(answer);
    if (job.round.open.empty()) RoundDone(job);
    return true;
  }
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    Round& round = job.tasks[i].round;
    if (round.open.erase(send.id) == 0) continue;
    round.answers.push_back(answer);
    if (round.open.empty()) TaskRoundDone(job, i);
    return true;
  }
  if (send.command == Command::kTaskCollect) {
    Collected(job, send, answer);
    return true;
  }
  if (answer.code != kUnansweredCode || job.phase != Phase::kRunning) return false;
  End(job, Status::kFailed, internal::Explain({answer}));
  return true;
}

Actions Scheduler::Report(const TaskReport& report, bool* effective, absl::Time now) {
  now_ = now;
  *effective = false;
  JobState* job = FindJob(report.job_id);
  if (job == nullptr) return {};
  for (size_t i = 0; i < job->tasks.size(); ++i) {
    if (job->plan.tasks[i].name != report.task || job->tasks[i].version != report.version) continue;
    if (!job->tasks[i].party_status.contains(report.site)) continue;
    job->sites[report.site].heard_at = now;
    *effective = SetPartyStatus(*job, i, report.site, report.status, report.message);
  }
  return Finish();
}

Actions Scheduler::Stop(const std::string& job_id, Status status, const std::string& reason,
                        uint64_t token, absl::Time now) {
  now_ = now;
  JobState& job = jobs_[job_id];
  Log(job, fmt::format("stop requested with {}: {}", Name(status), reason));
  job.cancel_signal = status == Status::kCanceled;
  SaveJob(job);
  if (job.phase == Phase::kDelivering && job.unaware.empty()) {
    Tell(job, {.command = Command::kJobStop}, &job.round);
    Enter(job, Phase::kEnding);
  } else if (job.phase == Phase::kDelivering) {
    Redeliver(job);
  } else if (job.phase != Phase::kEnding) {
    AnswerWaiters(job, kCreateFailedCode, "Create job failed: the job was stopped");
    End(job, status, reason);
  }
  job.waiters.push_back(token);
  return Finish();
}

Actions Scheduler::Rerun(const std::string& job_id, uint64_t token, absl::Time now) {
  now_ = now;
  JobState& job = jobs_[job_id];
  job.rerun_waiters.push_back(token);
  if (job.phase == Phase::kDelivering) {
    RerunByHand(job);
  } else if (job.phase != Phase::kEnding) {
    actions_.push_back(Reply{token, kSuccessCode, "the job has not ended; nothing to rerun"});
    job.rerun_waiters.pop_back();
  }
  return Finish();
}

Actions Scheduler::ResourcesReturned(absl::Time now) {
  now_ = now;
  WakeQueue();
  ApplyForBestJob();
  return Finish();
}

Actions Scheduler::Tick(absl::Time now) {
  now_ = now;
  for (auto& [id, job] : jobs_) {
    if (job.phase == Phase::kRunning) {
      Advance(job);
      Watch(job);
    } else if (job.phase == Phase::kDelivering && job.retry_at <= now) {
      Redeliver(job);
    }
  }
  ApplyForBestJob();
  return Finish();
}

Actions Scheduler::Finish() {
  for (auto it = jobs_.begin(); it != jobs_.end();) {
    if (it->second.phase == Phase::kGone) {
      actions_.push_back(Forget{it->first});
      it = jobs_.erase(it);
    } else {
      ++it;
    }
  }
  return std::move(actions_);
}

Scheduler::JobState* Scheduler::FindJob(const std::string& job_id) {
  auto it = jobs_.find(job_id);
  return it == jobs_.end() ? nullptr : &it->second;
}

void Scheduler::Post(JobState& job, Send send, Round* round) {
  send.id = ++last_id_;
  send.job_id = job.id();
  if (send.patience == absl::ZeroDuration()) send.patience = kPatience;
  if (round != nullptr) round->open.insert(send.id);
  Site site = send.site;
  job.sites[site].queue.push_back(std::move(send));
  Emit(job, site);
}

void Scheduler::Emit(JobState& job, const Site& site) {
  const auto& queue = job.sites[site].queue;
  if (queue.empty() || !sends_.emplace(queue.front().id, job.id()).second) return;
  actions_.push_back(queue.front());
}

void Scheduler::Tell(JobState& job, Send send, Round* round) {
  for (const Site& site : job.plan.sites) {
    send.site = site;
    Post(job, send, round);
  }
}

void Scheduler::TellTask(JobState& job, size_t task, Send send, Round* round) {
  send.task = job.plan.tasks[task].name;
  send.version = job.tasks[task].version;
  for (const Site& site : job.plan.tasks[task].sites) {
    send.site = site;
    Post(job, send, round);
  }
}

// When a job ends, what would begin something is no longer said.
void Scheduler::DropMootCommands(JobState& job) {
  auto is_moot = [this](const Send& send) {
    if (sends_.contains(send.id)) return false;
    switch (send.command) {
      case Command::kJobResourceApply:
      case Command::kJobStart:
      case Command::kTaskResourceApply:
      case Command::kTaskStart:
      case Command::kTaskCollect:
      case Command::kTaskRerun:
        return true;
      default:
        return false;
    }
  };
  for (auto& [site, state] : job.sites) std::erase_if(state.queue, is_moot);
}

void Scheduler::Enter(JobState& job, Phase phase) {
  job.phase = phase;
  job.phase_since = now_;
}

void Scheduler::SaveJob(const JobState& job) {
  actions_.push_back(JobRow{job.id(), job.status, job.progress, job.cancel_signal, job.rerun_signal,
                            job.end_delivered});
}

void Scheduler::SaveTask(const JobState& job, size_t task) {
  const TaskState& state = job.tasks[task];
  actions_.push_back(TaskRow{job.id(), job.plan.tasks[task].name, state.version, state.status,
                             state.auto_retries});
}

void Scheduler::SaveSite(const JobState& job, size_t task, const Site& site) {
  const TaskState& state = job.tasks[task];
  actions_.push_back(SiteRow{job.id(), job.plan.tasks[task].name, state.version, site,
                             state.party_status.at(site)});
}

void Scheduler::Log(const JobState& job, std::string text) {
  actions_.push_back(Note{job.id(), false, std::move(text)});
}

void Scheduler::LogError(const JobState& job, std::string text) {
  actions_.push_back(Note{job.id(), true, std::move(text)});
}

void Scheduler::AnswerWaiters(JobState& job, int code, const std::string& message) {
  for (uint64_t token : job.waiters) actions_.push_back(Reply{token, code, message});
  job.waiters.clear();
}

}  // namespace fate::scheduler
