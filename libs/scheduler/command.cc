#include "scheduler/command.h"

#include <fmt/format.h>

namespace fate::scheduler {
namespace {

using enum Command;

std::string_view ShortPath(Command command) {
  switch (command) {
    case kJobCreate:
      return "job/create";
    case kJobStatusUpdate:
      return "job/status/update";
    case kJobResourceApply:
      return "job/resource/apply";
    case kJobResourceReturn:
      return "job/resource/return";
    case kJobStart:
      return "job/start";
    case kJobUpdate:
      return "job/update";
    case kJobStop:
      return "job/stop";
    case kTaskResourceApply:
      return "task/resource/apply";
    case kTaskResourceReturn:
      return "task/resource/return";
    case kTaskStatusUpdate:
      return "task/status/update";
    case kTaskStart:
      return "task/start";
    case kTaskStop:
      return "task/stop";
    case kTaskCollect:
      return "task/collect";
    case kTaskRerun:
      break;
  }
  return "task/rerun";
}

bool CarriesStatus(Command command) {
  return command == kJobStatusUpdate || command == kTaskStatusUpdate || command == kTaskStop;
}

}  // namespace

std::string Path(Command command) { return fmt::format("/v2/partner/{}", ShortPath(command)); }

std::string TaskId(std::string_view job_id, std::string_view task) {
  return fmt::format("{}_{}", job_id, task);
}

Json Body(const Send& send) {
  Json body = {{"job_id", send.job_id}, {"role", send.site.role}, {"party_id", send.site.party_id}};
  if (send.command >= kTaskResourceApply) {
    body["task_id"] = TaskId(send.job_id, send.task);
    body["task_version"] = send.version;
  }
  if (CarriesStatus(send.command)) body["status"] = Name(send.status);
  if (send.command == kJobUpdate) body["progress"] = send.progress;
  if (send.command == kTaskRerun) body["new_version"] = send.new_version;
  if (!send.message.empty()) body["message"] = send.message;
  return body;
}

std::string Describe(const Send& send) {
  std::string text(ShortPath(send.command));
  if (send.command >= kTaskResourceApply) {
    text += fmt::format(" {} v{}", send.task, send.version);
  }
  if (CarriesStatus(send.command)) text += fmt::format(" {}", Name(send.status));
  if (send.command == kJobUpdate) text += fmt::format(" {:.1f}", send.progress);
  if (send.command == kTaskRerun) text += fmt::format(" -> v{}", send.new_version);
  if (!send.message.empty()) text += fmt::format(" ({})", send.message);
  return text;
}

}  // namespace fate::scheduler
