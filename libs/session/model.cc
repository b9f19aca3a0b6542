#include "session/model.h"

#include <array>

namespace fate::session {
namespace {

constexpr std::array<std::string_view, 3> kNodeWords = {"INIT", "HEALTHY", "LOSS"};
constexpr std::array<std::string_view, 6> kSessionWords = {"NEW",    "ACTIVE", "CLOSED",
                                                           "KILLED", "ERROR",  "FINISHED"};
constexpr std::array<std::string_view, 6> kProcessorWords = {"NEW",    "RUNNING", "STOPPED",
                                                             "KILLED", "ERROR",   "FINISHED"};

template <class Status, size_t N>
std::optional<Status> Parse(const std::array<std::string_view, N>& words, std::string_view text) {
  for (size_t i = 0; i < N; ++i) {
    if (words[i] == text) return static_cast<Status>(i);
  }
  return std::nullopt;
}

}  // namespace

std::string_view ToText(NodeStatus status) { return kNodeWords[static_cast<size_t>(status)]; }
std::string_view ToText(SessionStatus status) { return kSessionWords[static_cast<size_t>(status)]; }
std::string_view ToText(ProcessorStatus status) {
  return kProcessorWords[static_cast<size_t>(status)];
}
std::optional<NodeStatus> ParseNodeStatus(std::string_view text) {
  return Parse<NodeStatus>(kNodeWords, text);
}
std::optional<SessionStatus> ParseSessionStatus(std::string_view text) {
  return Parse<SessionStatus>(kSessionWords, text);
}
std::optional<ProcessorStatus> ParseProcessorStatus(std::string_view text) {
  return Parse<ProcessorStatus>(kProcessorWords, text);
}

bool IsFinal(SessionStatus status) {
  return status != SessionStatus::kNew && status != SessionStatus::kActive;
}
bool IsFinal(ProcessorStatus status) {
  return status != ProcessorStatus::kNew && status != ProcessorStatus::kRunning;
}

}  // namespace fate::session
