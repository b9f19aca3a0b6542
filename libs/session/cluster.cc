#include "session/cluster.h"

#include <algorithm>

#include "base/limits.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::session {
namespace {

// A stopped egg may still beat while it ends; only later it is a zombie.
constexpr absl::Duration kZombieGrace = absl::Seconds(10);

absl::StatusOr<int> EggsPerNode(const CreateSession& event, const Settings& settings) {
  auto option = event.options.find(kEggsPerNodeOption);
  if (option == event.options.end()) return settings.eggs_per_node;
  auto count = ParseInt<int>(option->second);
  if (!count || *count < 1 || *count > kMaxEggsPerNode) {
    return InvalidArgumentError("session {}: option {} = '{}'; give a whole number from 1 to {}",
                                event.id, kEggsPerNodeOption, Escape(option->second),
                                kMaxEggsPerNode);
  }
  return *count;
}

std::string NameOf(const Processor& processor) {
  return fmt::format("{}-{}", processor.type, processor.id);
}

int CountRunning(const Session& session) {
  return static_cast<int>(
      std::count_if(session.processors.begin(), session.processors.end(),
                    [](const Processor& p) { return p.status == ProcessorStatus::kRunning; }));
}

std::string NamesOfMissing(const Session& session, const std::map<int64_t, Node>& nodes) {
  std::vector<std::string> names;
  for (const Processor& processor : session.processors) {
    if (processor.status != ProcessorStatus::kNew) continue;
    auto node = nodes.find(processor.node_id);
    names.push_back(NameOf(processor) + " at " +
                    (node == nodes.end() ? "an unknown node" : node->second.endpoint.ToString()));
  }
  return Join(names, ", ");
}

}  // namespace

Cluster::Cluster(Settings settings, NextIds next_ids, absl::Time now)
    : settings_(settings),
      next_ids_(next_ids),
      next_watch_(now + absl::Seconds(5)),
      next_check_(now + absl::Seconds(10)),
      now_(now) {}

void Cluster::RestoreNode(Node node) {
  node.last_heartbeat = now_;
  int64_t id = node.id;
  nodes_[id] = std::move(node);
}

void Cluster::RestoreSession(Session session) {
  for (const Processor& processor : session.processors) session_of_[processor.id] = session.id;
  if (IsFinal(session.status)) ended_.push_back(session.id);
  std::string id = session.id;
  sessions_[id] = std::move(session);
}

Actions Cluster::Step(const Event& event, absl::Time now) {
  now_ = now;
  std::visit([this](const auto& e) { On(e); }, event);
  ForgetFinalSessions();
  return std::exchange(actions_, {});
}

void Cluster::ForgetFinalSessions() {
  for (const std::string& id : std::exchange(ended_, {})) {
    auto it = sessions_.find(id);
    if (it == sessions_.end()) continue;
    for (const Processor& processor : it->second.processors) {
      session_of_.erase(processor.id);
      missed_checks_.erase(processor.id);
    }
    sessions_.erase(it);
  }
}

void Cluster::Save(const Session& session, std::vector<int64_t> processors, bool status_changed) {
  SaveSession save{.session = session, .status_changed = status_changed};
  save.processors = std::move(processors);
  Do(std::move(save));
}

std::pair<Session*, Processor*> Cluster::Find(int64_t processor_id) {
  auto it = session_of_.find(processor_id);
  if (it == session_of_.end()) return {nullptr, nullptr};
  Session& session = sessions_.at(it->second);
  for (Processor& processor : session.processors) {
    if (processor.id == processor_id) return {&session, &processor};
  }
  return {nullptr, nullptr};
}

bool Cluster::MayPark(CallerId caller) {
  if (waiters_.size() < kMaxParkedCalls) return true;
  Do(AnswerError{caller, ResourceExhaustedError("{} calls already wait for sessions; try again "
                                                "later",
                                                waiters_.size())});
  return false;
}

// getOrCreateSession (spec 7.3). A session that ended is returned as it is, never started again.
void Cluster::On(const CreateSession& event) {
  auto it = sessions_.find(event.id);
  if (it != sessions_.end() && it->second.status != SessionStatus::kNew) {
    Do(AnswerSession{event.caller, it->second});
    return;
  }
  if (!MayPark(event.caller)) return;
  absl::Status created = it == sessions_.end() ? NewSession(event) : absl::OkStatus();
  if (created.ok()) {
    waiters_.emplace(event.id, Waiter{event.caller, true, absl::InfiniteFuture()});
  } else {
    Do(AnswerError{event.caller, created});
  }
}

