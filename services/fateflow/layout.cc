#include "fateflow/layout.h"

#include <filesystem>
#include <fstream>
#include <initializer_list>

#include "base/names.h"
#include "base/status.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

absl::StatusOr<std::string> Below(std::string path, std::initializer_list<std::string> pieces) {
  for (const std::string& piece : pieces) {
    if (auto name = SessionId::Parse(piece); !name.ok()) return name.status();
    path += "/" + piece;
  }
  return path;
}

}  // namespace

absl::StatusOr<std::string> Layout::JobDir(const std::string& job_id) const {
  return Below(home_ + "/jobs", {job_id});
}

absl::StatusOr<std::string> Layout::JobLogDir(const std::string& job_id) const {
  return Below(home_ + "/logs", {job_id});
}

absl::StatusOr<std::string> Layout::PartyLogDir(const JobKey& key) const {
  return Below(home_ + "/logs", {key.job_id, key.role, key.party_id});
}

absl::StatusOr<std::string> Layout::TaskLogDir(const JobKey& key,
                                               const std::string& task_name) const {
  return Below(home_ + "/logs", {key.job_id, key.role, key.party_id, task_name});
}

absl::StatusOr<std::string> Layout::TaskDir(const TaskKey& key,
                                            const std::string& task_name) const {
  return Below(home_ + "/jobs",
               {key.job_id, key.role, key.party_id, task_name, std::to_string(key.version)});
}

absl::Status MakeDirectories(const std::string& path) {
  std::error_code error;
  fs::create_directories(path, error);
  if (!error || fs::is_directory(path)) return absl::OkStatus();
  return InternalError("cannot create folder {}: {}", path, error.message());
}

absl::Status WriteTextFile(const std::string& path, std::string_view text) {
  std::string temporary = path + ".new";
  std::ofstream file(temporary, std::ios::binary | std::ios::trunc);
  file.write(text.data(), static_cast<std::streamsize>(text.size()));
  file.close();
  std::error_code error;
  if (file) fs::rename(temporary, path, error);
  if (file && !error) return absl::OkStatus();
  return ResourceExhaustedError("cannot write {}; check free space and permissions", path);
}

absl::StatusOr<std::string> ReadTextFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return NotFoundError("file {} cannot be read", path);
  return std::string{std::istreambuf_iterator<char>(file), {}};
}

}  // namespace fate::flow
