#include "fate_component/files.h"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "base/limits.h"
#include "base/status.h"

namespace fate::component {

absl::StatusOr<std::string> ReadFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  if (!file) return NotFoundError("cannot read {}: {}", path, std::strerror(errno));
  auto size = size_t(file.tellg());
  if (size > kMaxHttpBodyBytes) {
    return ResourceExhaustedError("{} has {} bytes; at most {} are read", path, size,
                                  kMaxHttpBodyBytes);
  }
  std::string content(size, '\0');
  file.seekg(0);
  if (!file.read(content.data(), std::streamsize(size))) {
    return DataLossError("reading {} failed", path);
  }
  return content;
}

absl::Status WriteFile(const std::string& path, const std::string& content) {
  std::error_code error;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path(), error);
  std::string part = fmt::format("{}.{}.part", path, getpid());
  std::ofstream file(part, std::ios::binary);
  file << content;
  file.close();
  if (file) std::filesystem::rename(part, path, error);
  if (file && !error) return absl::OkStatus();
  std::string reason = error ? error.message() : std::strerror(errno);
  std::filesystem::remove(part, error);
  return InternalError("cannot write {}: {}", path, reason);
}

}  // namespace fate::component
