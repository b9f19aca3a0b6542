#pragma once

// Where the files of jobs lie below FLOW_HOME (spec/fate-flow.md 1, 15.1). Every name that
// becomes part of a path is checked: no slash, no "..".

#include <string>

#include "fateflow/job_store.h"

namespace fate::flow {

class Layout {
 public:
  explicit Layout(std::string home) : home_(std::move(home)) {}

  const std::string& home() const { return home_; }
  std::string temp_dir() const { return home_ + "/temps"; }

  // Error: kInvalidArgument naming the part that is no safe name. Nothing is created.
  absl::StatusOr<std::string> JobDir(const std::string& job_id) const;
  absl::StatusOr<std::string> JobLogDir(const std::string& job_id) const;
  absl::StatusOr<std::string> PartyLogDir(const JobKey& key) const;
  absl::StatusOr<std::string> TaskLogDir(const JobKey& key, const std::string& task_name) const;
  // jobs/<job>/<role>/<party>/<task>/<version>
  absl::StatusOr<std::string> TaskDir(const TaskKey& key, const std::string& task_name) const;

 private:
  std::string home_;
};

// Error: kInternal naming folder and reason.
absl::Status MakeDirectories(const std::string& path);
// Written beside and renamed, so that nobody sees half a file.
absl::Status WriteTextFile(const std::string& path, std::string_view text);
absl::StatusOr<std::string> ReadTextFile(const std::string& path);

}  // namespace fate::flow
