#include "rollsite/ptp.h"

#include "base/status.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {
namespace {

constexpr std::string_view kUriPrefix = "grpcs://fedai.org";

void AppendField(std::string* out, char tag, std::string_view bytes) {
  if (bytes.empty()) return;
  *out += tag;
  AppendVarint(out, bytes.size());
  *out += bytes;
}

}  // namespace

PtpContext PtpContext::Read(const relay::Headers& head) {
  auto get = [&](std::string_view name) { return std::string(relay::Find(head, name)); };
  PtpContext context;
  context.version = get("x-ptp-version");
  context.tech_provider = get("x-ptp-tech-provider-code");
  context.trace_id = get("x-ptp-trace-id");
  context.token = get("x-ptp-token");
  context.uri = get("x-ptp-uri");
  context.session = get("x-ptp-session-id");
  context.topic = get("x-ptp-topic");
  context.source_node = get("x-ptp-source-node-id");
  if (context.source_node.empty()) context.source_node = get("x-ptp-from-node-id");
  context.source_instance = get("x-ptp-source-inst-id");
  if (context.source_instance.empty()) context.source_instance = get("x-ptp-from-inst-id");
  if (context.source_node.empty()) context.source_node = context.source_instance;
  context.target_node = get("x-ptp-target-node-id");
  context.target_instance = get("x-ptp-target-inst-id");
  context.queue_type = get("fate-queue-type");
  context.message_flag = get("fate-message-flag");
  return context;
}

relay::Headers PtpContext::Emit(std::string_view uri) const {
  std::string full = uri.find("://") == std::string_view::npos
                         ? fmt::format("{}{}", kUriPrefix, uri)
                         : std::string(uri);
  relay::Headers head;
  auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) head.push_back({name, value});
  };
  add("x-ptp-trace-id", trace_id);
  add("x-ptp-source-inst-id", source_instance);
  add("x-ptp-source-node-id", source_node);
  add("x-ptp-version", version);
  add("x-ptp-tech-provider-code", tech_provider);
  add("x-ptp-token", token);
  add("x-ptp-target-node-id", target_node);
  add("x-ptp-target-inst-id", target_instance);
  add("x-ptp-session-id", session);
  add("x-ptp-topic", topic);
  add("x-ptp-uri", full);
  add("fate-queue-type", queue_type);
  add("fate-message-flag", message_flag);
  return head;
}

std::string_view PtpContext::UriPath() const {
  std::string_view text = uri;
  size_t scheme = text.find("://");
  if (scheme == std::string_view::npos) return text;
  size_t path = text.find('/', scheme + 3);
  return path == std::string_view::npos ? "" : text.substr(path);
}

std::vector<relay::Slice> EncodeOutbound(std::string_view code, std::string_view message,
                                         const Rope& payload) {
  std::vector<relay::Slice> pieces;
  if (!payload.empty()) {
    std::string head = "\x12";
    AppendVarint(&head, payload.size());
    pieces.push_back(relay::Slice::Take(std::move(head)));
    pieces.insert(pieces.end(), payload.pieces().begin(), payload.pieces().end());
  }
  std::string tail;
  AppendField(&tail, '\x1a', code);
  AppendField(&tail, '\x22', message);
  pieces.push_back(relay::Slice::Take(std::move(tail)));
  return pieces;
}

absl::Status FailureOf(std::string_view code, std::string_view party_text,
                       std::string_view detail) {
  absl::StatusCode status = absl::StatusCode::kInternal;
  if (code == kRouterError) status = absl::StatusCode::kNotFound;
  if (code == kCycleError) status = absl::StatusCode::kFailedPrecondition;
  if (code == transfer_queue::kParameterError) status = absl::StatusCode::kInvalidArgument;
  if (code == transfer_queue::kSystemError) status = absl::StatusCode::kInvalidArgument;
  if (code == transfer_queue::kNetError) status = absl::StatusCode::kUnavailable;
  return absl::Status(
      status, fmt::format("code {}: {}{}{}", code, party_text, detail.empty() ? "" : ": ", detail));
}

std::string PartyText(const std::string& self, std::string_view text) {
  return self.empty() ? std::string(text) : fmt::format("PARTY_{}:{}", self, text);
}

void AppendVarint(std::string* out, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *out += static_cast<char>(value | 0x80);
  *out += static_cast<char>(value);
}

}  // namespace fate::rollsite
