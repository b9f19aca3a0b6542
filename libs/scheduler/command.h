#pragma once

// What a scheduler says to a party: one request of the partner API (spec/fate-flow.md 7).

#include <compare>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/time/time.h"
#include "scheduler/status.h"

namespace fate::scheduler {

using Json = nlohmann::ordered_json;

// One role of one party.
struct Site {
  std::string role;
  std::string party_id;
  std::string ToString() const { return role + " " + party_id; }
  friend auto operator<=>(const Site&, const Site&) = default;
};

enum class Command {
  kJobCreate,
  kJobStatusUpdate,
  kJobResourceApply,
  kJobResourceReturn,
  kJobStart,
  kJobUpdate,
  kJobStop,
  kTaskResourceApply,
  kTaskResourceReturn,
  kTaskStatusUpdate,
  kTaskStart,
  kTaskStop,
  kTaskCollect,
  kTaskRerun,
};

// A command to one site. Members that a command does not carry keep their defaults.
struct Send {
  uint64_t id = 0;  // comes back with the answer
  std::string job_id;
  Site site;
  Command command = Command::kJobCreate;
  absl::Duration patience;  // how long an answer is worth waiting for, with all attempts
  std::string task;         // name, for task commands
  int64_t version = 0;      // of the task
  Status status = Status::kWaiting;
  double progress = 0;
  int64_t new_version = 0;
  std::string message;  // why; an extra member that upstream ignores
};

// "/v2/partner/task/start"
std::string Path(Command command);
// The request's body; the driver adds the DAG to that of kJobCreate.
Json Body(const Send& send);
// "<job>_<task>" (spec/fate-flow.md 11)
std::string TaskId(std::string_view job_id, std::string_view task);

// "task/stop toy v0 success": for logs and scripts.
std::string Describe(const Send& send);

}  // namespace fate::scheduler
