#include "base/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <nlohmann/json.hpp>
#include <optional>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "base/status.h"

namespace fate::log {
namespace {

Options& CurrentOptions() {
  static Options options;
  return options;
}

thread_local Scope::Ids current_ids;

std::string_view Name(Level level) {
  switch (level) {
    case Level::kDebug:
      return "debug";
    case Level::kInfo:
      return "info";
    case Level::kWarning:
      return "warning";
    case Level::kError:
      return "error";
  }
  return "error";
}

std::optional<Level> ParseLevel(std::string_view text) {
  for (Level level : {Level::kDebug, Level::kInfo, Level::kWarning, Level::kError}) {
    if (Name(level) == text) return level;
  }
  return std::nullopt;
}

spdlog::level::level_enum ToSpdlog(Level level) {
  switch (level) {
    case Level::kDebug:
      return spdlog::level::debug;
    case Level::kInfo:
      return spdlog::level::info;
    case Level::kWarning:
      return spdlog::level::warn;
    case Level::kError:
      return spdlog::level::err;
  }
  return spdlog::level::err;
}

// A multi-line message must not pass for several lines.
std::string OneLine(std::string_view message) {
  std::string line;
  line.reserve(message.size());
  for (char c : message) {
    if (c == '\n') {
      line += "\\n";
    } else if (static_cast<unsigned char>(c) < 0x20 && c != '\t') {
      line += '?';
    } else {
      line += c;
    }
  }
  return line;
}

}  // namespace

absl::Status Init(const Options& options) {
  auto level = ParseLevel(options.level);
  if (!level) {
    return InvalidArgumentError("log level '{}' is unknown; use debug, info, warning or error",
                                options.level);
  }
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    auto logger = std::make_shared<spdlog::logger>(options.service, sink);
    logger->set_pattern("%v");
    logger->set_level(ToSpdlog(*level));
    logger->flush_on(spdlog::level::debug);
    spdlog::set_default_logger(logger);
  } catch (const spdlog::spdlog_ex& error) {
    return UnavailableError("cannot open log file '{}': {}", options.file, error.what());
  }
  CurrentOptions() = options;
  return absl::OkStatus();
}

Scope::Scope(Ids ids) : saved_(std::exchange(current_ids, std::move(ids))) {}
Scope::~Scope() { current_ids = std::move(saved_); }

bool Enabled(Level level) { return spdlog::should_log(ToSpdlog(level)); }

std::string FormatLine(const Options& options, Level level, std::string_view time,
                       std::string_view message) {
  if (options.json) {
    nlohmann::ordered_json line;
    line["time"] = time;
    line["level"] = Name(level);
    line["service"] = options.service;
    if (!current_ids.job.empty()) line["job"] = current_ids.job;
    if (!current_ids.session.empty()) line["session"] = current_ids.session;
    line["message"] = message;
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  std::string upper(Name(level));
  for (char& c : upper) c = static_cast<char>(c - 'a' + 'A');
  std::string line = fmt::format("{} {} {} ", time, upper, options.service);
  if (!current_ids.job.empty() || !current_ids.session.empty()) {
    line += "[";
    if (!current_ids.job.empty()) line += "job=" + current_ids.job;
    if (!current_ids.session.empty()) {
      line += (current_ids.job.empty() ? "session=" : " session=") + current_ids.session;
    }
    line += "] ";
  }
  return line + OneLine(message);
}

void Write(Level level, std::string_view message) {
  if (!Enabled(level)) return;
  std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3S", absl::Now(), absl::LocalTimeZone());
  spdlog::default_logger_raw()->log(ToSpdlog(level),
                                    FormatLine(CurrentOptions(), level, time, message));
}

}  // namespace fate::log
