#pragma once

// Words about answers, for logs, error texts and replies.

#include "scheduler/job.h"

namespace fate::scheduler::internal {

inline bool Succeeded(const PartyAnswer& answer) { return answer.code == 0; }

// The answers that are no success.
std::vector<PartyAnswer> Failures(const Round& round);
// "host 10000: <message>; guest 9999: <message>"
std::string Explain(const std::vector<PartyAnswer>& answers);
// {"guest": {"9999": {"code": 0, "message": "success"}}} (spec/fate-flow.md 7, "Result map")
std::string ResultMap(const Round& round);

}  // namespace fate::scheduler::internal
