#pragma once

// Log lines as text or JSON, each with the job and session it belongs to.
//
//   log::Init({.service = "rollsite", .level = "info"});
//   log::Scope scope({.job = job_id, .session = session_id});   // for this thread
//   log::Info("listening on {}:{}", host, port);
//
// Text:  2026-11-21T10:00:00.123 INFO rollsite [job=J session=S] listening on ...
// JSON:  {"time":"...","level":"info","service":"rollsite","job":"J","session":"S","message":"..."}
//
// Never log a key, a token, a password or a payload.

#include <fmt/format.h>

#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace fate::log {

enum class Level { kDebug, kInfo, kWarning, kError };

struct Options {
  std::string service;
  std::string level = "info";  // debug, info, warning or error
  bool json = false;
  std::string file;  // empty: standard error
};

// Call once, before threads start. Error: kInvalidArgument for an unknown level,
// kUnavailable when the file cannot be opened.
absl::Status Init(const Options& options);

// The ids that the lines of this thread carry while the scope lives. Scopes nest.
class Scope {
 public:
  struct Ids {
    std::string job;
    std::string session;
  };
  explicit Scope(Ids ids);
  ~Scope();
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;

 private:
  Ids saved_;
};

bool Enabled(Level level);
void Write(Level level, std::string_view message);

template <class... Args>
void Debug(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kDebug)) {
    Write(Level::kDebug, fmt::format(format, std::forward<Args>(args)...));
  }
}
template <class... Args>
void Info(fmt::format_string<Args...> format, Args&&... args) {
  if (Enabled(Level::kInfo)) Write(Level::kInfo, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Warning(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kWarning, fmt::format(format, std::forward<Args>(args)...));
}
template <class... Args>
void Error(fmt::format_string<Args...> format, Args&&... args) {
  Write(Level::kError, fmt::format(format, std::forward<Args>(args)...));
}

// One line as it would be written; what the tests look at.
std::string FormatLine(const Options& options, Level level, std::string_view time,
                       std::string_view message);

}  // namespace fate::log
