#include "fate_component/task_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <set>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"
#include "base/text.h"
#include "fate_component/json_fields.h"

namespace fate::component {
namespace {

using nlohmann::json;

constexpr const char* kLevels[] = {"DEBUG", "INFO", "WARNING", "ERROR"};

// Unknown levels (CRITICAL) take errors.
log::Level ParseLevel(const json& level) {
  for (int i = 0; i < 4; ++i) {
    if (level == kLevels[i]) return log::Level(i);
  }
  return log::Level::kError;
}

std::string Now() {
  absl::Time now = absl::Now();
  return absl::FormatTime("%Y-%m-%d %H:%M:%S", now, absl::LocalTimeZone()) +
         fmt::format(",{:03}", absl::ToUnixMillis(now) % 1000);
}

std::string LineOf(log::Level level, const std::string& module, const std::string& source,
                   const std::string& message) {
  std::string head = fmt::format("[{}][{}][{}][{}]", kLevels[int(level)], Now(), getpid(), module);
  if (source.empty()) return fmt::format("{}[line:0]: {}\n", head, message);
  return fmt::format("{} - {}: {}\n", head, source, message);
}

}  // namespace

TaskLog::TaskLog(const json& logger_config, std::string module) : module_(std::move(module)) {
  std::set<std::string> seen;
  const json& handlers = Member(logger_config, "handlers");
  if (!handlers.is_object()) return;
  for (const json& handler : handlers) {
    const json& path = Member(handler, "filename");
    bool filtered = !Member(handler, "filters").is_null();
    if (!path.is_string() || filtered || !seen.insert(path).second) continue;
    files_.push_back({ParseLevel(Member(handler, "level")), path});
  }
}

TaskLog::~TaskLog() {
  for (const File& file : files_) {
    if (file.descriptor >= 0) close(file.descriptor);
  }
}

void TaskLog::Append(File& file, const std::string& line) {
  if (file.broken) return;
  if (file.descriptor < 0) {
    std::error_code ignored;
    std::filesystem::create_directories(std::filesystem::path(file.path).parent_path(), ignored);
    file.descriptor = open(file.path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  }
  // One write for a line: other processes of this party append to the same file.
  if (file.descriptor < 0 || write(file.descriptor, line.data(), line.size()) < 0) {
    file.broken = true;
    std::fprintf(stderr, "cannot write log file %s: %s\n", file.path.c_str(), std::strerror(errno));
  }
}

void TaskLog::Write(log::Level level, const std::string& source, const std::string& message) {
  std::string line = LineOf(level, module_, source, message);
  std::lock_guard lock(mutex_);
  for (File& file : files_) {
    if (level >= file.level) Append(file, line);
  }
}

}  // namespace fate::component
