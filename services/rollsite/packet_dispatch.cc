#include "rollsite/packet_dispatch.h"

#include <algorithm>
#include <functional>
#include <memory>

#include "base/status.h"
#include "base/text.h"
#include "relay/grpc_wire.h"
#include "rollsite/call_meter.h"
#include "rollsite/egg_sink.h"
#include "rollsite/packet_codec.h"
#include "rollsite/polling_frames.h"
#include "rollsite/route_operators.h"

namespace fate::rollsite {
namespace {

// Holds a stream until its destination is known.
class Peek final : public relay::StreamHandler, public std::enable_shared_from_this<Peek> {
 public:
  // Gets the first packet's header and the stream with everything received so far.
  using Found = std::function<void(const PacketHeader&, relay::Stream*, relay::Headers head,
                                   std::vector<relay::Slice> received, bool ended)>;

  static void Start(const char* method, relay::Stream* stream, relay::Headers head, Found found) {
    auto peek = std::make_shared<Peek>(method, stream, std::move(head), std::move(found));
    stream->SetHandler(peek);
    if (auto timeout = relay::ParseTimeout(relay::Find(peek->head_, "grpc-timeout"))) {
      peek->timer_ = stream->loop().After(*timeout, [weak = peek->weak_from_this()] {
        if (auto self = weak.lock()) self->Fail(DeadlineExceededError("no packet in time"));
      });
    }
  }

  Peek(const char* method, relay::Stream* stream, relay::Headers head, Found found)
      : method_(method),
        stream_(stream),
        loop_(&stream->loop()),
        head_(std::move(head)),
        found_(std::move(found)) {}
  ~Peek() override { loop_->Cancel(timer_); }

 private:
  void OnData(relay::Slice slice) override {
    if (!stream_) return;
    size_t room = kMaxPacketHeaderBytes + relay::kFrameHeadBytes - prefix_.size();
    std::string_view start = slice.view().substr(0, room);
    received_.push_back(std::move(slice));
    // Mostly the first slice has all of it, which then need not be copied.
    if (!prefix_.empty()) start = prefix_ += start;
    // Parts of a message that are allocated anew take as long as the rest of the dispatch.
    thread_local PacketHeader header;
    header.Clear();
    auto whole = PeekHeader(start, &header);
    if (!whole.ok()) return Fail(whole.status());
    if (*whole) return HandOver(header, /*ended=*/false);
    if (prefix_.empty()) prefix_ = start;
  }

  void OnEnd(relay::Headers) override {
    Fail(InvalidArgumentError("the call ended before its first packet"));
  }

  void OnClosed(const absl::Status&) override { stream_ = nullptr; }

  void HandOver(const PacketHeader& header, bool ended) {
    auto self = shared_from_this();  // SetHandler of the next one lets go of this one
    relay::Stream* stream = std::exchange(stream_, nullptr);
    found_(header, stream, std::move(head_), std::move(received_), ended);
  }

  void Fail(const absl::Status& status) {
    if (relay::Stream* stream = std::exchange(stream_, nullptr)) Refuse(method_, stream, status);
  }

