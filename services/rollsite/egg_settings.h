#pragma once

// What decides how pushes reach this party's eggs (docs/operations.md):
// eggroll.rollsite.session..., and eggroll.version of OSX.

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/properties.h"

namespace fate::rollsite {

// Whose messages eggs and cluster manager understand (spec/eggroll-compute-and-storage.md 19.1).
enum class EggrollVersion { k2, k3 };

struct EggSettings {
  // eggroll.rollsite.session.wait.ms: for a session that starts.
  absl::Duration session_wait = absl::Seconds(60);
  // eggroll.rollsite.session.unknown.wait.ms: for one that nobody has asked for yet.
  absl::Duration unknown_wait = absl::ZeroDuration();
  // eggroll.version: "2..." or "3..."
  EggrollVersion version = EggrollVersion::k3;
};

// Errors of both: kInvalidArgument naming file, line, key and remedy.
absl::StatusOr<EggrollVersion> ReadEggrollVersion(const Properties& properties);
absl::Status ReadSessionWaits(const Properties& properties, EggSettings* settings);

}  // namespace fate::rollsite
