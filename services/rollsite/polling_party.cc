#include "rollsite/polling_party.h"

#include <algorithm>

#include "base/limits.h"
#include "base/log.h"
#include "base/status.h"
#include "base/text.h"
#include "relay/client_call.h"
#include "relay/grpc_wire.h"
#include "rollsite/packet_dispatch.h"
#include "rollsite/polling_frames.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {
namespace {

constexpr char kService[] = "/com.webank.ai.eggroll.api.networking.proxy.DataTransferService/";
constexpr absl::Duration kRetryPause = absl::Milliseconds(1211);  // upstream's

}  // namespace

// One stream after the other, each for one call.
class Poller final : public relay::StreamHandler, public std::enable_shared_from_this<Poller> {
 public:
  Poller(PollingParty* party, Gateway* gateway)
      : party_(party), gateway_(gateway), reader_(kMaxMessageBytes) {}
  ~Poller() override { gateway_->loop().Cancel(timer_); }

  void Open() {
    Forget();
    opened_ = gateway_->loop().Now();
    const std::string self = gateway_->SelfName("");
    auto target = gateway_->Route({self, "default", "default", "default"});
    if (!target.ok()) return Retry(target.status());
    relay::Headers head = relay::RequestHead(std::string(kService) + "polling",
                                             target->address.ToString(), absl::InfiniteDuration());
    head.push_back({kPollingHeader, kPollingInvoke});
    exchange_ = target->address;
    stream_ = gateway_->upstreams()->Open({target->address, target->tls}, relay::Lane::kBulk, head,
                                          /*end=*/false, shared_from_this());
    PollingFrame first;
    first.mutable_metadata()->mutable_dst()->set_partyid(self);
    stream_->SendData(Framed(first));
  }

  void Stop() {
    stopped_ = true;
    gateway_->loop().Cancel(std::exchange(timer_, 0));
    if (call_) call_->Cancel();
    if (relay::Stream* stream = std::exchange(stream_, nullptr)) stream->Reset(relay::kCancel);
  }

 private:
  void Forget() {
    reader_ = relay::FrameReader(kMaxMessageBytes);
    head_.clear();
    call_.reset();
    ticket_.reset();
    held_bytes_ = 0;
    answered_ = false;
  }

