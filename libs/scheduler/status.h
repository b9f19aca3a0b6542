#pragma once

// Statuses of jobs and tasks, the moves between them and how the statuses of several parties
// become one (spec/fate-flow.md 11, 12.3).

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace fate::scheduler {

// In the order of their level.
enum class Status { kWaiting, kReady, kRunning, kCanceled, kTimeout, kFailed, kPass, kSuccess };

std::string_view Name(Status status);
std::optional<Status> ParseStatus(std::string_view name);

// canceled, timeout, failed, pass, success.
bool IsEnd(Status status);
// canceled, timeout, failed.
bool IsInterrupt(Status status);
// pass counts as success.
bool IsSuccess(Status status);

bool CanJobMove(Status from, Status to);
bool CanTaskMove(Status from, Status to);

// Of the parties of one task. No party at all has failed.
Status FederatedStatus(const std::vector<Status>& parties);

// How a job ends whose tasks stand so, if it ends: success when all have it, otherwise the
// interrupt of the highest level.
std::optional<Status> EndOfJob(const std::vector<Status>& tasks);

// Ended tasks in percent.
double Progress(const std::vector<Status>& tasks);

}  // namespace fate::scheduler
