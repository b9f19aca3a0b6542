#pragma once

// A job as its scheduler sees it: the plan, which never changes, and the state, which does.

#include <deque>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "scheduler/command.h"

namespace fate::scheduler {

struct TaskPlan {
  std::string name;
  std::vector<Site> sites;
  std::vector<std::string> dependencies;  // tasks that must have succeeded before
};

struct JobPlan {
  std::string job_id;
  std::vector<Site> sites;      // commands go out in this order
  std::vector<TaskPlan> tasks;  // producers before consumers
  int64_t priority = 0;         // higher first
  int64_t auto_retries = 0;
  bool poll = false;  // parties do not report; ask them (sync_type poll)
};

// What is known about a task and survives a restart.
struct TaskRecord {
  int64_t version = 0;
  Status status = Status::kWaiting;  // federated
  int64_t auto_retries = 0;
  std::map<Site, Status> party_status;
};

// What is known about a job and survives a restart. Tasks in the order of the plan.
struct JobRecord {
  JobPlan plan;
  int64_t order = 0;  // creation time: earlier first among equal priorities
  Status status = Status::kReady;
  double progress = 0;
  bool cancel_signal = false;
  bool rerun_signal = false;
  bool end_delivered = false;  // every party knows that the job has ended
  std::vector<TaskRecord> tasks;
};

// What a party said.
struct PartyAnswer {
  Site site;
  int code = 0;
  std::string message;
  Json data;
  int attempts = 1;  // more than one: an earlier attempt may have had its effect
};

namespace internal {

// One command to several parties whose answers are looked at together.
struct Round {
  std::set<uint64_t> open;
  std::vector<PartyAnswer> answers;
};

struct TaskState : TaskRecord {
  enum class Step { kIdle, kApplying, kStarting };
  Step step = Step::kIdle;
  Round round;
  absl::Time retry_at = absl::InfinitePast();
  std::optional<absl::Time> refused_since;
  std::string reason;         // why it failed, if a party said so
  int64_t tried_version = 0;  // the highest version ever asked for
  std::set<Site> unsure;      // after a restart: may not have been started there
};

// What a job waits for.
//
//   kCreating -> kAnnouncing -> kQueued <-> kApplying -> kRunning -> kEnding <-> kDelivering
//                     ^                                                |
//                     +------------------ kRerunning <-----------------+
//
// Every phase may go to kEnding (stop, failure); kEnding leaves the scheduler when all know.
enum class Phase {
  kCreating,    // job/create
  kAnnouncing,  // job/status/update waiting
  kQueued,      // a moment to apply for resources
  kApplying,    // job/resource/apply
  kRunning,     // reports of tasks
  kEnding,      // job/stop
  kDelivering,  // a moment to tell parties that did not answer
  kRerunning,   // task/rerun
  kGone,        // nothing more: the scheduler forgets it
};

struct SiteState {
  std::deque<Send> queue;  // the first one is on its way
  absl::Time heard_at = absl::InfinitePast();
};

struct JobState {
  JobPlan plan;
  int64_t order = 0;
  Status status = Status::kReady;
  double progress = 0;
  bool cancel_signal = false;
  bool rerun_signal = false;
  bool end_delivered = false;
  std::vector<TaskState> tasks;

  Phase phase = Phase::kCreating;
  Round round;
  absl::Time phase_since;
  absl::Time retry_at = absl::InfinitePast();
  std::optional<absl::Time> refused_since;
  bool gave_back = false;  // cores that some party had granted in the last round
  std::string refusal;     // last reason why it waits
  std::string reason;      // why it ended
  absl::Time ended_at;
  std::set<Site> unaware;               // sites that have not heard of the end
  std::vector<uint64_t> waiters;        // requests answered when the phase is through
  std::vector<uint64_t> rerun_waiters;  // rerun requests that wait for the end
  std::vector<size_t> rerun_tasks;
  bool automatic_rerun = false;
  std::map<Site, SiteState> sites;

  const std::string& id() const { return plan.job_id; }
};

}  // namespace internal
}  // namespace fate::scheduler
