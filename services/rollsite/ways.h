#pragma once

// What calls that go on need of the route table, worked out at the first of them: looking a party
// up and wording an error nobody may ever see costs more than passing a small message on.

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "relay/forward.h"
#include "routing/route_table.h"

namespace fate::rollsite {

// One endpoint as calls to one party see it.
struct Way {
  routing::Endpoint endpoint;
  bool own = false;   // of one's own party: its fateflow
  std::string where;  // "route_table.10000.default[0] of route_table.json"
  std::shared_ptr<const relay::TargetText> text;
};

// Not thread-safe: of the relay's thread.
class Ways {
 public:
  // The next way to a party and role of `table`, in turn; good until the next call.
  // Error: kNotFound as RouteTable::Find.
  absl::StatusOr<const Way*> Next(const std::shared_ptr<const routing::RouteTable>& table,
                                  const std::string& table_path, std::string_view party,
                                  std::string_view role);

 private:
  struct Entry {
    std::vector<std::unique_ptr<const Way>> ways;  // null: not asked for yet
    size_t turn = 0;
  };

  std::shared_ptr<const routing::RouteTable> table_;  // that of all entries
  std::map<std::string, Entry, std::less<>> entries_;
  std::string key_;  // party and role of the call at hand
};

}  // namespace fate::rollsite
