#include "rollsite/egg_settings.h"

#include <string>

#include "base/status.h"

namespace fate::rollsite {
namespace {

constexpr int64_t kMaxWaitMs = 180'000;  // upstream's

}  // namespace

absl::StatusOr<EggrollVersion> ReadEggrollVersion(const Properties& properties) {
  const std::string version = properties.Get("eggroll.version");
  if (version.starts_with('2')) return EggrollVersion::k2;
  if (version.empty() || version.starts_with('3')) return EggrollVersion::k3;
  return properties.Error("eggroll.version",
                          "give the version of this party's eggroll, 2... or 3...");
}

absl::Status ReadSessionWaits(const Properties& properties, EggSettings* settings) {
  const std::string prefix = "eggroll.rollsite.session.";
  ASSIGN_OR_RETURN(const int64_t wait_ms,
                   properties.GetInt(prefix + "wait.ms", 60'000, 0, kMaxWaitMs));
  ASSIGN_OR_RETURN(const int64_t unknown_wait_ms,
                   properties.GetInt(prefix + "unknown.wait.ms", 0, 0, kMaxWaitMs));
  settings->session_wait = absl::Milliseconds(wait_ms);
  settings->unknown_wait = absl::Milliseconds(unknown_wait_ms);
  return absl::OkStatus();
}

}  // namespace fate::rollsite
