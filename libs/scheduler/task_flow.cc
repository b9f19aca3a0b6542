// The life of a task (spec/fate-flow.md 12.2 B).

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

#include "scheduler/explain.h"
#include "scheduler/scheduler.h"

namespace fate::scheduler {

using internal::Explain;
using internal::Failures;
using internal::Phase;

namespace {

constexpr int kTaskResourceCode = 2004;
constexpr int kTaskUnknownCode = 2000;

std::vector<Status> Statuses(const std::vector<internal::TaskState>& tasks) {
  std::vector<Status> statuses;
  for (const auto& task : tasks) statuses.push_back(task.status);
  return statuses;
}

}  // namespace

// Starts what can start; ends the job when nothing is left to do.
void Scheduler::Advance(JobState& job) {
  if (job.phase != Phase::kRunning || !job.round.open.empty()) return;
  if (auto end = EndOfJob(Statuses(job.tasks))) {
    std::string reason;
    for (const TaskState& task : job.tasks) {
      if (task.status == *end && reason.empty()) reason = task.reason;
    }
    return End(job, *end, reason);
  }
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    if (!IsReady(job, i)) continue;
    job.tasks[i].step = TaskState::Step::kApplying;
    TellTask(job, i, {.command = Command::kTaskResourceApply}, &job.tasks[i].round);
  }
}

bool Scheduler::IsReady(const JobState& job, size_t task) const {
  const TaskState& state = job.tasks[task];
  if (state.status != Status::kWaiting || state.step != TaskState::Step::kIdle) return false;
  if (state.retry_at > now_) return false;
  const auto& needed = job.plan.tasks[task].dependencies;
  return std::all_of(needed.begin(), needed.end(), [&](const std::string& name) {
    for (size_t i = 0; i < job.tasks.size(); ++i) {
      if (job.plan.tasks[i].name == name) return IsSuccess(job.tasks[i].status);
    }
    return false;
  });
}

void Scheduler::TaskRoundDone(JobState& job, size_t task) {
  Round round = std::move(job.tasks[task].round);
  job.tasks[task].round = {};
  switch (job.tasks[task].step) {
    case TaskState::Step::kApplying:
      return TaskApplied(job, task, round);
    case TaskState::Step::kStarting:
      return TaskStarted(job, task, round);
    case TaskState::Step::kIdle:
      return;
  }
}

// Refused while other tasks of the job hold its cores: they will give them back. Otherwise the
// refusal has to end soon.
void Scheduler::TaskApplied(JobState& job, size_t task, const Round& round) {
  TaskState& state = job.tasks[task];
  const TaskPlan& plan = job.plan.tasks[task];
  auto failures = Failures(round);
  if (failures.empty()) {
    state.status = Status::kRunning;
    state.step = TaskState::Step::kStarting;
    state.refused_since.reset();
    SaveTask(job, task);
    Log(job, fmt::format("task {} v{} starts", plan.name, state.version));
    TellTask(job, task, {.command = Command::kTaskStatusUpdate, .status = Status::kRunning});
    return TellTask(job, task, {.command = Command::kTaskStart}, &state.round);
  }
  for (const PartyAnswer& answer : round.answers) {
    if (!internal::Succeeded(answer) && answer.attempts == 1) continue;
    Send back = {.site = answer.site, .command = Command::kTaskResourceReturn};
    back.task = plan.name;
    back.version = state.version;
    Post(job, back, nullptr);
  }
  std::string reason = Explain(failures);
  bool only_taken = std::all_of(failures.begin(), failures.end(),
                                [](const auto& f) { return f.code == kTaskResourceCode; });
  bool has_neighbours = std::any_of(job.tasks.begin(), job.tasks.end(), [](const auto& other) {
    return other.status == Status::kRunning;
  });
  state.step = TaskState::Step::kIdle;
  state.retry_at = now_ + kTickPeriod;
  if (only_taken && has_neighbours) {
    state.refused_since.reset();
  } else if (!state.refused_since) {
    state.refused_since = now_;
    Log(job, fmt::format("task {} waits for resources: {}", plan.name, reason));
  }
  bool unanswered = std::any_of(failures.begin(), failures.end(),
                                [](const auto& f) { return f.code == kUnansweredCode; });
  if (unanswered || (state.refused_since && now_ - *state.refused_since >= kRefusalLimit)) {
    End(job, Status::kFailed, fmt::format("task {} got no resources: {}", plan.name, reason));
  }
}

void Scheduler::TaskStarted(JobState& job, size_t task, const Round& round) {
  TaskState& state = job.tasks[task];
  state.step = TaskState::Step::kIdle;
  if (auto failures = Failures(round); !failures.empty()) {
    state.reason = fmt::format("task {} could not be started: {}", job.plan.tasks[task].name,
                               Explain(failures));
    EndTask(job, task, Status::kFailed);
    Advance(job);
  }
}

bool Scheduler::IsRunningAt(const TaskState& task, const Site& site) const {
  auto it = task.party_status.find(site);
  return task.status == Status::kRunning && it != task.party_status.end() && !IsEnd(it->second);
}

