#include "rollsite/http_calls.h"

#include <algorithm>

#include "absl/strings/escaping.h"
#include "base/status.h"
#include "base/text.h"
#include "osx/osx.pb.h"
#include "rollsite/http_json.h"
#include "rollsite/ptp.h"
#include "transfer_queue/types.h"

namespace fate::rollsite {
namespace {

using Json = nlohmann::json;

constexpr size_t kBodyPieceBytes = 48 << 10;  // a multiple of 3
constexpr std::string_view kBodyEnd = "\"}";

int64_t Number(const Json& body, const char* key) {
  return ParseInt<int64_t>(Text(body, key)).value_or(0);
}

bool FromBase64(const std::string& text, std::string* bytes) {
  return absl::Base64Unescape(absl::string_view(text.data(), text.size()), bytes);
}

absl::StatusOr<PtpCall> ToPush(const Json& body) {
  org::ppc::ptp::PushInbound push;
  push.set_topic(Text(body, "topic"));
  if (!FromBase64(Text(body, "payload"), push.mutable_payload())) {
    return InvalidArgumentError("payload is no base64");
  }
  return PtpCall{kPushPath, push.SerializeAsString(), {}};
}

PtpCall ToPop(const Json& body) {
  org::ppc::ptp::PopInbound pop;
  pop.set_topic(Text(body, "topic"));
  const bool waits = Text(body, "needBlock") != "false";
  const int64_t timeout_ms =
      waits ? std::clamp<int64_t>(Number(body, "timeout"), 0, 0x7fffffff) : 1;
  pop.set_timeout(static_cast<int>(timeout_ms));
  const absl::Duration wait =
      timeout_ms > 0 ? absl::Milliseconds(timeout_ms) : transfer_queue::Limits().default_wait;
  return {fmt::format("{}pop", kPtpTransport), pop.SerializeAsString(), wait};
}

absl::StatusOr<PtpCall> ToInvoke(const Json& body) {
  org::ppc::ptp::Inbound inbound;
  if (!FromBase64(Text(body, "payload"), inbound.mutable_payload())) {
    return InvalidArgumentError("payload is no base64");
  }
  return PtpCall{kInvokePath, inbound.SerializeAsString(), {}};
}

}  // namespace

absl::StatusOr<PtpCall> ParseHttpCall(std::string_view method, std::string_view text) {
  const Json body = ParseBody(text);
  if (!body.is_object()) return InvalidArgumentError("invalid json");
  if (method == "push") return ToPush(body);
  if (method == "pop") return ToPop(body);
  if (method == "invoke") return ToInvoke(body);
  if (method == "peek") {
    org::ppc::ptp::PeekInbound peek;
    peek.set_topic(Text(body, "topic"));
    return PtpCall{fmt::format("{}peek", kPtpTransport), peek.SerializeAsString(), {}};
  }
  if (method == "release") {
    org::ppc::ptp::ReleaseInbound release;
    release.set_topic(Text(body, "topic"));
    return PtpCall{fmt::format("{}release", kPtpTransport), release.SerializeAsString(), {}};
  }
  return UnimplementedError("{}", method);
}

HttpBody::HttpBody(Rope bytes, std::string before)
    : bytes_(std::move(bytes)), before_(std::move(before)) {}

size_t HttpBody::size() const {
  return before_.size() + (bytes_.size() + 2) / 3 * 4 + kBodyEnd.size();
}

std::string HttpBody::Next() {
  std::string piece;
  if (!std::exchange(begun_, true)) piece = before_;
  const size_t size = std::min(bytes_.size() - position_, kBodyPieceBytes);
  if (size > 0) {
    const std::string bytes = bytes_.Sub(position_, size).ToString();
    std::string text;
    absl::Base64Escape(absl::string_view(bytes.data(), bytes.size()), &text);
    piece += text;
    position_ += size;
  }
  if (position_ == bytes_.size()) piece += kBodyEnd;
  return piece;
}

std::string HttpPushHead(std::string_view topic) {
  const std::string text =
      Json(std::string(topic)).dump(-1, ' ', /*ensure_ascii=*/true, Json::error_handler_t::replace);
  return fmt::format(R"({{"topic": {}, "payload": ")", text);
}

absl::StatusOr<HttpAnswer> ParseHttpAnswer(std::string_view text) {
  const Json body = ParseBody(text);
  HttpAnswer answer;
  if (body.is_object()) answer.code = Text(body, "code");
  if (answer.code.empty()) {
    return InternalError("the answer is no JSON with a code: '{}'", Escape(text.substr(0, 100)));
  }
  answer.message = Text(body, body.contains("message") ? "message" : "msg");
  if (!FromBase64(Text(body, "payload"), &answer.payload)) {
    return InternalError("the payload of the answer is no base64");
  }
  return answer;
}

}  // namespace fate::rollsite
