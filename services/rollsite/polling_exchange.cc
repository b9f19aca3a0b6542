#include "rollsite/polling_exchange.h"

#include <algorithm>
#include <functional>

#include "base/limits.h"
#include "base/log.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "proxy/proxy.pb.h"
#include "relay/grpc_wire.h"
#include "rollsite/call_meter.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {
namespace {

using com::webank::ai::eggroll::api::networking::proxy::PollingFrame;

// The gRPC frame of one message.
relay::Slice Framed(const PollingFrame& frame) {
  std::string bytes = frame.SerializeAsString();
  return relay::Slice::Take(relay::FrameHead(bytes.size()) + bytes);
}

// A frame's bytes up to its packet, whose `packet_bytes` follow: field 20 comes last.
// Without a deadline of its own a call waits so long for a stream of the party.
constexpr absl::Duration kPollingPatience = absl::Seconds(60);

std::string FrameUpToPacket(const char* method, int64_t seq, size_t packet_bytes) {
  PollingFrame frame;
  frame.set_method(method);
  frame.set_seq(seq);
  std::string bytes = frame.SerializeAsString();
  AppendVarint(&bytes, 20 << 3 | 2);
  AppendVarint(&bytes, packet_bytes);
  return relay::FrameHead(bytes.size() + packet_bytes) + bytes;
}

}  // namespace

