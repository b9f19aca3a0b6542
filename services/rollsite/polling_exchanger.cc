#include "rollsite/polling_exchanger.h"

#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/call_meter.h"

namespace fate::rollsite {

Exchanger::Exchanger(PollingExchange* exchange, relay::Stream* stream, const relay::Headers& head)
    : exchange_(exchange),
      loop_(&stream->loop()),
      stream_(stream),
      takes_invokes_(relay::Find(head, kPollingHeader) == kPollingInvoke),
      reader_(kMaxMessageBytes) {}

void Exchanger::StartTimer(absl::Duration delay) {
  timer_ = loop_->After(delay, [weak = weak_from_this()] {
    if (auto self = weak.lock()) self->timer_ = 0, self->EndQuietly();
  });
}

void Exchanger::Begin(Done done, OnBytesSent on_sent) {
  loop_->Cancel(std::exchange(timer_, 0));
  done_ = std::move(done);
  on_sent_ = std::move(on_sent);
  SendHead();
}

void Exchanger::Abort(const std::string& why) {
  done_ = nullptr;
  on_sent_ = nullptr;
  PollingFrame poison;
  poison.set_method(kPollingError);
  poison.set_desc(why);
  Send(Framed(poison));
  End(absl::OkStatus());
}

void Exchanger::OnData(relay::Slice slice) {
  if (!stream_) return;
  std::string_view bytes = slice.view();
  while (!bytes.empty() && stream_) {
    auto message = reader_.Next(&bytes);
    if (!message.ok()) return End(message.status());
    if (!*message) continue;
    PollingFrame frame;
    if (!frame.ParseFromString(**message)) {
      return End(InvalidArgumentError("the polling frame is damaged"));
    }
    OnFrame(std::move(frame));
  }
  if (stream_) stream_->Consume(slice.size);
}

void Exchanger::OnFrame(PollingFrame frame) {
  const int64_t expected = party_.empty() ? 0 : 1;
  if (frame.seq() != expected && frame.method() != kPollingError) {
    return End(InvalidArgumentError("invalid seq={}; {} is expected here", frame.seq(), expected));
  }
  if (party_.empty()) return Open(frame);
  if (!done_) return End(InvalidArgumentError("an answer, but no call was passed on"));
  if (frame.method() == kPollingError) {
    return Answer(UnavailableError("party {} answers: {}", party_, Escape(frame.desc())));
  }
  Answer(std::move(frame));
}

void Exchanger::Open(const PollingFrame& frame) {
  const auto party = PartyId::Parse(frame.metadata().dst().partyid());
  if (!party.ok()) {
    return End(
        InvalidArgumentError("the first frame must name the party that polls in "
                             "metadata.dst.partyId: {}",
                             Message(party.status())));
  }
  CallMeter::Of(stream_)->SetFrom(party->str());
  // Else one party could take what is meant for another.
  auto allowed = exchange_->gateway_->Source(stream_->peer(), party->str());
  if (!allowed.ok()) return End(allowed.status());
  if (auto status = CallMeter::Of(stream_)->Admit(/*limited=*/true); !status.ok()) {
    return End(status);
  }
  party_ = frame.metadata().dst().partyid();
  StartTimer(exchange_->gateway_->config().polling_no_data_timeout);
  if (!exchange_->Park(party_, shared_from_this())) {
    End(
        ResourceExhaustedError("party {} keeps {} streams open already; lower "
                               "eggroll.rollsite.polling.concurrency there",
                               party_, kMaxPollingStreams));
  }
  SendHead();  // tells the party that it is served
}

void Exchanger::Answer(absl::StatusOr<PollingFrame> answer) {
  if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
  End(absl::OkStatus());
}

// The party has ended its half: after the answer, or while nothing was asked.
void Exchanger::OnEnd(relay::Headers) {
  if (done_) return Answer(UnavailableError("party {} ended the call without an answer", party_));
  End(absl::OkStatus());
}

void Exchanger::OnClosed(const absl::Status& why) {
  stream_ = nullptr;
  exchange_->Unpark(party_, this);
  if (auto done = std::exchange(done_, nullptr)) {
    done(UnavailableError("the stream of polling party {} broke: {}", party_, Message(why)));
  }
}

void Exchanger::SendHead() {
  if (stream_ && !std::exchange(head_sent_, true)) {
    stream_->SendHeaders(relay::ResponseHead(), /*end=*/false);
  }
}

void Exchanger::End(const absl::Status& status) {
  auto self = shared_from_this();  // the stream and the exchange let go of it
  loop_->Cancel(std::exchange(timer_, 0));
  exchange_->Unpark(party_, this);
  if (relay::Stream* stream = std::exchange(stream_, nullptr)) {
    relay::SendStatus(stream, head_sent_, status);
  }
  if (auto done = std::exchange(done_, nullptr)) done(status);
}

}  // namespace fate::rollsite