absl::Status Cluster::NewSession(const CreateSession& event) {
  ASSIGN_OR_RETURN(int eggs_per_node, EggsPerNode(event, settings_));
  std::vector<const Node*> nodes = HealthyNodes();
  if (nodes.empty()) {
    return UnavailableError(
        "no health server node: session {} needs at least one nodemanager; start fate-nodemanager",
        event.id);
  }
  if (sessions_.size() >= kMaxLiveSessions) {
    return ResourceExhaustedError("session {}: {} sessions are already open; stop some first",
                                  event.id, sessions_.size());
  }
  Session session{.id = event.id, .name = event.name, .tag = event.tag, .options = event.options};
  session.created_at = session.updated_at = now_;
  for (const Node* node : nodes) {
    std::vector<Processor> of_node;
    for (int i = 0; i < eggs_per_node; ++i) {
      Processor processor{.id = next_ids_.processor++, .node_id = node->id};
      processor.command = {node->endpoint.host, 0};
      processor.updated_at = now_;
      session_of_[processor.id] = event.id;
      of_node.push_back(processor);
      session.processors.push_back(std::move(processor));
    }
    Do(StartEggs{*node, event.id, std::move(of_node)});
  }
  Do(SaveSession{.session = session, .created = true, .status_changed = true});
  sessions_[event.id] = std::move(session);
  return absl::OkStatus();
}

void Cluster::On(const GetSession& event) {
  auto it = sessions_.find(event.id);
  if (it != sessions_.end() && it->second.status != SessionStatus::kNew) {
    Do(AnswerSession{event.caller, it->second});
  } else if (it == sessions_.end() && event.unknown_at_once) {
    Do(AnswerNothing{event.caller});
  } else if (MayPark(event.caller)) {
    waiters_.emplace(event.id, Waiter{event.caller, false, now_ + settings_.start_timeout});
  }
}

// Unknown and final sessions: the request comes back unchanged (spec 7.2, 7.4).
void Cluster::On(const StopSession& event) {
  auto it = sessions_.find(event.id);
  if (it == sessions_.end() || IsFinal(it->second.status)) {
    Do(AnswerEcho{event.caller});
    return;
  }
  End(it->second, SessionStatus::kKilled, "API", "");
  Do(AnswerSession{event.caller, it->second, false});
}

void Cluster::On(const StopAllSessions& event) {
  for (auto& [id, session] : sessions_) {
    if (!IsFinal(session.status)) End(session, SessionStatus::kKilled, "API", "");
  }
  Do(AnswerNothing{event.caller});
}

void Cluster::On(const StartFailed& event) {
  auto it = sessions_.find(event.session_id);
  if (it == sessions_.end() || it->second.status != SessionStatus::kNew) return;
  FailStart(it->second, SessionStatus::kError, event.detail);
}

// spec 7.5, 10
void Cluster::On(const ProcessorBeat& event) {
  auto [session, processor] = Find(event.processor.id);
  Do(AnswerProcessor{event.caller, processor ? processor->type : ""});
  if (!processor) return;
  ProcessorStatus reported = event.processor.status;
  if (reported == ProcessorStatus::kRunning) {
    missed_checks_.erase(processor->id);
    if (processor->status == ProcessorStatus::kNew) {
      ProcessorRuns(*session, *processor, event.processor);
    } else if (IsFinal(processor->status)) {
      KillZombie(*session, *processor);
    }
  } else if (IsFinal(reported) && !IsFinal(processor->status)) {
    ProcessorEnds(*session, *processor, reported, "PROCESS_ERROR", event.detail);
  }
}

void Cluster::ProcessorRuns(Session& session, Processor& processor, const Processor& reported) {
  processor.before_status = processor.status;
  processor.status = ProcessorStatus::kRunning;
  processor.command = reported.command;
  processor.transfer = reported.transfer;
  if (reported.pid > 0) processor.pid = reported.pid;
  processor.updated_at = now_;
  session.active_count = CountRunning(session);
  bool all_run = session.active_count == static_cast<int>(session.processors.size());
  if (all_run) {
    session.before_status = session.status;
    session.status = SessionStatus::kActive;
    session.updated_at = now_;
  }
  Save(session, {processor.id}, all_run);
  if (all_run) AnswerWaiters(session, absl::OkStatus());
}

