#include "scheduler/status.h"

#include <algorithm>
#include <array>
#include <map>
#include <set>

namespace fate::scheduler {
namespace {

constexpr std::array<std::string_view, 8> kNames = {"waiting", "ready",  "running", "canceled",
                                                    "timeout", "failed", "pass",    "success"};

using Moves = std::map<Status, std::set<Status>>;
using enum Status;

const Moves kJobMoves = {
    {kReady, {kWaiting, kCanceled, kTimeout, kFailed}},
    {kWaiting, {kRunning, kCanceled, kTimeout, kFailed, kSuccess}},
    {kRunning, {kCanceled, kTimeout, kFailed, kSuccess}},
    {kCanceled, {kWaiting}},
    {kTimeout, {kFailed, kSuccess, kWaiting}},
    {kFailed, {kWaiting, kCanceled}},
    {kSuccess, {kWaiting}},
};
const Moves kTaskMoves = {
    {kWaiting, {kRunning, kSuccess}},
    {kRunning, {kCanceled, kTimeout, kFailed, kPass, kSuccess}},
    {kCanceled, {kWaiting}},
    {kTimeout, {kFailed, kSuccess}},
};

bool CanMove(const Moves& moves, Status from, Status to) {
  auto it = moves.find(from);
  return it != moves.end() && it->second.contains(to);
}

}  // namespace

std::string_view Name(Status status) { return kNames[static_cast<size_t>(status)]; }

std::optional<Status> ParseStatus(std::string_view name) {
  auto it = std::find(kNames.begin(), kNames.end(), name);
  if (it == kNames.end()) return std::nullopt;
  return static_cast<Status>(it - kNames.begin());
}

bool IsEnd(Status status) { return status >= kCanceled; }
bool IsInterrupt(Status status) { return status >= kCanceled && status <= kFailed; }
bool IsSuccess(Status status) { return status >= kPass; }

bool CanJobMove(Status from, Status to) { return CanMove(kJobMoves, from, to); }
bool CanTaskMove(Status from, Status to) { return CanMove(kTaskMoves, from, to); }

Status FederatedStatus(const std::vector<Status>& parties) {
  if (parties.empty()) return kFailed;
  std::set<Status> present;
  for (Status status : parties) present.insert(status == kPass ? kSuccess : status);
  if (present.size() == 1) return *present.begin();
  for (Status interrupt : {kCanceled, kTimeout, kFailed}) {
    if (present.contains(interrupt)) return interrupt;
  }
  return kRunning;  // some run or have succeeded, others have not begun
}

std::optional<Status> EndOfJob(const std::vector<Status>& tasks) {
  if (std::all_of(tasks.begin(), tasks.end(), IsSuccess)) return kSuccess;
  for (Status interrupt : {kFailed, kTimeout, kCanceled}) {
    if (std::find(tasks.begin(), tasks.end(), interrupt) != tasks.end()) return interrupt;
  }
  return std::nullopt;
}

double Progress(const std::vector<Status>& tasks) {
  auto ended = std::count_if(tasks.begin(), tasks.end(), IsEnd);
  return 100.0 * static_cast<double>(ended) / static_cast<double>(tasks.size());
}

}  // namespace fate::scheduler
