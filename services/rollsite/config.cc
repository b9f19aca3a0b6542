#include "rollsite/config.h"

#include "base/names.h"
#include "base/properties.h"
#include "base/status.h"
#include "daemon/eggroll_settings.h"

namespace fate::rollsite {

absl::StatusOr<Config> Config::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Properties properties, Properties::Load(path));
  Config config;
  config.listen.host = properties.Get("eggroll.rollsite.host", "127.0.0.1");
  if (!relay::IsNumeric(config.listen.host)) {
    return properties.Error("eggroll.rollsite.host",
                            "give a numeric address of this machine, or 0.0.0.0 for all");
  }
  ASSIGN_OR_RETURN(config.listen.port,
                   properties.GetPort("eggroll.rollsite.port", 9370, /*allow_zero=*/true));
  ASSIGN_OR_RETURN(config.admin_port, daemon::AdminPort(properties, "eggroll.rollsite.admin.port",
                                                        config.listen.port));
  config.party_id = properties.Get("eggroll.rollsite.party.id");
  if (auto id = PartyId::Parse(config.party_id); !config.party_id.empty() && !id.ok()) {
    return properties.Error("eggroll.rollsite.party.id", Message(id.status()));
  }
  config.route_table = properties.Get("eggroll.rollsite.route.table.path", "conf/route_table.json");
  config.cluster_manager.host =
      properties.Get("eggroll.resourcemanager.clustermanager.host", "127.0.0.1");
  ASSIGN_OR_RETURN(config.cluster_manager.port,
                   properties.GetPort("eggroll.resourcemanager.clustermanager.port", 4670));
  return config;
}

}  // namespace fate::rollsite