// A party's stream: opening until it has said whose it is, then parked, then busy with one call.
class Exchanger final : public relay::StreamHandler,
                        public std::enable_shared_from_this<Exchanger> {
 public:
  using Done = std::function<void(absl::StatusOr<PollingFrame> answer)>;
  using OnBytesSent = std::function<void(size_t bytes)>;

  Exchanger(PollingExchange* exchange, relay::Stream* stream)
      : exchange_(exchange), loop_(&stream->loop()), stream_(stream), reader_(kMaxMessageBytes) {}
  ~Exchanger() override { loop_->Cancel(timer_); }

  void StartTimer(absl::Duration delay) {
    timer_ = loop_->After(delay, [weak = weak_from_this()] {
      if (auto self = weak.lock()) self->timer_ = 0, self->EndQuietly();
    });
  }

  // The call that this stream carries; `done` runs once unless Abort comes before.
  void Begin(Done done, OnBytesSent on_sent) {
    loop_->Cancel(std::exchange(timer_, 0));
    done_ = std::move(done);
    on_sent_ = std::move(on_sent);
    SendHead();
  }
  void Send(relay::Slice slice) {
    if (stream_) stream_->SendData(std::move(slice));
  }
  // The caller is gone: tells the party and ends the stream.
  void Abort(const std::string& why) {
    done_ = nullptr;
    on_sent_ = nullptr;
    PollingFrame poison;
    poison.set_method(kPollingError);
    poison.set_desc(why);
    Send(Framed(poison));
    End(absl::OkStatus());
  }
  void EndQuietly() { End(absl::OkStatus()); }

 private:
  void OnData(relay::Slice slice) override {
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

  void OnFrame(PollingFrame frame) {
    const int64_t expected = party_.empty() ? 0 : 1;
    if (frame.seq() != expected && frame.method() != kPollingError) {
      return End(
          InvalidArgumentError("invalid seq={}; {} is expected here", frame.seq(), expected));
    }
    if (party_.empty()) return Open(frame);
    if (!done_) return End(InvalidArgumentError("an answer, but no call was passed on"));
    if (frame.method() == kPollingError) {
      return Answer(UnavailableError("party {} answers: {}", party_, Escape(frame.desc())));
    }
    Answer(std::move(frame));
  }

  void Open(const PollingFrame& frame) {
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

  void Answer(absl::StatusOr<PollingFrame> answer) {
    if (auto done = std::exchange(done_, nullptr)) done(std::move(answer));
    End(absl::OkStatus());
  }

  // The party has ended its half: after the answer, or while nothing was asked.
  void OnEnd(relay::Headers) override {
    if (done_) return Answer(UnavailableError("party {} ended the call without an answer", party_));
    End(absl::OkStatus());
  }

  void OnClosed(const absl::Status& why) override {
    stream_ = nullptr;
    exchange_->Unpark(party_, this);
    if (auto done = std::exchange(done_, nullptr)) {
      done(UnavailableError("the stream of polling party {} broke: {}", party_, Message(why)));
    }
  }

  void OnSent(size_t bytes) override {
    if (on_sent_) on_sent_(bytes);
  }

  void SendHead() {
    if (stream_ && !std::exchange(head_sent_, true)) {
      stream_->SendHeaders(relay::ResponseHead(), /*end=*/false);
    }
  }

  void End(const absl::Status& status) {
    auto self = shared_from_this();  // the stream and the exchange let go of it
    loop_->Cancel(std::exchange(timer_, 0));
    exchange_->Unpark(party_, this);
    if (relay::Stream* stream = std::exchange(stream_, nullptr)) {
      relay::SendStatus(stream, head_sent_, status);
    }
    if (auto done = std::exchange(done_, nullptr)) done(status);
  }

  PollingExchange* const exchange_;
  relay::EventLoop* const loop_;
  relay::Stream* stream_;  // null once over
  relay::FrameReader reader_;
  std::string party_;  // "" until the first frame
  bool head_sent_ = false;
  relay::EventLoop::TimerId timer_ = 0;
  Done done_;
  OnBytesSent on_sent_;
};

// The caller's side: waits for an exchanger, then wraps each packet in a frame as it passes by.
class PolledCall final : public relay::StreamHandler,
                         public std::enable_shared_from_this<PolledCall> {
 public:
  PolledCall(const char* method, std::string party, relay::Stream* stream)
      : method_(method), party_(std::move(party)), loop_(&stream->loop()), stream_(stream) {}
  ~PolledCall() override { loop_->Cancel(timer_); }

  void Start(const relay::Headers& head, std::vector<relay::Slice> received) {
    received_ = std::move(received);
    const auto timeout = relay::ParseTimeout(relay::Find(head, "grpc-timeout"));
    has_deadline_ = timeout.has_value();
    timer_ = loop_->After(timeout.value_or(kPollingPatience), [weak = weak_from_this()] {
      auto self = weak.lock();
      if (!self) return;
      self->timer_ = 0;
      self->exchanger_
          ? self->Fail(DeadlineExceededError("no answer of polling party {} in time", self->party_))
          : self->Fail(UnavailableError(
                "party {} has no polling stream open here; check that its rollsite "
                "runs with eggroll.rollsite.polling.client.enabled=true and that its "
                "route \"default\" leads here",
                self->party_));
    });
  }

  bool waits() const { return stream_ != nullptr && !exchanger_; }

  void Use(std::shared_ptr<Exchanger> exchanger) {
    if (!has_deadline_) loop_->Cancel(std::exchange(timer_, 0));
    exchanger_ = std::move(exchanger);
    std::weak_ptr<PolledCall> weak = weak_from_this();
    exchanger_->Begin(
        [weak](absl::StatusOr<PollingFrame> answer) {
          if (auto self = weak.lock()) self->OnAnswer(std::move(answer));
        },
        [weak](size_t bytes) {
          if (auto self = weak.lock(); self && self->stream_) self->stream_->Consume(bytes);
        });
    for (relay::Slice& slice : std::exchange(received_, {})) Pass(std::move(slice));
    if (ended_) SendFinish();
  }

 private:
  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    exchanger_ ? Pass(std::move(slice)) : received_.push_back(std::move(slice));
  }

  void Pass(relay::Slice slice) {
    CountBytes(slice.size, 0);
    while (slice.size > 0 && stream_) {
      if (left_ == 0 && !ReadFrameHead(&slice)) return;
      const size_t take = std::min(left_, slice.size);
      relay::Slice part = slice;
      part.size = take;
      slice.RemovePrefix(take);
      left_ -= take;
      if (take > 0) exchanger_->Send(std::move(part));
    }
  }

  // Takes bytes of a message's head; false while it is incomplete or wrong.
  bool ReadFrameHead(relay::Slice* slice) {
    while (frame_head_.size() < relay::kFrameHeadBytes && slice->size > 0) {
      frame_head_ += *slice->data;
      slice->RemovePrefix(1);
    }
    if (frame_head_.size() < relay::kFrameHeadBytes) return false;
    for (char c : frame_head_.substr(1)) left_ = left_ << 8 | static_cast<unsigned char>(c);
    if (frame_head_[0] != 0) {
      Fail(UnimplementedError("compressed messages are not supported"));
      return false;
    }
    frame_head_.clear();
    exchanger_->Send(relay::Slice::Take(FrameUpToPacket(method_, ++seq_, left_)));
    return true;
  }

  void OnEnd(relay::Headers) override {
    if (!stream_) return;
    ended_ = true;
    if (exchanger_) SendFinish();
  }

  void SendFinish() {
    if (left_ > 0 || !frame_head_.empty() || seq_ == 0) {
      return Fail(InvalidArgumentError("the call ended within a message"));
    }
    if (method_ != std::string_view(kPollingPush)) return;
    PollingFrame finish;
    finish.set_method(kPollingFinish);
    finish.set_seq(seq_ + 1);
    exchanger_->Send(Framed(finish));
  }

  void OnAnswer(absl::StatusOr<PollingFrame> answer) {
    if (!stream_) return;
    exchanger_.reset();
    if (!answer.ok()) return Fail(answer.status());
    const bool is_push = method_ == std::string_view(kPollingPush);
    if (answer->method() != method_ || !(is_push ? answer->has_metadata() : answer->has_packet())) {
      return Fail(InternalError("party {} answers a {} with a frame '{}'", party_, method_,
                                Escape(answer->method())));
    }
    CountCall(method_, absl::OkStatus());
    loop_->Cancel(std::exchange(timer_, 0));
    std::vector<relay::Slice> pieces;
    pieces.push_back(relay::Slice::Take(is_push ? answer->metadata().SerializeAsString()
                                                : answer->packet().SerializeAsString()));
    relay::SendMessage(std::exchange(stream_, nullptr), std::move(pieces));
  }

  void OnClosed(const absl::Status&) override {
    stream_ = nullptr;
    if (exchanger_) exchanger_->Abort("the caller left");
    exchanger_.reset();
  }

  void Fail(const absl::Status& status) {
    auto self = shared_from_this();
    relay::Stream* stream = std::exchange(stream_, nullptr);
    if (exchanger_) exchanger_->Abort(Message(status));
    exchanger_.reset();
    loop_->Cancel(std::exchange(timer_, 0));
    if (stream) Refuse(method_, stream, status);
  }

  const char* const method_;
  const std::string party_;
  relay::EventLoop* const loop_;
  relay::Stream* stream_;  // null once answered or left
  std::shared_ptr<Exchanger> exchanger_;
  std::vector<relay::Slice> received_;  // before there was an exchanger; bounded by the window
  std::string frame_head_;
  size_t left_ = 0;  // bytes of the current message still to come
  int64_t seq_ = 0;
  bool ended_ = false, has_deadline_ = false;
  relay::EventLoop::TimerId timer_ = 0;
};

PollingExchange::~PollingExchange() { Stop(); }

void PollingExchange::Serve(relay::Stream* stream, relay::Headers) {
  if (!gateway_->config().polling_server) {
    return Refuse("polling", stream,
                  UnimplementedError("this rollsite serves no polling parties; set "
                                     "eggroll.rollsite.polling.server.enabled=true"));
  }
  auto exchanger = std::make_shared<Exchanger>(this, stream);
  stream->SetHandler(exchanger);
  exchanger->StartTimer(gateway_->config().polling_no_data_timeout);
}

void PollingExchange::Pass(const char* method, const std::string& party, relay::Stream* stream,
                           const relay::Headers& head, std::vector<relay::Slice> received) {
  auto call = std::make_shared<PolledCall>(method, party, stream);
  stream->SetHandler(call);
  call->Start(head, std::move(received));
  Acquire(party, call);
}

void PollingExchange::Acquire(const std::string& party, const std::shared_ptr<PolledCall>& call) {
  auto parked = parked_.find(party);
  if (parked == parked_.end()) {
    waiting_[party].push_back(call);
    return;
  }
  std::shared_ptr<Exchanger> exchanger = std::move(parked->second.front());
  parked->second.pop_front();
  if (parked->second.empty()) parked_.erase(parked);
  call->Use(std::move(exchanger));
}

bool PollingExchange::Park(const std::string& party, std::shared_ptr<Exchanger> exchanger) {
  for (auto waiting = waiting_.find(party); waiting != waiting_.end();) {
    const std::shared_ptr<PolledCall> call = waiting->second.front().lock();
    waiting->second.pop_front();
    if (waiting->second.empty()) {
      waiting_.erase(waiting);
      waiting = waiting_.end();
    }
    if (call != nullptr && call->waits()) {
      call->Use(std::move(exchanger));
      return true;
    }
  }
  auto& parked = parked_[party];
  if (parked.size() >= static_cast<size_t>(kMaxPollingStreams)) return false;
  parked.push_back(std::move(exchanger));
  return true;
}

void PollingExchange::Unpark(const std::string& party, const Exchanger* exchanger) {
  auto parked = parked_.find(party);
  if (parked == parked_.end()) return;
  std::erase_if(parked->second, [&](const auto& one) { return one.get() == exchanger; });
  if (parked->second.empty()) parked_.erase(parked);
}

size_t PollingExchange::parked_streams() const {
  size_t count = 0;
  for (const auto& [party, exchangers] : parked_) count += exchangers.size();
  return count;
}

void PollingExchange::Stop() {
  for (auto& [party, exchangers] : std::exchange(parked_, {})) {
    for (const auto& exchanger : exchangers) exchanger->EndQuietly();
  }
}

}  // namespace fate::rollsite
