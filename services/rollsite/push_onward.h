#pragma once

// A queue push whose target is another party: goes on as `invoke` to the next gateway, whose
// answer becomes the push's (spec/rollsite.md 5.5). The message is wrapped while it passes by:
// Inbound{payload = PushInbound} is the PushInbound behind a few bytes.

#include "rollsite/gateway.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {

// Sets the stream's handler and starts the second leg. `context`: of `head`.
void PushOnward(Gateway* gateway, const Target& target, relay::Stream* stream, relay::Headers head,
                const PtpContext& context);

}  // namespace fate::rollsite
