#pragma once

// The commands of the cluster manager a computing client needs (spec/eggroll-control-plane.md 3).
// While nobody answers, a call is repeated for some seconds: all of these may be sent twice.
// Internal to this library.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "eggroll/meta.pb.h"
#include "rpc/command.h"

namespace fate::compute {

class ClusterManager {
 public:
  using SessionMeta = com::webank::eggroll::core::meta::SessionMeta;
  using Store = com::webank::eggroll::core::meta::Store;
  using StoreList = com::webank::eggroll::core::meta::StoreList;

  explicit ClusterManager(std::string endpoint) : endpoint_(std::move(endpoint)) {}

  absl::StatusOr<SessionMeta> GetOrCreateSession(const SessionMeta& session,
                                                 absl::Duration timeout) const;
  absl::Status StopSession(const SessionMeta& session) const;
  absl::Status KillSession(const SessionMeta& session, absl::Duration patience) const;

  // An unknown store is an empty message.
  absl::StatusOr<Store> GetStore(const Store& store) const;
  absl::StatusOr<Store> GetOrCreateStore(const Store& store) const;
  absl::Status DeleteStore(const Store& store) const;
  absl::StatusOr<StoreList> GetStoresFromNamespace(const Store& pattern) const;

  const std::string& endpoint() const { return endpoint_; }

 private:
  template <class Result, class Argument>
  absl::StatusOr<Result> Call(const std::string& command, const Argument& argument,
                              absl::Duration timeout, absl::Duration patience) const;

  std::string endpoint_;
  rpc::CommandClient commands_;
};

}  // namespace fate::compute
