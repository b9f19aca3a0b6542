#pragma once

// Names of federation data (spec/eggroll-compute-and-storage.md 10.1, spec/rollsite.md 2.4).

#include <string>

#include "eggroll/transfer.pb.h"

namespace fate::wire {

using RollSiteHeader = com::webank::eggroll::core::transfer::RollSiteHeader;

// "__rsk#<session>#<name>#<tag>#<srcRole>#<srcParty>#<dstRole>#<dstParty>"
std::string RollSiteKey(const RollSiteHeader& header);
// "putBatch-<rs key>-<partition>": task id, broker tag and status key.
std::string BrokerTag(const std::string& roll_site_key, int partition);
// "<rollSiteSessionId>_<role>_<party>": the computing session at the receiving party.
std::string ReceivingSession(const RollSiteHeader& header);

// How a rollsite words that the receiving session is not active (spec/rollsite.md 6.3, step 2):
// "eggroll session <id> invalid status : <status>". With UNAVAILABLE it is worth pushing again.
inline constexpr char kInvalidStatus[] = "invalid status : ";

inline constexpr char kStatusStoreName[] = "__rs_status";
inline constexpr char kFinishPartition[] = "finish_partition";

}  // namespace fate::wire