  void OnHeaders(relay::Headers headers, bool end) override {
    head_ = std::move(headers);
    if (!end && relay::Find(head_, ":status") == "200") party_->Report(absl::OkStatus());
  }

  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    std::string_view bytes = slice.view();
    while (!bytes.empty() && stream_) {
      auto message = reader_.Next(&bytes);
      if (!message.ok()) return Poison(Message(message.status()));
      if (!*message) continue;
      PollingFrame frame;
      if (!frame.ParseFromString(**message)) return Poison("the polling frame is damaged");
      OnFrame(std::move(frame));
    }
    held_bytes_ += slice.size;
    ReturnCredit();
  }

  void OnFrame(PollingFrame frame) {
    if (frame.method() == kPollingPush) return OnPacket(frame);
    if (frame.method() == kPollingUnary) return OnUnary(frame);
    if (frame.method() == kPollingInvoke) return OnInvoke(std::move(frame));
    if (frame.method() == kPollingFinish) {
      if (call_) call_->SendEnd();
      return;
    }
    if (frame.method() == kPollingError) {
      if (call_) call_->Cancel();
      answered_ = true;  // nobody waits for an answer
      return;
    }
    Poison(fmt::format("method '{}' is not known", Escape(frame.method())));
  }

  // There it counts as the exchange's, until the ticket is given back.
  relay::ClientCall::Options ToSelf(std::string path) {
    ticket_ = gateway_->carried_calls()->Carry(stream_->peer(), exchange_);
    return {.address = gateway_->own_address(),
            .lane = relay::Lane::kBulk,
            .path = std::move(path),
            .metadata = {ticket_->header()},
            .on_sent = [weak = weak_from_this()](size_t) {
              if (auto self = weak.lock()) self->ReturnCredit();
            }};
  }

  // Of whose calls the exchange may bring, as of those that come in through a listener.
  bool MayCome(const PollingFrame& frame) {
    const auto& header = frame.packet().header();
    const auto source = CheckSource(*gateway_, stream_->peer(), header, DestinationOf(header));
    if (!source.ok()) Poison(ToText(source));
    return source.ok();
  }

  void OnPacket(const PollingFrame& frame) {
    if (!call_) {
      if (!MayCome(frame)) return;
      call_ =
          relay::ClientCall::Start(gateway_->upstreams(), ToSelf(std::string(kService) + "push"),
                                   [weak = weak_from_this()](absl::StatusOr<std::string> got) {
                                     if (auto self = weak.lock()) self->OnPushed(std::move(got));
                                   });
    }
    call_->Send(Framed(frame.packet()));
  }

  void OnUnary(const PollingFrame& frame) {
    if (!MayCome(frame)) return;
    call_ =
        relay::ClientCall::Unary(gateway_->upstreams(), ToSelf(std::string(kService) + "unaryCall"),
                                 frame.packet().SerializeAsString(),
                                 [weak = weak_from_this()](absl::StatusOr<std::string> got) {
                                   if (auto self = weak.lock()) self->OnCalled(std::move(got));
                                 });
  }

  // Who may speak is for the own listener to say, as of calls that come in through it: the ticket
  // shows it the exchange's certificate.
  void OnInvoke(PollingFrame frame) {
    if (!call_) {
      auto head = InvokeHeaders(frame);
      if (!head.ok()) return Poison(Message(head.status()));
      auto options = ToSelf(kInvokePath);
      for (const relay::Header& header : *head) options.metadata.push_back(header);
      call_ = relay::ClientCall::Start(gateway_->upstreams(), std::move(options),
                                       [weak = weak_from_this()](absl::StatusOr<std::string> got) {
                                         if (auto self = weak.lock())
                                           self->OnInvoked(std::move(got));
                                       });
    }
    std::string bytes = std::move(*frame.mutable_packet()->mutable_body()->mutable_value());
    if (!bytes.empty()) call_->Send(relay::Slice::Take(std::move(bytes)));
  }

  void OnInvoked(absl::StatusOr<std::string> answer) {
    ticket_.reset();
    const absl::Status status = answer.status();
    SendLast(InvokeAnswer(status, call_->head(), status.ok() ? *std::move(answer) : ""));
  }

  void OnPushed(absl::StatusOr<std::string> answer) {
    PollingFrame frame;
    frame.set_method(kPollingPush);
    const bool good = answer.ok() && frame.mutable_metadata()->ParseFromString(*answer);
    Answer(std::move(frame), good, answer.status());
  }

  void OnCalled(absl::StatusOr<std::string> answer) {
    PollingFrame frame;
    frame.set_method(kPollingUnary);
    const bool good = answer.ok() && frame.mutable_packet()->ParseFromString(*answer);
    Answer(std::move(frame), good, answer.status());
  }

  void Answer(PollingFrame frame, bool good, const absl::Status& status) {
    if (!good) return Poison(status.ok() ? "the answer is damaged" : ToText(status));
    frame.set_seq(1);
    SendLast(frame);
  }

  void Poison(const std::string& why) {
    if (call_) call_->Cancel();
    PollingFrame frame;
    frame.set_method(kPollingError);
    frame.set_desc(why);
    SendLast(frame);
  }

  void SendLast(const PollingFrame& frame) {
    if (!stream_ || std::exchange(answered_, true)) return;
    stream_->SendData(Framed(frame));
    stream_->SendEnd();
  }

  // A stream's credit goes back once its packets have gone on.
  void ReturnCredit() {
    if (!stream_ || (call_ && call_->queued_bytes() > kRelayStreamWindowBytes)) return;
    stream_->Consume(std::exchange(held_bytes_, 0));
  }

  // The exchange has ended the stream: after the answer, or because nothing came for long.
  void OnEnd(relay::Headers trailers) override {
    const absl::Status status = relay::StatusOf(head_, trailers);
    if (call_) call_->Cancel();
    if (relay::Stream* stream = std::exchange(stream_, nullptr)) {
      stream->end_sent() ? stream->SetHandler(nullptr) : stream->Reset(relay::kNoError);
    }
    status.ok() ? Again(PauseAfterSuccess()) : Retry(status);
  }

  // None after a call, nor after a long wait for one; an exchange that ends streams as soon as they
  // are opened is not asked without end.
  absl::Duration PauseAfterSuccess() const {
    if (answered_) return absl::ZeroDuration();
    return std::max(absl::ZeroDuration(), kRetryPause - (gateway_->loop().Now() - opened_));
  }

  void OnClosed(const absl::Status& why) override {
    stream_ = nullptr;
    if (call_) call_->Cancel();
    why.ok() ? Again(PauseAfterSuccess()) : Retry(why);
  }

  void Retry(const absl::Status& why) {
    party_->Report(why);
    Again(kRetryPause);
  }

  void Again(absl::Duration pause) {
    if (stopped_) return;
    gateway_->loop().Cancel(timer_);
    timer_ = gateway_->loop().After(pause, [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self || self->stopped_) return;
      self->timer_ = 0;
      self->Open();
    });
  }

  PollingParty* const party_;
  Gateway* const gateway_;
  relay::Stream* stream_ = nullptr;
  relay::FrameReader reader_;
  relay::Headers head_;
  std::shared_ptr<relay::ClientCall> call_;  // to the own gateway
  std::unique_ptr<CarriedCalls::Ticket> ticket_;
  relay::Address exchange_;
  size_t held_bytes_ = 0;  // read, but not yet returned to the exchange's window
  bool answered_ = false, stopped_ = false;
  absl::Time opened_;
  relay::EventLoop::TimerId timer_ = 0;
};

PollingParty::~PollingParty() { Stop(); }

void PollingParty::Start() {
  for (int i = 0; i < gateway_->config().polling_streams; ++i) {
    pollers_.push_back(std::make_shared<Poller>(this, gateway_));
    pollers_.back()->Open();
  }
}

void PollingParty::Stop() {
  for (const auto& poller : std::exchange(pollers_, {})) poller->Stop();
}

void PollingParty::Report(const absl::Status& status) {
  if (status.ok() && !std::exchange(reported_success_, true)) {
    reported_failure_ = false;
    log::Info("calls arrive by polling the exchange of route \"default\"");
  }
  if (!status.ok() && !std::exchange(reported_failure_, true)) {
    reported_success_ = false;
    log::Warning("polling the exchange of route \"default\" failed, again every {}: {}",
                 absl::FormatDuration(kRetryPause), ToText(status));
  }
}

}  // namespace fate::rollsite
