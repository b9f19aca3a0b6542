#include "rollsite/http_forward.h"

#include <memory>

#include "base/status.h"
#include "base/text.h"
#include "relay/forward.h"
#include "rollsite/carried_calls.h"
#include "rollsite/http_calls.h"
#include "rollsite/ptp.h"
#include "rollsite/queue_messages.h"

namespace fate::rollsite {
namespace {

constexpr char kMethod[] = "invoke_http";
constexpr char kInvokeUrl[] = "/v1/interconn/chan/invoke";

relay::Headers HttpHeaders(const relay::Headers& head) {
  relay::Headers headers = {{"content-type", "application/json"}};
  for (const relay::Header& header : head) {
    if (GoesAlong(header.name)) headers.push_back(header);
  }
  return headers;
}

// `payload`: of the Inbound. Error: what a url that ends in /push cannot say.
absl::StatusOr<HttpBody> BodyFor(const Target& target, std::string_view uri, Rope payload) {
  if (!target.http_path.ends_with("/push")) return HttpBody(std::move(payload));
  std::string topic;
  Rope message;
  if (!uri.ends_with("/push") || !ParsePush(payload, &topic, &message)) {
    return UnimplementedError(
        "{}: its url ends in /push, where only pushes go; write a url "
        "without a path",
        target.text->peer);
  }
  return HttpBody(std::move(message), HttpPushHead(topic));
}

// One POST and what becomes of its answer.
struct Post {
  std::shared_ptr<relay::UnaryCall> call;
  Target target;
  std::string self;  // the party that speaks
  std::shared_ptr<relay::Http1Call> http;

  std::string Text(const absl::Status& why) const {
    std::string text = fmt::format("{}: {}", target.text->peer, Message(why));
    // Where there is no room, looking whether the peer runs is no remedy.
    return absl::IsResourceExhausted(why) ? text : text + "; " + target.text->remedy;
  }
  void Fail(const absl::Status& why) const {
    const absl::Status status(why.code(), Text(why));
    CountCall(kMethod, status);
    call->Fail(status);
  }
  void NotSent(const absl::Status& why) const {
    const std::string text =
        PartyText(self, fmt::format("send to {} error : {}", target.text->authority, Text(why)));
    CountCall(kMethod, FailureOf(transfer_queue::kNetError, text));
    call->Answer(EncodeOutbound(transfer_queue::kNetError, text));
  }
  void OnAnswer(const absl::StatusOr<relay::Http1Answer>& answer) const {
    if (!answer.ok()) {
      if (!http->anything_sent()) return NotSent(answer.status());
      const bool lost =
          absl::IsUnavailable(answer.status()) || absl::IsDeadlineExceeded(answer.status());
      return Fail(lost ? UnavailableError("{}", Message(answer.status()))
                       : InternalError("{}", Message(answer.status())));
    }
    if (const int status = answer->status(); status != 200) {
      const auto why =
          InternalError("it answers HTTP {}: {}", status, Escape(answer->body()).substr(0, 200));
      // 502 to 504 tell of a proxy on the way, which may have passed the call on.
      return Fail(status >= 502 && status <= 504 ? UnavailableError("{}", Message(why)) : why);
    }
    auto parsed = ParseHttpAnswer(answer->body());
    if (!parsed.ok()) return Fail(parsed.status());
    relay::Headers metadata;
    if (auto sequence = relay::Find(answer->headers(), queue_client::kSequenceHeader);
        !sequence.empty()) {
      metadata.push_back({queue_client::kSequenceHeader, std::string(sequence.substr(0, 20))});
    }
    const bool good = parsed->code == transfer_queue::kSuccess;
    CountCall(kMethod, good ? absl::OkStatus() : FailureOf(parsed->code, parsed->message));
    call->Answer(EncodeOutbound(parsed->code, parsed->message, Rope(std::move(parsed->payload))),
                 metadata);
  }
};

}  // namespace

void HttpForward::Pass(const Target& target, relay::Stream* stream, relay::Headers head) {
  if (absl::Status counted = relay::CountHop(&head); !counted.ok()) {
    return Refuse(kMethod, stream, counted);
  }
  Gateway::AddToken(target, &head);
  relay::UnaryCall::Serve(stream, std::move(head), gateway_->collected(),
                          [this, target](const CallPtr& call) { Send(target, call); });
}

void HttpForward::Send(const Target& target, const CallPtr& call) {
  const PtpContext context = PtpContext::Read(call->head());
  auto post = std::make_shared<Post>(Post{call, target, gateway_->SelfName("")});
  Rope payload;
  if (!ParseInbound(call->TakeRope(), &payload)) {
    return post->Fail(InvalidArgumentError("the message of the invoke is damaged"));
  }
  const size_t bytes = payload.size();
  if (bytes > kMaxHttpPayloadBytes) {
    return post->Fail(
        ResourceExhaustedError("a message of {} bytes; over an http route up to {} can go, so send "
                               "smaller parts or route it by gRPC",
                               bytes, kMaxHttpPayloadBytes));
  }
  auto& counter = waiting_bytes_[target.text->authority];
  if (!counter) counter = std::make_shared<size_t>(0);
  if (*counter > 0 && *counter + bytes > kMaxHttpWaitingBytes) {
    return post->Fail(
        ResourceExhaustedError("messages of {} bytes wait for its answers already", *counter));
  }
  auto made = BodyFor(target, context.UriPath(), std::move(payload));
  if (!made.ok()) return post->Fail(made.status());
  auto body = std::make_shared<HttpBody>(*std::move(made));
  CountBytes(bytes, 0);
  *counter += bytes;
  const std::shared_ptr<void> release(nullptr, [counter, bytes](void*) { *counter -= bytes; });
  post->http = relay::Http1Call::Start(
      &gateway_->loop(),
      {.address = target.address,
       .path = target.http_path.empty() || target.http_path == "/" ? kInvokeUrl : target.http_path,
       .headers = HttpHeaders(call->head()),
       .tls = target.tls,
       .body_bytes = body->size(),
       .body = [body] { return body->Next(); }},
      [post, release](const absl::StatusOr<relay::Http1Answer>& answer) {
        post->OnAnswer(answer);
        post->http.reset();
      });
  call->OnCancel([post] {
    if (auto http = std::exchange(post->http, nullptr)) http->Cancel();
  });
}

}  // namespace fate::rollsite
