#pragma once

// The scheduler's log of each job, shown by /log/query (spec/fate-flow.md 5.6):
// <folder>/<job>/fate_flow_schedule.log and, for errors, also fate_flow_schedule_error.log.
// Written by one thread.

#include <string>
#include <string_view>

#include "absl/time/time.h"

namespace fate::flow {

class ScheduleLog {
 public:
  // `folder`: "" writes nothing.
  explicit ScheduleLog(std::string folder) : folder_(std::move(folder)) {}

  void Info(const std::string& job_id, std::string_view text, absl::Time now) const;
  void Error(const std::string& job_id, std::string_view text, absl::Time now) const;

 private:
  void Append(const std::string& job_id, const char* file, const std::string& line) const;
  std::string folder_;
};

}  // namespace fate::flow
