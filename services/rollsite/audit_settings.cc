#include "rollsite/audit_settings.h"

#include "base/status.h"

namespace fate::rollsite {
namespace {

constexpr char kEnabled[] = "eggroll.rollsite.audit.enabled";
constexpr char kFolder[] = "eggroll.rollsite.audit.dir";
constexpr char kDigest[] = "eggroll.rollsite.audit.digest";

}  // namespace

uint64_t AuditSettings::digest_limit() const {
  if (digest == Digest::kNone) return 0;
  return digest == Digest::kHead ? kAuditHeadBytes : UINT64_MAX;
}

std::string AuditSettings::digest_name() const {
  if (digest == Digest::kNone) return "none";
  return digest == Digest::kHead ? fmt::format("sha256 of the first {} bytes", kAuditHeadBytes)
                                 : "sha256";
}

absl::StatusOr<AuditSettings> AuditSettings::Read(const Properties& properties,
                                                  const std::string& default_folder) {
  AuditSettings settings;
  settings.folder = properties.Get(kFolder);
  ASSIGN_OR_RETURN(const bool enabled, properties.GetBool(kEnabled, !settings.folder.empty()));
  if (!enabled) settings.folder.clear();
  if (enabled && settings.folder.empty()) settings.folder = default_folder;
  const std::string digest = properties.Get(kDigest, "head");
  if (digest != "none" && digest != "head" && digest != "sha256") {
    return properties.Error(kDigest, "write none, head (of the first bytes) or sha256");
  }
  settings.digest = digest == "none"   ? Digest::kNone
                    : digest == "head" ? Digest::kHead
                                       : Digest::kSha256;
  ASSIGN_OR_RETURN(settings.required, properties.GetBool("eggroll.rollsite.audit.required", false));
  if (settings.required && settings.folder.empty()) {
    return properties.Error("eggroll.rollsite.audit.required",
                            fmt::format("there is no audit log to require: set {}", kFolder));
  }
  ASSIGN_OR_RETURN(const int64_t bytes,
                   properties.GetInt("eggroll.rollsite.audit.file.bytes", int64_t{64} << 20,
                                     int64_t{64} << 10, int64_t{1} << 40));
  settings.file_bytes = static_cast<uint64_t>(bytes);
  return settings;
}

}  // namespace fate::rollsite
