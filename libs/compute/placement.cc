#include "compute/placement.h"

#include "base/status.h"

namespace fate::compute {

using com::webank::eggroll::core::meta::Endpoint;
using com::webank::eggroll::core::meta::Processor;
using com::webank::eggroll::core::meta::SessionMeta;
using com::webank::eggroll::core::meta::Store;
using com::webank::eggroll::core::meta::StoreLocator;

namespace {

bool HasAddress(const Endpoint& endpoint) {
  return !endpoint.host().empty() && endpoint.port() > 0;
}

}  // namespace

std::string Address(const Endpoint& endpoint) {
  return fmt::format("{}:{}", endpoint.host(), endpoint.port());
}

std::string Describe(const StoreLocator& locator) {
  return locator.namespace_() + "/" + locator.name();
}

absl::StatusOr<Placement> Placement::Create(const SessionMeta& session) {
  Placement placement;
  for (const Processor& egg : session.processors()) {
    if (egg.processortype() != "egg_pair") continue;
    if (!HasAddress(egg.commandendpoint()) || !HasAddress(egg.transferendpoint())) {
      return FailedPreconditionError(
          "egg {} of session {} has no address: its heartbeat did not reach the cluster manager",
          egg.id(), session.id());
    }
    placement.eggs_[egg.servernodeid()].push_back(egg);
  }
  if (placement.eggs_.empty()) {
    return FailedPreconditionError("session {} has no eggs; is a node manager running?",
                                   session.id());
  }
  return placement;
}

absl::Status Placement::Populate(Store* store) const {
  const int nodes = static_cast<int>(eggs_.size());
  for (auto& partition : *store->mutable_partitions()) {
    auto node = eggs_.find(partition.processor().servernodeid());
    if (node == eggs_.end()) {
      return FailedPreconditionError(
          "partition {} of table {} lies on node {}, where this session has no eggs; start that "
          "node manager and open a new session",
          partition.id(), Describe(store->storelocator()), partition.processor().servernodeid());
    }
    const auto& eggs = node->second;
    const int rank = partition.id() / nodes % static_cast<int>(eggs.size());
    *partition.mutable_processor() = eggs[rank];
    *partition.mutable_storelocator() = store->storelocator();
    partition.set_rankinnode(rank);
  }
  return absl::OkStatus();
}

Store Placement::Place(const StoreLocator& locator) const {
  std::vector<int64_t> nodes;
  for (const auto& [node, eggs] : eggs_) nodes.push_back(node);
  Store store;
  *store.mutable_storelocator() = locator;
  for (int i = 0; i < locator.total_partitions(); ++i) {
    auto* partition = store.add_partitions();
    partition->set_id(i);
    partition->mutable_processor()->set_servernodeid(nodes[i % nodes.size()]);
  }
  Populate(&store).IgnoreError();  // every node above is one of the session's
  return store;
}

std::vector<Processor> Placement::FirstEggs() const {
  std::vector<Processor> first;
  for (const auto& [node, eggs] : eggs_) first.push_back(eggs.front());
  return first;
}

}  // namespace fate::compute
