#include "wire/federation_key.h"

#include <fmt/format.h>

namespace fate::wire {

std::string RollSiteKey(const RollSiteHeader& h) {
  return fmt::format("__rsk#{}#{}#{}#{}#{}#{}#{}", h.rollsitesessionid(), h.name(), h.tag(),
                     h.srcrole(), h.srcpartyid(), h.dstrole(), h.dstpartyid());
}

std::string BrokerTag(const std::string& roll_site_key, int partition) {
  return fmt::format("putBatch-{}-{}", roll_site_key, partition);
}

std::string ReceivingSession(const RollSiteHeader& h) {
  return fmt::format("{}_{}_{}", h.rollsitesessionid(), h.dstrole(), h.dstpartyid());
}

}  // namespace fate::wire
