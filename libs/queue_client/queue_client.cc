#include "queue_client/queue_client.h"

#include <algorithm>

#include "base/status.h"
#include "osx/osx.pb.h"
#include "queue_client/metadata.h"
#include "relay/grpc_wire.h"

namespace fate::queue_client {
namespace {

constexpr char kService[] = "/org.ppc.ptp.PrivateTransferTransport/";
constexpr std::string_view kSuccess = transfer_queue::kSuccess;
// A gateway that does not answer at all is asked again after this.
constexpr absl::Duration kPushTimeout = absl::Minutes(2);
constexpr absl::Duration kPopGrace = absl::Seconds(10);
constexpr absl::Duration kFirstPause = absl::Milliseconds(20);
constexpr absl::Duration kLongestPause = absl::Seconds(2);

relay::Headers Metadata(const Endpoint& endpoint) {
  return {{"x-ptp-tech-provider-code", "FATE"},
          {"x-ptp-session-id", endpoint.session},
          {"x-ptp-source-node-id", endpoint.own_party}};
}

// Failures that may pass: gateways restart, disks are emptied, queues are popped.
bool MayPass(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsDeadlineExceeded(status) ||
         absl::IsAborted(status) || absl::IsResourceExhausted(status) || absl::IsCancelled(status);
}

absl::StatusOr<org::ppc::ptp::TransportOutbound> ParseAnswer(absl::StatusOr<std::string> answer) {
  if (!answer.ok()) return answer.status();
  org::ppc::ptp::TransportOutbound outbound;
  if (!outbound.ParseFromString(*answer)) return DataLossError("the answer cannot be read");
  if (outbound.code() != kSuccess && outbound.code() != transfer_queue::kTimeOut) {
    return FailedPreconditionError("code {}: {}", outbound.code(), outbound.message());
  }
  return outbound;
}

// A PushInbound but for its last bytes, which are the payload.
std::string PushHead(const std::string& topic, size_t payload_bytes) {
  org::ppc::ptp::PushInbound push;
  push.set_topic(topic);
  std::string head = push.SerializeAsString();
  if (payload_bytes == 0) return head;
  head += '\x12';
  for (; payload_bytes >= 0x80; payload_bytes >>= 7) {
    head += static_cast<char>(payload_bytes | 0x80);
  }
  head += static_cast<char>(payload_bytes);
  return head;
}

}  // namespace

Producer::Producer(relay::Upstreams* upstreams, Endpoint endpoint, std::string topic, bool durable)
    : upstreams_(upstreams),
      endpoint_(std::move(endpoint)),
      topic_(std::move(topic)),
      id_(RandomId()),
      durable_(durable) {}

Producer::~Producer() {
  upstreams_->loop().Cancel(timer_);
  if (call_) call_->Cancel();
}

void Producer::Push(Rope payload, Done done) {
  if (payload.size() + topic_.size() + 100 > kMaxMessageBytes) {
    return done(
        InvalidArgumentError("a message of {} bytes to topic {}; at most about {} are "
                             "allowed, send it in smaller parts",
                             payload.size(), topic_, kMaxMessageBytes));
  }
  waiting_.push_back({std::move(payload), std::move(done)});
  if (waiting_.size() > 1) return;
  ++sequence_;
  give_up_ = upstreams_->loop().Now() + endpoint_.patience;
  pause_ = kFirstPause;
  Send();
}

void Producer::Send() {
  relay::Headers metadata = Metadata(endpoint_);
  metadata.push_back({"x-ptp-target-node-id", endpoint_.peer_party});
  metadata.push_back({kProducerHeader, id_});
  metadata.push_back({kSequenceHeader, std::to_string(sequence_)});
  if (durable_) metadata.push_back({kDurableHeader, "1"});
  absl::Duration left = give_up_ - upstreams_->loop().Now();
  call_ = relay::ClientCall::Start(
      upstreams_,
      {.address = endpoint_.rollsite,
       .lane = relay::Lane::kBulk,
       .path = std::string(kService) + "push",
       .metadata = std::move(metadata),
       .timeout = std::clamp(left, absl::Milliseconds(1), kPushTimeout)},
      [this](absl::StatusOr<std::string> answer) { OnAnswer(std::move(answer)); });
  const Rope& payload = waiting_.front().payload;
  std::string head = PushHead(topic_, payload.size());
  call_->Send(Slice::Take(relay::FrameHead(head.size() + payload.size()) + head));
  for (const Slice& piece : payload.pieces()) call_->Send(piece);
  call_->SendEnd();
}

void Producer::OnAnswer(absl::StatusOr<std::string> answer) {
  absl::Status status = ParseAnswer(std::move(answer)).status();
  relay::EventLoop& loop = upstreams_->loop();
  if (status.ok() || !MayPass(status) || loop.Now() + pause_ >= give_up_) return Finish(status);
  timer_ = loop.After(pause_, [this] { Send(); });
  pause_ = std::min(pause_ * 2, kLongestPause);
}

void Producer::Finish(absl::Status status) {
  Done done = std::move(waiting_.front().done);
  waiting_.pop_front();
  if (!waiting_.empty()) {
    ++sequence_;
    give_up_ = upstreams_->loop().Now() + endpoint_.patience;
    pause_ = kFirstPause;
    Send();
  }
  done(std::move(status));
}

Consumer::Consumer(relay::Upstreams* upstreams, Endpoint endpoint, std::string topic)
    : upstreams_(upstreams),
      endpoint_(std::move(endpoint)),
      topic_(std::move(topic)),
      id_(RandomId()) {}

Consumer::~Consumer() {
  upstreams_->loop().Cancel(timer_);
  if (call_) call_->Cancel();
}

void Consumer::Pop(absl::Duration wait, Done done) {
  done_ = std::move(done);
  only_acknowledges_ = false;
  wait_end_ = upstreams_->loop().Now() + wait;
  give_up_ = wait_end_ + endpoint_.patience;
  pause_ = kFirstPause;
  Send();
}

void Consumer::Acknowledge(std::function<void(absl::Status)> done) {
  done_ = [done = std::move(done)](absl::StatusOr<std::string> result) { done(result.status()); };
  only_acknowledges_ = true;
  wait_end_ = upstreams_->loop().Now();
  give_up_ = wait_end_ + endpoint_.patience;
  pause_ = kFirstPause;
  Send();
}

void Consumer::Send() {
  relay::Headers metadata = Metadata(endpoint_);
  metadata.push_back({kConsumerHeader, id_});
  if (last_.queue != 0) metadata.push_back({kAckHeader, MessageIdText(last_)});
  if (only_acknowledges_) metadata.push_back({kAckOnlyHeader, "1"});
  absl::Duration wait = std::max(wait_end_ - upstreams_->loop().Now(), absl::Milliseconds(1));
  org::ppc::ptp::PopInbound pop;
  pop.set_topic(topic_);
  pop.set_timeout(
      static_cast<int32_t>(std::min<int64_t>(absl::ToInt64Milliseconds(wait), INT32_MAX)));
  call_ = relay::ClientCall::Unary(
      upstreams_,
      {.address = endpoint_.rollsite,
       .lane = relay::Lane::kBulk,
       .path = std::string(kService) + "pop",
       .metadata = std::move(metadata),
       .timeout = wait + kPopGrace},
      pop.SerializeAsString(),
      [this](absl::StatusOr<std::string> answer) { OnAnswer(std::move(answer)); });
}

void Consumer::OnAnswer(absl::StatusOr<std::string> answer) {
  auto outbound = ParseAnswer(std::move(answer));
  relay::EventLoop& loop = upstreams_->loop();
  if (!outbound.ok()) {
    if (!MayPass(outbound.status()) || loop.Now() + pause_ >= give_up_) {
      return Finish(outbound.status());
    }
    timer_ = loop.After(pause_, [this] { Send(); });
    pause_ = std::min(pause_ * 2, kLongestPause);
    return;
  }
  if (only_acknowledges_) return Finish(std::string());
  if (outbound->code() == transfer_queue::kTimeOut) {
    return Finish(NotFoundError("no message in topic {} within the wait", topic_));
  }
  if (!Receive(relay::Find(call_->head(), kOffsetHeader))) return Send();
  Finish(std::move(*outbound->mutable_payload()));
}

// False when the message has been received before.
bool Consumer::Receive(std::string_view id_text) {
  auto id = ParseMessageId(id_text);
  if (!id) return true;  // a gateway that knows no ids delivers once at most
  if (id->queue != last_.queue) seen_ = {};
  last_ = *id;
  if (seen_.Check(id->offset) != transfer_queue::SequenceSet::Seen::kNew) return false;
  seen_.Add(id->offset);
  return true;
}

void Consumer::Finish(absl::StatusOr<std::string> result) {
  Done done = std::exchange(done_, nullptr);
  done(std::move(result));
}

}  // namespace fate::queue_client
