#include "compute/cluster_manager.h"

#include <algorithm>

#include "absl/time/clock.h"
#include "base/status.h"

namespace fate::compute {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(10);  // for a manager that restarts
constexpr absl::Duration kCallTimeout = absl::Seconds(30);

}  // namespace

template <class Result, class Argument>
absl::StatusOr<Result> ClusterManager::Call(const std::string& command, const Argument& argument,
                                            absl::Duration timeout, absl::Duration patience) const {
  const absl::Time give_up = absl::Now() + patience;
  const std::string uri = "v1/cluster-manager/" + command;
  absl::Duration pause = absl::Milliseconds(50);
  while (true) {
    auto result = commands_.Call<Result>(endpoint_, uri, argument, timeout);
    if (result.ok() || result.status().code() != absl::StatusCode::kUnavailable) return result;
    if (absl::Now() + pause > give_up) {
      return UnavailableError(
          "cluster manager {} did not answer {} for {}; is it running (fate-clustermanager)? ({})",
          endpoint_, command, absl::FormatDuration(patience), Message(result.status()));
    }
    absl::SleepFor(pause);
    pause = std::min(pause * 2, absl::Seconds(1));
  }
}

absl::StatusOr<ClusterManager::SessionMeta> ClusterManager::GetOrCreateSession(
    const SessionMeta& session, absl::Duration timeout) const {
  return Call<SessionMeta>("session/getOrCreateSession", session, timeout, kPatience);
}

absl::Status ClusterManager::StopSession(const SessionMeta& session) const {
  return Call<SessionMeta>("session/stopSession", session, kCallTimeout, kPatience).status();
}

absl::Status ClusterManager::KillSession(const SessionMeta& session,
                                         absl::Duration patience) const {
  return Call<SessionMeta>("session/killSession", session, kCallTimeout, patience).status();
}

absl::StatusOr<ClusterManager::Store> ClusterManager::GetStore(const Store& store) const {
  return Call<Store>("metadata/getStore", store, kCallTimeout, kPatience);
}

absl::StatusOr<ClusterManager::Store> ClusterManager::GetOrCreateStore(const Store& store) const {
  return Call<Store>("metadata/getOrCreateStore", store, kCallTimeout, kPatience);
}

absl::Status ClusterManager::DeleteStore(const Store& store) const {
  return Call<Store>("metadata/deleteStore", store, kCallTimeout, kPatience).status();
}

absl::StatusOr<ClusterManager::StoreList> ClusterManager::GetStoresFromNamespace(
    const Store& pattern) const {
  return Call<StoreList>("metadata/getStoreFromNamespace", pattern, kCallTimeout, kPatience);
}

}  // namespace fate::compute
