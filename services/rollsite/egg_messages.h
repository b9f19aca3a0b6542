#pragma once

// What is asked of cluster manager and egg for a push (spec/rollsite.md 6.3, steps 3, 5 and 6), in
// the words of their version. The generated classes are those of eggroll 3; what 2.x has under the
// same numbers with another type (spec/eggroll-compute-and-storage.md 19.1) is set and kept as
// unknown fields.

#include <string>
#include <string_view>

#include "eggroll/meta.pb.h"
#include "rollsite/egg_settings.h"
#include "rollsite/packet_codec.h"

namespace fate::rollsite {

// The table that takes what is pushed, to be got or created.
com::webank::eggroll::core::meta::Store PushedStore(const RollSiteHeader& header,
                                                    EggrollVersion version);

// The command that starts the task below.
const char* RunTaskUri(EggrollVersion version);

// The task that receives the batches of one partition; `partition` with the egg that owns it.
com::webank::eggroll::core::meta::Task PutBatchTask(
    const RollSiteHeader& header, const com::webank::eggroll::core::meta::Store& store,
    const com::webank::eggroll::core::meta::Partition& partition, EggrollVersion version);

// The batch an egg gets for a packet whose body is `value_bytes` long, without the body itself.
std::string BatchPrefix(int32_t id, const std::string& tag, std::string_view ext,
                        size_t value_bytes);

}  // namespace fate::rollsite
