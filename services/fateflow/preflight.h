#pragma once

// Before a job starts: do the daemons of this party that it will need answer? All are asked at
// once, each for at most a second; a failure names daemon, address, supervised program, remedy.

#include "absl/status/status.h"
#include "fateflow/config.h"

namespace fate::flow {

// `crosses_parties`: rollsite is needed, too. Error: kUnavailable.
absl::Status Preflight(const Config& config, bool crosses_parties);

}  // namespace fate::flow
