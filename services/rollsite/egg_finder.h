#pragma once

// Which egg takes a partition that a peer pushes (spec/rollsite.md 6.3, steps 1-4): asks the
// cluster manager for the receiving session and for the table, and remembers both for 10 s.

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "compute/placement.h"
#include "eggroll/meta.pb.h"
#include "relay/client_call.h"
#include "rollsite/egg_settings.h"
#include "rollsite/packet_codec.h"

namespace fate::rollsite {

// One command call (spec/eggroll-control-plane.md 1.2); `done` gets its one result.
std::shared_ptr<relay::ClientCall> CallCommand(
    relay::Upstreams* upstreams, const relay::Address& address, const std::string& uri,
    const google::protobuf::MessageLite& argument, absl::Duration timeout,
    std::function<void(absl::StatusOr<std::string>)> done);

struct EggPlace {
  com::webank::eggroll::core::meta::Store store;
  com::webank::eggroll::core::meta::Partition partition;  // with the egg that owns it
  relay::Address command, transfer;
};

class EggFinder {
 public:
  using Done = std::function<void(absl::StatusOr<EggPlace>)>;
  // Letting go of it ends the search without an answer.
  class Search;

  EggFinder(relay::Upstreams* upstreams, relay::Address cluster_manager,
            const EggSettings& settings);
  ~EggFinder();

  // Waits while the session is starting, and while it is unknown if so set, each as long as the
  // settings say and both no longer than `patience`. `header` names a partition in range.
  // Errors: kUnavailable (worth another try later: the session is unknown or still starting, or the
  // cluster manager is away) and kInternal (the session has ended, has no eggs), naming the
  // session.
  std::shared_ptr<Search> Find(const RollSiteHeader& header, absl::Duration patience, Done done);
  // What was remembered about the session turned out to be wrong.
  void Forget(const std::string& session_id);

 private:
  struct Session;
  using SessionMeta = com::webank::eggroll::core::meta::SessionMeta;
  void Ask(const std::string& session_id);
  void OnSession(const std::string& session_id, absl::StatusOr<std::string> answer);
  void OnActive(const std::string& session_id, const SessionMeta& meta);
  void OnNotThere(const std::string& session_id, const std::string& status);
  void AskAgain(const std::string& session_id);
  void WaitUntil(const std::shared_ptr<Search>& search, absl::Time end);
  void Abandon(const std::string& session_id);
  void Tell(const std::string& session_id, const absl::Status& status);
  void FindStore(const std::shared_ptr<Search>& search);
  void OnStore(const std::shared_ptr<Search>& search, absl::StatusOr<std::string> answer);
  void Finish(Search* search, absl::StatusOr<EggPlace> place);
  void Trim();

  relay::Upstreams* const upstreams_;
  relay::EventLoop* const loop_;
  const relay::Address cluster_manager_;
  const EggSettings settings_;
  std::map<std::string, Session> sessions_;
};

}  // namespace fate::rollsite
