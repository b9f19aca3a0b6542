#pragma once

// Keys of the audit log.

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "base/properties.h"

namespace fate::rollsite {

struct AuditSettings {
  enum class Digest { kNone, kHead, kSha256 };

  std::string folder;                        // eggroll.rollsite.audit.dir; "": no audit log
  Digest digest = Digest::kHead;             // .audit.digest: none, head or sha256
  bool required = false;                     // .audit.required: no record, no call
  uint64_t file_bytes = uint64_t{64} << 20;  // .audit.file.bytes: a file is closed beyond that

  // How many bytes of a direction are digested.
  uint64_t digest_limit() const;
  std::string digest_name() const;

  // eggroll.rollsite.audit.enabled without a folder: `default_folder`. Errors name the key.
  static absl::StatusOr<AuditSettings> Read(const Properties& properties,
                                            const std::string& default_folder);
};

// Of the first bytes of each direction, enough to tell messages apart: 0.4 us and less.
inline constexpr uint64_t kAuditHeadBytes = 512;
// Records that wait for the writer, in memory.
inline constexpr size_t kMaxAuditBacklogBytes = size_t{16} << 20;

}  // namespace fate::rollsite
