#pragma once

// Which egg owns a partition (spec/eggroll-compute-and-storage.md 5.2, eggroll-control-plane.md
// 12). Every client of a session and rollsite use the same formula on the same order of
// processors; otherwise federation data would wait in another egg than the one asked.

#include <cstdint>
#include <map>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "eggroll/meta.pb.h"

namespace fate::compute {

class Placement {
 public:
  // Errors: kFailedPrecondition when the session has no eggs or one lacks an address.
  static absl::StatusOr<Placement> Create(
      const com::webank::eggroll::core::meta::SessionMeta& session);

  // Puts the owning egg into every partition of a store that the cluster manager placed on nodes.
  absl::Status Populate(com::webank::eggroll::core::meta::Store* store) const;
  // Places partition i on node i mod n as the cluster manager does for a new store; `locator`
  // has the number of partitions.
  com::webank::eggroll::core::meta::Store Place(
      const com::webank::eggroll::core::meta::StoreLocator& locator) const;
  // The first egg of each node.
  std::vector<com::webank::eggroll::core::meta::Processor> FirstEggs() const;

 private:
  using Processor = com::webank::eggroll::core::meta::Processor;
  std::map<int64_t, std::vector<Processor>> eggs_;  // by node id
};

// "10.0.0.1:4000"
std::string Address(const com::webank::eggroll::core::meta::Endpoint& endpoint);
// "namespace/name"
std::string Describe(const com::webank::eggroll::core::meta::StoreLocator& locator);

}  // namespace fate::compute