  const char* const method_;
  relay::Stream* stream_;  // null once handed over
  relay::EventLoop* const loop_;
  relay::Headers head_;
  const Found found_;
  std::string prefix_;
  std::vector<relay::Slice> received_;
  relay::EventLoop::TimerId timer_ = 0;
};

// Upstream's status for what it cannot route (spec/rollsite.md 5.8), with the text it lacks, in the
// words of FATE 1.x's Proxy (spec/fate-1x-services.md 13.2).
absl::Status NotRouted(const absl::Status& status) {
  if (!absl::IsNotFound(status)) return status;
  return absl::UnknownError(fmt::format("no valid route for topic: {}", Message(status)));
}

// Who calls whom, as the packet says: its ext if that names a party, else src and dst.
routing::Call CallOf(const PacketHeader& header, const Destination& to, std::string_view to_role) {
  const bool by_ext = to.ext && !to.ext->srcpartyid().empty();
  return {by_ext ? std::string_view(to.ext->srcpartyid()) : header.src().partyid(),
          by_ext ? std::string_view(to.ext->srcrole()) : header.src().role(), to.party, to_role};
}

absl::Status Admit(const Gateway& gateway, const PacketHeader& header, const Destination& to,
                   relay::Stream* stream) {
  CallMeter* const meter = CallMeter::Of(stream);
  meter->SetPacket(header, to);
  RETURN_IF_ERROR(CheckSource(gateway, stream->peer(), header, to));
  return meter->Admit(!gateway.IsSelf(meter->from()));
}

// A packet takes no count of gateways along where it is polled for: what an exchange has brought
// and would be sent back to it went round until its deadline.
absl::Status CheckOnward(relay::Stream* stream, const Target& target, const Destination& to,
                         std::string_view role) {
  const relay::Address* const exchange = CallMeter::Of(stream)->exchange();
  if (!exchange || target.address != *exchange) return absl::OkStatus();
  return FailedPreconditionError(
      "router info has a cycle invoke: {} leads back to the exchange that has brought the call by "
      "polling; name the address of {} of party {} in the route table",
      target.text->peer, role.empty() ? "the default role" : Escape(role), Escape(to.party));
}

void ServeOperator(Gateway* gateway, relay::Stream* stream, relay::Headers head,
                   std::vector<relay::Slice> received) {
  relay::UnaryCall::Serve(
      stream, std::move(head), std::move(received), gateway->collected(),
      [gateway, caller = stream->peer().host](const std::shared_ptr<relay::UnaryCall>& call) {
        Packet packet;
        if (!packet.ParseFromString(call->TakeMessage())) {
          return call->Fail(InvalidArgumentError("the packet is damaged"));
        }
        CountCall("route_operator", absl::OkStatus());
        call->Answer(AnswerOperator(gateway->config(), caller, packet).SerializeAsString());
      });
}

}  // namespace

absl::Status CheckSource(const Gateway& gateway, const relay::Peer& peer,
                         const PacketHeader& header, const Destination& to) {
  if (to.ext && !to.ext->srcpartyid().empty()) {
    RETURN_IF_ERROR(gateway.Source(peer, to.ext->srcpartyid()).status());
  }
  return gateway.Source(peer, header.src().partyid()).status();
}

void DispatchPush(Gateway* gateway, EggFinder* eggs, PollingExchange* polling,
                  relay::Stream* stream, relay::Headers head) {
  Peek::Start(
      "push", stream, std::move(head),
      [gateway, eggs, polling](const PacketHeader& header, relay::Stream* from, relay::Headers head,
                               std::vector<relay::Slice> received, bool ended) {
        Destination to = DestinationOf(header);
        auto source = Admit(*gateway, header, to, from);
        if (!source.ok()) return Refuse("push", from, source);
        if (gateway->IsSelf(to.party)) {
          auto permitted = gateway->Permits(CallOf(header, to, to.role));
          if (!permitted.ok()) return Refuse("push", from, permitted);
          return SinkIntoEggs(gateway, eggs, header, to, from, head, std::move(received));
        }
        auto target = gateway->Route(CallOf(header, to, to.role));
        if (!target.ok()) return Refuse("push", from, NotRouted(target.status()));
        if (auto onward = CheckOnward(from, *target, to, to.role); !onward.ok()) {
          return Refuse("push", from, onward);
        }
        if (target->polls) {
          return polling->Pass(kPollingPush, to.party, from, head, std::move(received), ended);
        }
        gateway->PassOn("push", from, std::move(head), std::move(received), ended, *target,
                        relay::Lane::kBulk);
      });
}

void DispatchUnaryCall(Gateway* gateway, PollingExchange* polling, relay::Stream* stream,
                       relay::Headers head) {
  Peek::Start(
      "unaryCall", stream, std::move(head),
      [gateway, polling](const PacketHeader& header, relay::Stream* from, relay::Headers head,
                         std::vector<relay::Slice> received, bool ended) {
        Destination to = DestinationOf(header);
        auto source = Admit(*gateway, header, to, from);
        if (!source.ok()) return Refuse("unaryCall", from, source);
        auto target = gateway->Route(CallOf(header, to, header.dst().role()));
        if (IsRouteOperator(header.operator_()) &&
            (gateway->IsSelf(to.party) || absl::IsFailedPrecondition(target.status()))) {
          return ServeOperator(gateway, from, std::move(head), std::move(received));
        }
        if (!target.ok()) return Refuse("unaryCall", from, NotRouted(target.status()));
        if (auto onward = CheckOnward(from, *target, to, header.dst().role()); !onward.ok()) {
          return Refuse("unaryCall", from, onward);
        }
        if (target->polls) {
          return polling->Pass(kPollingUnary, to.party, from, head, std::move(received), ended);
        }
        gateway->PassOn("unaryCall", from, std::move(head), std::move(received), ended, *target,
                        relay::Lane::kControl);
      });
}

}  // namespace fate::rollsite
