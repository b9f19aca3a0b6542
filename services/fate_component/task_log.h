#pragma once

// The log files of a task and of its party, as conf.logger.config names them: a Python logging
// dictionary whose file handlers each take the lines from their level on (spec/fate-flow.md 15.3).
//
//   [INFO][2026-11-21 10:00:00,123][4242][psi.run][line:0]: message
//   [INFO][2026-11-21 10:00:00,123][4242][secure_add_example.run] - secure_add_guest.py[line:96]: m
//
// Files are opened when their first line comes. A file that cannot be written is reported once on
// standard error; the task goes on. Thread-safe.

#include <mutex>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/log.h"

namespace fate::component {

class TaskLog {
 public:
  // module: "psi.run", in every line.
  TaskLog(const nlohmann::json& logger_config, std::string module);
  ~TaskLog();
  TaskLog(const TaskLog&) = delete;
  TaskLog& operator=(const TaskLog&) = delete;

  // `source` may be empty.
  void Write(log::Level level, const std::string& source, const std::string& message);

 private:
  struct File {
    log::Level level;
    std::string path;
    int descriptor = -1;
    bool broken = false;
  };
  static void Append(File& file, const std::string& line);

  std::string module_;
  std::mutex mutex_;
  std::vector<File> files_;
};

}  // namespace fate::component