// True when the report says something new. Unlike upstream a task may end without having been
// seen running: the report of that may have been lost.
bool Scheduler::SetPartyStatus(JobState& job, size_t task, const Site& site, Status status,
                               const std::string& message) {
  TaskState& state = job.tasks[task];
  Status& known = state.party_status[site];
  if (IsEnd(known) || (status != Status::kRunning && !IsEnd(status)) || status == known) {
    return false;
  }
  known = status;
  SaveSite(job, task, site);
  std::string text = fmt::format("task {} v{} {} at {}", job.plan.tasks[task].name, state.version,
                                 Name(status), site.ToString());
  if (!message.empty()) text += ": " + message;
  Log(job, text);
  if (IsInterrupt(status) && state.reason.empty()) state.reason = text;
  if (state.status != Status::kRunning) return true;
  std::vector<Status> all;
  for (const auto& [_, party_status] : state.party_status) all.push_back(party_status);
  if (Status federated = FederatedStatus(all); IsEnd(federated)) {
    EndTask(job, task, federated);
    Advance(job);
  }
  return true;
}

void Scheduler::EndTask(JobState& job, size_t task, Status status) {
  TaskState& state = job.tasks[task];
  state.status = status;
  state.step = TaskState::Step::kIdle;
  state.round = {};
  for (TaskState& other : job.tasks) other.retry_at = now_;  // its cores are free again
  SaveTask(job, task);
  Send update = {.command = Command::kTaskStatusUpdate, .status = status};
  if (IsInterrupt(status)) update.message = state.reason;
  TellTask(job, task, update);
  TellTask(job, task, {.command = Command::kTaskStop, .status = status});
  UpdateProgress(job);
}

void Scheduler::UpdateProgress(JobState& job) {
  double progress = Progress(Statuses(job.tasks));
  if (std::floor(progress) <= std::floor(job.progress)) return;
  job.progress = progress;
  SaveJob(job);
  Tell(job, {.command = Command::kJobUpdate, .progress = progress});
}

// Asks sites that have been silent for a while, or whose tasks have to be polled.
void Scheduler::Watch(JobState& job) {
  absl::Duration period = job.plan.poll ? kPollPeriod : kSilencePeriod;
  for (const Site& site : job.plan.sites) {
    auto& state = job.sites[site];
    if (!state.queue.empty()) continue;
    if (now_ - std::max(state.heard_at, job.phase_since) >= period) Ask(job, site);
  }
}

void Scheduler::Ask(JobState& job, const Site& site) {
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    if (!IsRunningAt(job.tasks[i], site)) continue;
    Send send = {.site = site, .command = Command::kTaskCollect, .patience = kShortPatience};
    send.task = job.plan.tasks[i].name;
    send.version = job.tasks[i].version;
    Post(job, send, nullptr);
  }
}

void Scheduler::Collected(JobState& job, const Send& send, const PartyAnswer& answer) {
  if (job.phase != Phase::kRunning) return;
  size_t task = 0;
  while (job.plan.tasks[task].name != send.task) ++task;
  TaskState& state = job.tasks[task];
  if (state.version != send.version || !IsRunningAt(state, send.site)) return;
  bool was_unsure = state.unsure.erase(send.site) > 0;
  if (answer.code == kTaskUnknownCode) {
    state.reason = fmt::format("task {} is unknown to {}: {}", send.task, send.site.ToString(),
                               answer.message);
    EndTask(job, task, Status::kFailed);
    return Advance(job);
  }
  if (answer.code != kSuccessCode) {
    if (was_unsure) state.unsure.insert(send.site);
    absl::Duration silence = now_ - std::max(job.sites[send.site].heard_at, job.phase_since);
    if (silence < kSilenceLimit) return;
    return End(job, Status::kFailed,
               fmt::format("{} has not answered for {:.0f} s: {}", send.site.ToString(),
                           absl::ToDoubleSeconds(silence), answer.message));
  }
  std::optional<Status> status;
  if (answer.data.is_object() && answer.data.contains("party_status") &&
      answer.data["party_status"].is_string()) {
    status = ParseStatus(answer.data["party_status"].get<std::string>());
  }
  if (status == Status::kWaiting && was_unsure) {
    state.step = TaskState::Step::kStarting;
    Send start = {.site = send.site, .command = Command::kTaskStart};
    start.task = send.task;
    start.version = send.version;
    Post(job, start, &state.round);
  } else if (status) {
    SetPartyStatus(job, task, send.site, *status, "");
  }
}

// Nobody knows which commands a predecessor still got out. Starting is safe to repeat where the
// party says that it waits.
void Scheduler::ResumeTasks(JobState& job) {
  bool is_fresh = true;
  for (size_t i = 0; i < job.tasks.size(); ++i) {
    TaskState& task = job.tasks[i];
    if (task.status != Status::kWaiting) is_fresh = false;
    if (task.status == Status::kWaiting) {
      TellTask(job, i, {.command = Command::kTaskResourceReturn});
    } else if (task.status == Status::kRunning) {
      for (const Site& site : job.plan.tasks[i].sites) {
        if (!IsEnd(task.party_status[site])) task.unsure.insert(site);
      }
    }
  }
  if (is_fresh) Tell(job, {.command = Command::kJobStart});
  for (const Site& site : job.plan.sites) Ask(job, site);
  Advance(job);
}

}  // namespace fate::scheduler
