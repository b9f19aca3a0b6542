#pragma once

// Nodes, sessions and processors as values (spec/eggroll-control-plane.md 2.2, 7.1, 13).

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/time/time.h"

namespace fate::session {

enum class NodeStatus { kInit, kHealthy, kLoss };
enum class SessionStatus { kNew, kActive, kClosed, kKilled, kError, kFinished };
enum class ProcessorStatus { kNew, kRunning, kStopped, kKilled, kError, kFinished };

// "INIT", "ACTIVE", "RUNNING" ... and back; nullopt for a word of no meaning here.
std::string_view ToText(NodeStatus status);
std::string_view ToText(SessionStatus status);
std::string_view ToText(ProcessorStatus status);
std::optional<NodeStatus> ParseNodeStatus(std::string_view text);
std::optional<SessionStatus> ParseSessionStatus(std::string_view text);
std::optional<ProcessorStatus> ParseProcessorStatus(std::string_view text);

bool IsFinal(SessionStatus status);
bool IsFinal(ProcessorStatus status);

inline constexpr char kEggPair[] = "egg_pair";
// Option of a session that sets the number of eggs a node starts for it.
inline constexpr char kEggsPerNodeOption[] = "eggroll.session.processors.per.node";
// Option of a session that ended badly: the reason in words. Native extension.
inline constexpr char kSessionDetailOption[] = "eggroll.session.status.detail";
// Option of a heartbeat that says why a processor ended. Native extension.
inline constexpr char kProcessorDetailOption[] = "eggroll.processor.status.detail";
// Option of an egg's heartbeat: the session it belongs to.
inline constexpr char kSessionIdOption[] = "eggroll.session.id";

struct Endpoint {
  std::string host;
  int port = 0;

  std::string ToString() const { return host + ":" + std::to_string(port); }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

// What a node offers: VCPU_CORE, VGPU_CORE, PHYSICAL_MEMORY.
struct Resource {
  std::string type;
  int64_t total = 0;
  int64_t used = 0;
  int64_t allocated = 0;
  int64_t pre_allocated = 0;

  int64_t Free() const { return total - allocated - pre_allocated; }
};

struct Node {
  int64_t id = -1;  // -1: not yet known to the clustermanager
  std::string name;
  int64_t cluster_id = 0;
  Endpoint endpoint;
  NodeStatus status = NodeStatus::kInit;
  absl::Time last_heartbeat = absl::InfinitePast();
  std::vector<Resource> resources;
};

struct Processor {
  int64_t id = -1;
  int64_t node_id = -1;
  std::string type = kEggPair;
  ProcessorStatus status = ProcessorStatus::kNew;
  std::optional<ProcessorStatus> before_status;
  Endpoint command;
  Endpoint transfer;
  int pid = -1;
  std::string tag;
  absl::Time updated_at = absl::InfinitePast();
};

struct Session {
  std::string id;
  std::string name;
  std::string tag;
  SessionStatus status = SessionStatus::kNew;
  std::string status_reason;  // API, PROCESS_ERROR, TIMEOUT ... or empty
  std::optional<SessionStatus> before_status;
  std::map<std::string, std::string> options;
  std::vector<Processor> processors;  // ascending id: the order every caller sees (spec 12)
  int active_count = 0;
  absl::Time created_at = absl::InfinitePast();
  absl::Time updated_at = absl::InfinitePast();
};

}  // namespace fate::session
