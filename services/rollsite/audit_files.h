#pragma once

// The files of an audit log, written by one thread. Each start and each rotation begins a new file
// named after its first record, audit-<number>.jsonl; old files are never touched again. What
// cannot be written now (a full disk) is kept and tried again with the next Write.

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "audit/chain.h"
#include "rollsite/audit_settings.h"

namespace fate::rollsite {

class AuditFiles {
 public:
  // Goes on behind the newest record in the folder, which is made if needed. Errors:
  // kFailedPrecondition (another process writes there, or the last record is damaged),
  // kUnavailable.
  static absl::StatusOr<std::unique_ptr<AuditFiles>> Open(const AuditSettings& settings,
                                                          const std::string& party);
  ~AuditFiles();
  AuditFiles(const AuditFiles&) = delete;
  AuditFiles& operator=(const AuditFiles&) = delete;

  // Where records are put; what is there is written by Write.
  audit::Chain* chain() { return &chain_; }
  std::string* pending() { return &pending_; }

  // Error: kUnavailable naming file, reason and remedy; nothing is lost, the rest stays pending.
  absl::Status Write();
  // Begins the next file if this one has grown large and nothing is pending.
  absl::Status RotateIfLarge();
  // To the disk, if anything was written since.
  void Sync();
  // The close record.
  absl::Status Close(std::string_view why);

 private:
  AuditFiles(const AuditSettings& settings, std::string party)
      : settings_(settings), party_(std::move(party)) {}
  absl::Status Lock();
  absl::Status FindEnd(audit::Open* open);
  absl::Status ReadEnd(const std::string& path, audit::Open* open, bool* found);
  absl::Status StartFile(audit::Open open);
  absl::Status Failed(std::string_view what) const;

  const AuditSettings settings_;
  const std::string party_;
  audit::Chain chain_;
  std::string pending_, path_;
  uint64_t written_bytes_ = 0;
  int lock_ = -1, file_ = -1;
  bool dirty_ = false;
};

}  // namespace fate::rollsite
