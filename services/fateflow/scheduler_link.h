#pragma once

// Connects the party side to the scheduler half: its driver, the client of other parties' flow
// servers and the gRPC address they call.

#include "fateflow/service.h"

namespace fate::flow {

// A MakeScheduler. Error: kUnavailable when the gRPC address is taken (at Start).
absl::StatusOr<std::unique_ptr<SchedulerSide>> LinkScheduler(const Config& config,
                                                             sql::Database& database,
                                                             Dispatch dispatch);

}  // namespace fate::flow
