#pragma once

// The state machine of a cluster: nodes that register and beat, sessions that start eggs on them
// (spec/eggroll-control-plane.md 6-8, 10). No I/O: Step takes one event and the time and returns
// the actions that follow.
//
//   session     NEW --all eggs RUNNING--> ACTIVE
//               NEW, ACTIVE --stop, kill--> KILLED (API)
//               NEW --start time is over--> KILLED (PROCESS_ERROR), an egg ends--> ERROR
//               ACTIVE --an egg dies, its node is lost, too old--> ERROR
//   processor   NEW --heartbeat--> RUNNING --heartbeat, check, node lost--> STOPPED KILLED ERROR
//               any of both --its session ends--> KILLED
//
// Memory holds live sessions only. The driver restores a stored one with RestoreSession before an
// event that names it; Step forgets it again once it is final. Saves of one Step belong in one
// transaction, before the other actions are carried out. Not thread-safe.

#include <map>
#include <string>
#include <unordered_map>
#include <variant>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "session/model.h"

namespace fate::session {

struct Settings {
  int eggs_per_node = 1;
  absl::Duration start_timeout = absl::Seconds(180);
  absl::Duration stop_timeout = absl::Seconds(20);  // a STOPPED egg ends its session after this
  absl::Duration max_live = absl::Hours(72);
  absl::Duration heartbeat_interval = absl::Seconds(10);
  int heartbeat_expire_count = 2;
};

// A parked call; the driver keeps how to answer it.
using CallerId = uint64_t;

// Events.
struct CreateSession {
  CallerId caller = 0;
  std::string id, name, tag;
  std::map<std::string, std::string> options;
};
struct GetSession {
  CallerId caller = 0;
  std::string id;
  bool unknown_at_once = false;  // a session that is not known is not waited for
};
struct StopSession {
  CallerId caller = 0;
  std::string id;
};
struct StopAllSessions {
  CallerId caller = 0;
};
struct ProcessorBeat {
  CallerId caller = 0;
  Processor processor;
  std::string detail;  // why it ended
};
struct NodeBeat {
  CallerId caller = 0;
  uint64_t sequence = 0;
  Node node;
};
struct ProcessorChecked {  // answer to CheckProcessor
  int64_t processor_id = -1;
  bool alive = false;
};
struct StartFailed {  // StartEggs did not reach the node
  std::string session_id;
  std::string detail;
};
struct Recover {};  // once, after nodes and sessions were restored at start
struct Tick {};
using Event = std::variant<CreateSession, GetSession, StopSession, StopAllSessions, ProcessorBeat,
                           NodeBeat, ProcessorChecked, StartFailed, Recover, Tick>;

// Actions.
struct SaveNode {
  Node node;
  bool with_resources = false;
};
struct SaveSession {
  Session session;
  bool created = false;             // insert with options and processors
  bool status_changed = false;      // of the session
  std::vector<int64_t> processors;  // ids that changed
};
struct AnswerSession {
  CallerId caller;
  Session session;
  bool with_options = true;
};
struct AnswerNothing {  // an empty result
  CallerId caller;
};
struct AnswerEcho {  // the request itself
  CallerId caller;
};
struct AnswerProcessor {  // the request with the type of the stored processor, "" as sent
  CallerId caller;
  std::string type;
};
struct AnswerNode {  // the request with this node id
  CallerId caller;
  int64_t node_id;
};
struct AnswerError {
  CallerId caller;
  absl::Status status;
};
struct StartEggs {
  Node node;
  std::string session_id;
  std::vector<Processor> processors;
};
struct StopEggs {
  Node node;
  Session session;
};
struct KillEggs {
  Node node;
  Session session;
};
struct CheckProcessor {
  Node node;
  Processor processor;
};
using Action =
    std::variant<SaveNode, SaveSession, AnswerSession, AnswerNothing, AnswerEcho, AnswerProcessor,
                 AnswerNode, AnswerError, StartEggs, StopEggs, KillEggs, CheckProcessor>;
using Actions = std::vector<Action>;

class Cluster {
 public:
  // The next ids that the database has not given out yet, and the id of the manager's own row.
  struct NextIds {
    int64_t node = 1;
    int64_t processor = 1;
    int64_t manager = 0;
  };
  Cluster(Settings settings, NextIds next_ids, absl::Time now);

  // A restored node has a full period to send its next heartbeat.
  void RestoreNode(Node node);
  void RestoreSession(Session session);
  bool KnowsSession(const std::string& id) const { return sessions_.contains(id); }
  bool KnowsProcessor(int64_t id) const { return session_of_.contains(id); }

  Actions Step(const Event& event, absl::Time now);
  // When the next Tick is due.
  absl::Time NextDeadline() const;

  const std::map<int64_t, Node>& nodes() const { return nodes_; }
  const std::map<std::string, Session>& sessions() const { return sessions_; }
  // HEALTHY nodes of cluster 0, ascending id: where sessions and stores go.
  std::vector<const Node*> HealthyNodes() const;

 private:
  struct Waiter {
    CallerId caller;
    bool creator;
    absl::Time deadline;
  };

  void On(const CreateSession& event);
  void On(const GetSession& event);
  void On(const StopSession& event);
  void On(const StopAllSessions& event);
  void On(const ProcessorBeat& event);
  void On(const NodeBeat& event);
  void On(const ProcessorChecked& event);
  void On(const StartFailed& event);
  void On(const Recover& event);
  void On(const Tick& event);

  absl::Status NewSession(const CreateSession& event);
  void BecomeActive(Session& session);
  // ACTIVE or NEW to a final status: kills its processors and answers who waits; creators get
  // `creators_get` when that is an error.
  void End(Session& session, SessionStatus status, const std::string& reason,
           const std::string& detail, const absl::Status& creators_get = absl::OkStatus());
  void FailStart(Session& session, SessionStatus status, const std::string& detail);
  void AnswerWaiters(const Session& session, const absl::Status& creators_get);
  void ProcessorRuns(Session& session, Processor& processor, const Processor& reported);
  void ProcessorEnds(Session& session, Processor& processor, ProcessorStatus status,
                     const std::string& reason, const std::string& detail);
  void KillZombie(const Session& session, const Processor& processor);
  void Save(const Session& session, std::vector<int64_t> processors, bool status_changed);
  void ForgetFinalSessions();
  bool MayPark(CallerId caller);
  std::pair<Session*, Processor*> Find(int64_t processor_id);

  Node* FindNode(const Node& reported);
  absl::StatusOr<Node*> AddNode(const Node& reported);
  void CheckProcessorsOf(const Node& node, bool node_restarted);
  void ExpireNodes();
  void LoseProcessorsOf(const Node& node);
  void CheckAllProcessors();
  void WatchSessions();
  void ExpireStarts();
  void ExpireWaiters();

  template <class A>
  void Do(A action) {
    actions_.push_back(std::move(action));
  }

  Settings settings_;
  NextIds next_ids_;
  std::map<int64_t, Node> nodes_;
  std::map<std::string, Session> sessions_;
  std::unordered_map<int64_t, std::string> session_of_;  // by processor id
  std::unordered_map<int64_t, uint64_t> beats_;          // last sequence number by node id
  std::unordered_map<int64_t, int> missed_checks_;       // by processor id
  std::multimap<std::string, Waiter> waiters_;           // by session id
  std::vector<std::string> ended_;                       // final sessions still in memory
  absl::Time next_watch_, next_check_;

  // Of the running Step.
  absl::Time now_;
  Actions actions_;
};

}  // namespace fate::session
