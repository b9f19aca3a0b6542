#pragma once

// What rollsite reads from eggroll.properties (spec/deployment.md 10.1).

#include <string>

#include "absl/status/statusor.h"
#include "relay/socket.h"

namespace fate::rollsite {

struct Config {
  relay::Address listen;           // eggroll.rollsite.host, .port
  int admin_port = 19370;          // eggroll.rollsite.admin.port
  std::string party_id;            // eggroll.rollsite.party.id; may be "" with self_party
  std::string route_table;         // eggroll.rollsite.route.table.path
  relay::Address cluster_manager;  // eggroll.resourcemanager.clustermanager.host, .port

  // Errors: kInvalidArgument naming file, line, key and remedy.
  static absl::StatusOr<Config> Load(const std::string& path);
};

}  // namespace fate::rollsite
