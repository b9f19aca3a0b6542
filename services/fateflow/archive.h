#pragma once

// Tar, gzipped tar and zip files (libarchive). Unpacking refuses entries that would leave the
// target folder.

#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::flow {

enum class ArchiveFormat { kTar, kTarGz, kZip };

struct ArchiveMember {
  std::string name;  // inside the archive
  std::string path;  // on disk
};

absl::Status PackFiles(const std::vector<ArchiveMember>& members, const std::string& archive_path,
                       ArchiveFormat format);
// Regular files below `directory` by their relative names, sorted.
std::vector<ArchiveMember> FilesBelow(const std::string& directory, const std::string& prefix = "");

// Errors: kInvalidArgument for a damaged archive or an entry that points elsewhere.
absl::Status Unpack(const std::string& archive_path, const std::string& directory);

// Calls `visit` with name and content of every regular file.
// Error: kResourceExhausted for a member larger than `max_bytes`.
absl::Status ReadMembers(
    const std::string& archive_path, size_t max_bytes,
    const std::function<absl::Status(const std::string& name, const std::string& content)>& visit);

}  // namespace fate::flow
