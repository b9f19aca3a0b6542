// Nodes: registration, heartbeats, loss (spec/eggroll-control-plane.md 6), the checks of their
// processors (7.6), recovery and time.
#include <algorithm>
#include <limits>

#include "base/limits.h"
#include "base/status.h"
#include "session/cluster.h"

namespace fate::session {
namespace {

// Totals and use as reported; what sessions hold stays (spec 6.3).
std::vector<Resource> Merge(const std::vector<Resource>& held,
                            const std::vector<Resource>& reported) {
  std::vector<Resource> merged = reported;
  for (Resource& resource : merged) {
    resource.used = std::max<int64_t>(resource.used, 0);
    resource.allocated = resource.pre_allocated = 0;
    for (const Resource& old : held) {
      if (old.type != resource.type) continue;
      resource.allocated = old.allocated;
      resource.pre_allocated = old.pre_allocated;
    }
  }
  return merged;
}

}  // namespace

std::vector<const Node*> Cluster::HealthyNodes() const {
  std::vector<const Node*> healthy;
  for (const auto& [id, node] : nodes_) {
    if (node.status == NodeStatus::kHealthy && node.cluster_id == 0) healthy.push_back(&node);
  }
  return healthy;
}

// By id, else by address: a nodemanager that lost its meta file keeps its node.
Node* Cluster::FindNode(const Node& reported) {
  if (auto it = nodes_.find(reported.id); it != nodes_.end()) return &it->second;
  for (auto& [id, node] : nodes_) {
    if (node.endpoint == reported.endpoint) return &node;
  }
  return nullptr;
}

absl::StatusOr<Node*> Cluster::AddNode(const Node& reported) {
  if (nodes_.size() >= kMaxNodes) {
    return ResourceExhaustedError("node {} is refused: {} nodes are registered already",
                                  reported.endpoint.ToString(), nodes_.size());
  }
  // A nodemanager keeps its id when the database is new, unless the id is taken.
  bool keeps_id = reported.id > 0 && reported.id != next_ids_.manager &&
                  reported.id < std::numeric_limits<int32_t>::max();
  int64_t id = keeps_id ? reported.id : next_ids_.node;
  next_ids_.node = std::max(next_ids_.node, id + 1);
  Node& node = nodes_[id];
  node = reported;
  node.id = id;
  return &node;
}

void Cluster::On(const NodeBeat& event) {
  const Node& reported = event.node;
  Node* node = FindNode(reported);
  if (!node && reported.status == NodeStatus::kLoss) {
    Do(AnswerNode{event.caller, reported.id});
    return;
  }
  if (!node) {
    absl::StatusOr<Node*> added = AddNode(reported);
    if (!added.ok()) {
      Do(AnswerError{event.caller, added.status()});
      return;
    }
    node = *added;
  }
  auto previous = beats_.find(node->id);
  bool restarted = previous != beats_.end() && event.sequence <= previous->second &&
                   reported.status != NodeStatus::kLoss;
  bool registers = previous == beats_.end() || restarted;
  node->status = reported.status;
  node->last_heartbeat = now_;
  if (registers) {
    node->name = reported.name;
    node->endpoint = reported.endpoint;
    node->resources = Merge(node->resources, reported.resources);
  }
  beats_[node->id] = event.sequence;
  Do(SaveNode{*node, registers});
  Do(AnswerNode{event.caller, node->id});
  if (registers) CheckProcessorsOf(*node, restarted);
}

// Eggs end with their nodemanager; those that were starting will never report.
void Cluster::CheckProcessorsOf(const Node& node, bool node_restarted) {
  for (auto& [id, session] : sessions_) {
    if (IsFinal(session.status)) continue;
    for (const Processor& processor : session.processors) {
      if (processor.node_id != node.id) continue;
      if (processor.status == ProcessorStatus::kNew && node_restarted) {
        FailStart(session, SessionStatus::kError,
                  fmt::format("nodemanager {} was restarted", node.endpoint.ToString()));
        break;
      }
      if (processor.status == ProcessorStatus::kRunning && processor.pid > 0) {
        Do(CheckProcessor{node, processor});
      }
    }
  }
}

// One negative answer may be a race with the heartbeat; two are not (spec 7.6).
void Cluster::On(const ProcessorChecked& event) {
  auto [session, processor] = Find(event.processor_id);
  if (!processor || processor->status != ProcessorStatus::kRunning) return;
  if (event.alive) {
    missed_checks_.erase(processor->id);
    return;
  }
  auto node = nodes_.find(processor->node_id);
  if (++missed_checks_[processor->id] < 2 && node != nodes_.end()) {
    Do(CheckProcessor{node->second, *processor});
    return;
  }
  ProcessorEnds(*session, *processor, ProcessorStatus::kError, "TASK_CHECK",
                fmt::format("{}-{} (pid {}) on node {} no longer exists", processor->type,
                            processor->id, processor->pid, processor->node_id));
}

void Cluster::On(const Recover&) {
  for (auto& [id, session] : sessions_) {
    if (session.status == SessionStatus::kNew) {
      FailStart(session, SessionStatus::kKilled,
                "the clustermanager was restarted while the session was starting");
    }
  }
  for (const auto& [id, node] : nodes_) CheckProcessorsOf(node, false);
}

void Cluster::On(const Tick&) {
  ExpireStarts();
  ExpireWaiters();
  if (now_ >= next_watch_) {
    next_watch_ = now_ + absl::Seconds(5);
    ExpireNodes();
    WatchSessions();
  }
  if (now_ >= next_check_) {
    next_check_ = now_ + absl::Seconds(10);
    CheckAllProcessors();
  }
}

void Cluster::CheckAllProcessors() {
  for (const auto& [id, node] : nodes_) {
    if (node.status == NodeStatus::kHealthy) CheckProcessorsOf(node, false);
  }
}

void Cluster::ExpireNodes() {
  absl::Duration limit = settings_.heartbeat_interval * settings_.heartbeat_expire_count;
  for (auto& [id, node] : nodes_) {
    if (now_ - node.last_heartbeat <= limit) continue;
    if (node.status == NodeStatus::kHealthy) {
      node.status = NodeStatus::kLoss;
      Do(SaveNode{node});
    }
    LoseProcessorsOf(node);
  }
}

void Cluster::LoseProcessorsOf(const Node& node) {
  std::string detail = fmt::format(
      "nodemanager {} (node {}) has not been heard of for {}; check fate-nodemanager there",
      node.endpoint.ToString(), node.id,
      absl::FormatDuration(absl::Trunc(now_ - node.last_heartbeat, absl::Seconds(1))));
  for (auto& [id, session] : sessions_) {
    for (Processor& processor : session.processors) {
      if (IsFinal(session.status)) break;
      if (processor.node_id != node.id || IsFinal(processor.status)) continue;
      ProcessorEnds(session, processor, ProcessorStatus::kError, "HEART_BEAT", detail);
    }
  }
}

absl::Time Cluster::NextDeadline() const {
  absl::Time next = std::min(next_watch_, next_check_);
  for (const auto& [id, session] : sessions_) {
    if (session.status == SessionStatus::kNew) {
      next = std::min(next, session.created_at + settings_.start_timeout);
    }
  }
  for (const auto& [id, waiter] : waiters_) next = std::min(next, waiter.deadline);
  return next;
}

}  // namespace fate::session
