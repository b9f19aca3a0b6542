#include "fateflow/schedule_log.h"

#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/log.h"
#include "base/status.h"

namespace fate::flow {
namespace {

std::string Line(std::string_view level, std::string_view text, absl::Time now) {
  return fmt::format("[{}][{}][{}][scheduler]: {}\n", level,
                     absl::FormatTime("%Y-%m-%d %H:%M:%E3S", now, absl::LocalTimeZone()), getpid(),
                     text);
}

}  // namespace

void ScheduleLog::Info(const std::string& job_id, std::string_view text, absl::Time now) const {
  Append(job_id, "fate_flow_schedule.log", Line("INFO", text, now));
}

void ScheduleLog::Error(const std::string& job_id, std::string_view text, absl::Time now) const {
  std::string line = Line("ERROR", text, now);
  Append(job_id, "fate_flow_schedule.log", line);
  Append(job_id, "fate_flow_schedule_error.log", line);
}

void ScheduleLog::Append(const std::string& job_id, const char* file,
                         const std::string& line) const {
  if (folder_.empty()) return;
  std::filesystem::path path = std::filesystem::path(folder_) / job_id;
  std::error_code error;
  std::filesystem::create_directories(path, error);
  std::ofstream stream(path / file, std::ios::app);
  stream << line;
  if (!stream.flush()) log::Warning("cannot write {}; is the disk full?", (path / file).string());
}

}  // namespace fate::flow
