#include "rollsite/audit_files.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <vector>

#include "absl/time/clock.h"
#include "base/log.h"
#include "base/status.h"

namespace fate::rollsite {
namespace {

namespace fs = std::filesystem;

constexpr mode_t kFileMode = 0640, kFolderMode = 0750;
constexpr char kPrefix[] = "audit-", kSuffix[] = ".jsonl";

int64_t NowMicros() { return absl::GetCurrentTimeNanos() / 1000; }

// Newest first.
std::vector<std::string> FilesOf(const std::string& folder) {
  std::vector<std::string> paths;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(kPrefix) && name.ends_with(kSuffix)) paths.push_back(entry.path());
  }
  std::sort(paths.rbegin(), paths.rend());
  return paths;
}

}  // namespace

absl::StatusOr<std::unique_ptr<AuditFiles>> AuditFiles::Open(const AuditSettings& settings,
                                                             const std::string& party) {
  std::unique_ptr<AuditFiles> files(new AuditFiles(settings, party));
  RETURN_IF_ERROR(files->Lock());
  audit::Open open;
  RETURN_IF_ERROR(files->FindEnd(&open));
  RETURN_IF_ERROR(files->StartFile(std::move(open)));
  return files;
}

AuditFiles::~AuditFiles() {
  if (file_ >= 0) close(file_);
  if (lock_ >= 0) close(lock_);
}

absl::Status AuditFiles::Failed(std::string_view what) const {
  return UnavailableError(
      "the audit log cannot be written: {} {}: {}; free space and check the owner of {} "
      "(eggroll.rollsite.audit.dir)",
      what, path_, std::strerror(errno), settings_.folder);
}

// One writer for a folder: two would fork the chain.
absl::Status AuditFiles::Lock() {
  std::error_code error;
  fs::create_directories(fs::path(settings_.folder).parent_path(), error);
  mkdir(settings_.folder.c_str(), kFolderMode);
  path_ = (fs::path(settings_.folder) / "lock").string();
  lock_ = open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode);
  if (lock_ < 0) return Failed("opening");
  if (flock(lock_, LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return FailedPreconditionError(
      "another process writes the audit log in {}; give each rollsite its own "
      "eggroll.rollsite.audit.dir",
      settings_.folder);
}

absl::Status AuditFiles::FindEnd(audit::Open* open) {
  for (const std::string& path : FilesOf(settings_.folder)) {
    bool found = false;
    RETURN_IF_ERROR(ReadEnd(path, open, &found));
    if (found) return absl::OkStatus();
    // Its writer was killed before the first record was whole: there is nothing in it.
    std::error_code error;
    fs::remove(path, error);
  }
  return absl::OkStatus();
}

// The last whole record of a file, and what was left behind it.
absl::Status AuditFiles::ReadEnd(const std::string& path, audit::Open* open, bool* found) {
  std::ifstream file(path, std::ios::binary | std::ios::ate);
  const auto size = static_cast<int64_t>(file.tellg());
  const int64_t start = std::max<int64_t>(0, size - 2 * static_cast<int64_t>(audit::kMaxLineBytes));
  std::string text(static_cast<size_t>(std::max<int64_t>(0, size - start)), '\0');
  file.seekg(start);
  file.read(text.data(), static_cast<std::streamsize>(text.size()));
  path_ = path;
  if (!file) return Failed("reading");
  const size_t end = text.rfind('\n');
  if (end == std::string::npos) return absl::OkStatus();
  const std::string torn = text.substr(end + 1);
  const size_t before = end == 0 ? std::string::npos : text.rfind('\n', end - 1);
  const size_t line_start = before == std::string::npos ? 0 : before + 1;
  const auto line = audit::ParseLine(std::string_view(text).substr(line_start, end - line_start));
  if (!line) {
    return FailedPreconditionError(
        "the last record of {} is damaged, so the audit log cannot go on from it; look at it with "
        "'fate audit verify', then move the old files away or name another folder in "
        "eggroll.rollsite.audit.dir",
        path);
  }
  chain_ = audit::Chain(line->number, line->hash);
  open->previous = line->hash;
  open->after = line->kind == "close" && torn.empty() ? "close" : "crash";
  open->torn_bytes = torn.size();
  if (!torn.empty()) open->torn = audit::Sha256(torn);
  if (open->after == "crash") {
    log::Warning("the audit log {} was not closed: calls of its last moments may be missing", path);
  }
  *found = true;
  return absl::OkStatus();
}

absl::Status AuditFiles::StartFile(audit::Open open) {
  const std::string name = fmt::format("{}{:012}{}", kPrefix, chain_.last() + 1, kSuffix);
  path_ = (fs::path(settings_.folder) / name).string();
  const int file =
      ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, kFileMode);
  if (file < 0) return Failed("creating");
  if (file_ >= 0) close(file_);
  file_ = file;
  written_bytes_ = 0;
  open.time_us = NowMicros();
  open.party = party_;
  open.digest = settings_.digest_name();
  chain_.Begin(&pending_);
  audit::AppendOpen(open, &pending_);
  chain_.End(&pending_);
  return absl::OkStatus();
}

absl::Status AuditFiles::Write() {
  size_t done = 0;
  absl::Status status;
  while (done < pending_.size()) {
    const ssize_t wrote = write(file_, pending_.data() + done, pending_.size() - done);
    if (wrote < 0 && errno == EINTR) continue;
    if (wrote < 0) {
      status = Failed("writing");
      break;
    }
    done += static_cast<size_t>(wrote);
    dirty_ = true;
  }
  pending_.erase(0, done);
  written_bytes_ += done;
  return status;
}

absl::Status AuditFiles::RotateIfLarge() {
  if (written_bytes_ < settings_.file_bytes || !pending_.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Close("the file is full"));
  log::Info("audit log {} ends with record {}", path_, chain_.last());
  return StartFile({.previous = chain_.hash(), .after = "close"});
}

void AuditFiles::Sync() {
  if (std::exchange(dirty_, false)) fdatasync(file_);
}

absl::Status AuditFiles::Close(std::string_view why) {
  chain_.Begin(&pending_);
  audit::AppendClose(NowMicros(), why, &pending_);
  chain_.End(&pending_);
  RETURN_IF_ERROR(Write());
  Sync();
  return absl::OkStatus();
}

}  // namespace fate::rollsite
