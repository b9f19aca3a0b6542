#include "rollsite/ptp.h"

#include "base/status.h"
#include "transfer_queue/transfer_queue.h"

namespace fate::rollsite {
namespace {

constexpr std::string_view kUriPrefix = "grpcs://fedai.org";
constexpr size_t kFieldHeads = 16;                           // bytes, of code and message
constexpr size_t kEmittedHeaders = 20, kEmittedBytes = 600;  // usually

void AppendField(std::string* out, char tag, std::string_view bytes) {
  if (bytes.empty()) return;
  *out += tag;
  AppendVarint(out, bytes.size());
  *out += bytes;
}

// With scheme and authority.
void AddUri(std::string_view uri, relay::Headers* head) {
  constexpr std::string_view kName = "x-ptp-uri";
  std::vector<char>& raw = head->raw();
  const size_t start = raw.size();
  raw.insert(raw.end(), kName.begin(), kName.end());
  if (uri.find("://") == std::string_view::npos) {
    raw.insert(raw.end(), kUriPrefix.begin(), kUriPrefix.end());
  }
  raw.insert(raw.end(), uri.begin(), uri.end());
  head->Written(start, kName.size(), /*secret=*/false);
}

}  // namespace

PtpContext PtpContext::Read(const relay::Headers& head) {
  PtpContext context;
  std::string_view from_node, from_instance;
  const relay::Headers::Wanted fields[] = {
      {"x-ptp-version", &context.version},
      {"x-ptp-tech-provider-code", &context.tech_provider},
      {"x-ptp-trace-id", &context.trace_id},
      {"x-ptp-token", &context.token},
      {"x-ptp-uri", &context.uri},
      {"x-ptp-session-id", &context.session},
      {"x-ptp-topic", &context.topic},
      {"x-ptp-source-node-id", &context.source_node},
      {"x-ptp-from-node-id", &from_node},
      {"x-ptp-source-inst-id", &context.source_instance},
      {"x-ptp-from-inst-id", &from_instance},
      {"x-ptp-target-node-id", &context.target_node},
      {"x-ptp-target-inst-id", &context.target_instance},
      {"fate-queue-type", &context.queue_type},
      {"fate-message-flag", &context.message_flag},
  };
  head.FindAll(fields);
  if (context.source_instance.empty()) context.source_instance = from_instance;
  if (context.source_node.empty()) context.source_node = from_node;
  if (context.source_node.empty()) context.source_node = context.source_instance;
  return context;
}

relay::Headers PtpContext::Emit(std::string_view uri) const {
  relay::Headers head;
  head.Reserve(kEmittedHeaders, kEmittedBytes);
  auto add = [&](std::string_view name, std::string_view value) {
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
  AddUri(uri, &head);
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
  tail.reserve(code.size() + message.size() + kFieldHeads);
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
