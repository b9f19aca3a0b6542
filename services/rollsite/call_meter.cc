#include "rollsite/call_meter.h"

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "base/text.h"
#include "rollsite/topic_peek.h"
#include "wire/federation_key.h"

namespace fate::rollsite {
namespace {

constexpr int kCancelled = 1, kUnknown = 2;  // gRPC

void Finish(audit::Digest* digest, audit::Body* body) {
  body->digested = digest->covered();
  if (body->digested > 0) body->digest = digest->Finish();
}

void ReadMetadata(const PtpContext& context, audit::Call* call) {
  call->from = context.Source();
  call->to = context.Target();
  call->session = context.session;
  call->tag = context.topic;
}

}  // namespace

CallMeter* CallMeter::Attach(AuditLog* log, Quotas* quotas, std::string_view method,
                             const relay::Peer& caller, relay::Stream* stream,
                             const PtpContext& context) {
  auto* meter = new CallMeter(log, quotas, method, caller, stream, context);
  stream->SetMeter(std::unique_ptr<relay::Meter>(meter));
  return meter;
}

CallMeter::CallMeter(AuditLog* log, Quotas* quotas, std::string_view method,
                     const relay::Peer& caller, relay::Stream* stream, const PtpContext& context)
    : log_(log),
      quotas_(quotas),
      stream_(stream),
      loop_(&stream->loop()),
      start_(loop_->Now()),
      party_(quotas->Find("", caller.host)) {
  ++party_->streams;
  ReadMetadata(context, &call_);
  call_.peer = caller.host;
  if (!log) return;
  call_.method = method;
  seeks_topic_ = call_.tag.empty() && (method.starts_with("queue_") || method == "invoke");
  call_.certified = caller.certificate != nullptr;
  call_.grpc_code = kCancelled;  // unless it is answered
  request_.Reset(log->digest_limit());
  answer_.Reset(log->digest_limit());
}

CallMeter::~CallMeter() {
  Release(Quotas::kRequests, held_[Quotas::kRequests]);
  Release(Quotas::kAnswers, held_[Quotas::kAnswers]);
  quotas_->Leave(party_);
  if (!log_) return;
  Finish(&request_, &call_.request);
  Finish(&answer_, &call_.answer);
  call_.end_us = absl::GetCurrentTimeNanos() / 1000;
  call_.duration_us = absl::ToInt64Microseconds(loop_->Now() - start_);
  log_->Add(&call_);
}

absl::Status CallMeter::Admit(bool limited) {
  Quotas::Party* const party = quotas_->Find(call_.from, call_.peer);
  for (const auto way : {Quotas::kRequests, Quotas::kAnswers}) {
    const size_t held = held_[way];
    Release(way, held);
    if (held > 0) quotas_->Hold(party, way, held).IgnoreError();
    held_[way] = held;
  }
  quotas_->Leave(std::exchange(party_, party));
  return quotas_->Enter(party, limited);
}

void CallMeter::Hold(Quotas::Way way, size_t bytes) {
  held_[way] += bytes;
  if (auto status = quotas_->Hold(party_, way, bytes); !status.ok()) stream_->FailLater(status);
}

void CallMeter::Release(Quotas::Way way, size_t bytes) {
  bytes = std::min(bytes, held_[way]);
  held_[way] -= bytes;
  quotas_->Release(party_, way, bytes);
}

void CallMeter::SetPacket(const PacketHeader& header, const Destination& to) {
  call_.to = to.party;
  call_.from = header.src().partyid();
  call_.session = header.task().taskid();
  call_.tag = header.operator_();
  if (!to.ext) return;
  if (!to.ext->srcpartyid().empty()) call_.from = to.ext->srcpartyid();
  call_.session = to.ext->rollsitesessionid();
  call_.tag = wire::RollSiteKey(*to.ext);
}

void CallMeter::SeekTopic(std::string_view bytes) {
  bytes = bytes.substr(0, kTopicWithinFrameBytes);
  std::string_view begin = bytes;
  if (!begin_.empty()) begin = begin_ += bytes;
  const auto topic = TopicIn(begin, call_.method == "invoke");
  if (!topic && begin.size() < kTopicWithinFrameBytes) {
    if (begin_.empty()) begin_ = begin;
    return;
  }
  call_.tag = topic.value_or("");
  seeks_topic_ = false;
  begin_.clear();
}

void CallMeter::OnRequest(std::string_view bytes) {
  if (seeks_topic_) SeekTopic(bytes);
  call_.request.bytes += bytes.size();
  request_.Add(bytes);
  Hold(Quotas::kRequests, bytes.size());
}

void CallMeter::OnAnswer(std::string_view bytes) {
  call_.answer.bytes += bytes.size();
  answer_.Add(bytes);
  if (relayed_) Hold(Quotas::kAnswers, bytes.size());
}

void CallMeter::OnStatus(const relay::Headers& trailers) {
  const std::string_view code = relay::Find(trailers, "grpc-status");
  call_.grpc_code = ParseInt<int>(code).value_or(kUnknown);
}

}  // namespace fate::rollsite