void Cluster::ProcessorEnds(Session& session, Processor& processor, ProcessorStatus status,
                            const std::string& reason, const std::string& detail) {
  processor.before_status = processor.status;
  processor.status = status;
  processor.updated_at = now_;
  std::string text = !detail.empty()
                         ? detail
                         : fmt::format("{} on node {} ended with status {}", NameOf(processor),
                                       processor.node_id, ToText(status));
  if (session.status == SessionStatus::kNew) {
    FailStart(session, SessionStatus::kError, text);
  } else if (status == ProcessorStatus::kStopped || status == ProcessorStatus::kFinished) {
    Save(session, {processor.id}, false);  // WatchSessions ends the session after stop_timeout
  } else {
    End(session, SessionStatus::kError, reason, text);
  }
}

void Cluster::KillZombie(const Session& session, const Processor& processor) {
  if (now_ - session.updated_at < kZombieGrace) return;
  auto node = nodes_.find(processor.node_id);
  if (node != nodes_.end()) Do(KillEggs{node->second, session});
}

void Cluster::FailStart(Session& session, SessionStatus status, const std::string& detail) {
  // The beginning is what upstream's clients know (spec 1.5).
  std::string text = fmt::format(
      "unable to start all processors for session id: . {}total processors:{} \nstarted count:{} ",
      session.id, session.processors.size(), CountRunning(session));
  End(session, status, "PROCESS_ERROR", detail, UnavailableError("{}; {}", text, detail));
}

void Cluster::End(Session& session, SessionStatus status, const std::string& reason,
                  const std::string& detail, const absl::Status& creators_get) {
  session.before_status = session.status;
  session.status = status;
  session.status_reason = reason;
  session.updated_at = now_;
  if (!detail.empty()) session.options[kSessionDetailOption] = detail;
  std::vector<int64_t> changed;
  std::map<int64_t, const Node*> concerned;
  for (Processor& processor : session.processors) {
    auto node = nodes_.find(processor.node_id);
    if (node != nodes_.end() && node->second.status != NodeStatus::kLoss) {
      concerned[node->first] = &node->second;
    }
    changed.push_back(processor.id);
    if (IsFinal(processor.status)) continue;
    processor.before_status = processor.status;
    processor.status = ProcessorStatus::kKilled;
    processor.updated_at = now_;
  }
  Save(session, std::move(changed), true);
  for (auto& [id, node] : concerned) Do(StopEggs{*node, session});
  ended_.push_back(session.id);
  AnswerWaiters(session, creators_get);
}

void Cluster::AnswerWaiters(const Session& session, const absl::Status& creators_get) {
  auto [begin, end] = waiters_.equal_range(session.id);
  for (auto it = begin; it != end; ++it) {
    if (it->second.creator && !creators_get.ok()) {
      Do(AnswerError{it->second.caller, creators_get});
    } else {
      Do(AnswerSession{it->second.caller, session});
    }
  }
  waiters_.erase(begin, end);
}

void Cluster::WatchSessions() {
  for (auto& [id, session] : sessions_) {
    if (session.status != SessionStatus::kActive) continue;
    if (now_ - session.created_at > settings_.max_live) {
      End(session, SessionStatus::kError, "TIMEOUT",
          fmt::format("older than eggroll.session.max.live.ms ({})",
                      absl::FormatDuration(settings_.max_live)));
      continue;
    }
    for (const Processor& processor : session.processors) {
      if (!IsFinal(processor.status)) continue;
      if (now_ - processor.updated_at <= settings_.stop_timeout) continue;
      End(session, SessionStatus::kError, "PROCESS_ERROR",
          fmt::format("{} on node {} ended with status {} while the session was in use",
                      NameOf(processor), processor.node_id, ToText(processor.status)));
      break;
    }
  }
}

void Cluster::ExpireStarts() {
  for (auto& [id, session] : sessions_) {
    if (session.status != SessionStatus::kNew) continue;
    if (now_ < session.created_at + settings_.start_timeout) continue;
    FailStart(session, SessionStatus::kKilled,
              fmt::format("not heard of within {}: {}; read egg_pair-*.err of the session there",
                          absl::FormatDuration(settings_.start_timeout),
                          NamesOfMissing(session, nodes_)));
  }
}

void Cluster::ExpireWaiters() {
  for (auto it = waiters_.begin(); it != waiters_.end();) {
    if (now_ < it->second.deadline) {
      ++it;
      continue;
    }
    auto session = sessions_.find(it->first);
    if (session == sessions_.end()) {
      Do(AnswerNothing{it->second.caller});
    } else {
      Do(AnswerSession{it->second.caller, session->second});
    }
    it = waiters_.erase(it);
  }
}

}  // namespace fate::session
