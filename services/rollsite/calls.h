#pragma once

// Which code answers a call: by path, then by where it is meant to go.
//
//   PrivateTransferTransport push     own party: queue; other: PushOnward
//                            pop, peek, release: queue
//   PrivateTransferProtocol  invoke   own party: queue; other: passed on unchanged (exchange)
//                                     parties that poll: PollingExchange; http: HttpForward
//   DataTransferService      push     own party: EggSink; other: passed on
//     (eggroll's and FATE    unaryCall  by route, the own party too (its fateflow)
//     1.x's package)         polling    a party without an inbound port: PollingExchange
//   grpc.health, reflection           passed on to the gRPC server behind `introspection`
//   anything else                     UNIMPLEMENTED

#include <functional>

#include "rollsite/audit_log.h"
#include "rollsite/egg_finder.h"
#include "rollsite/gateway.h"
#include "rollsite/http_forward.h"
#include "rollsite/polling_exchange.h"
#include "rollsite/queue_service.h"

namespace fate::rollsite {

class Calls {
 public:
  // `audit`: null if calls are not recorded. `ready`: whether health may say that this serves.
  Calls(Gateway* gateway, const relay::Address& introspection, AuditLog* audit,
        std::function<bool()> ready);

  void OnCall(Entrance entrance, relay::Stream* stream, relay::Headers head, bool end);

  QueueService& queues() { return queues_; }
  PollingExchange& polling() { return polling_; }

 private:
  // `context`: views of `head`.
  absl::Status Meter(AuditLog* audit, std::string_view path, const relay::Peer& caller,
                     relay::Stream* stream, const PtpContext& context);
  void RefuseUnrecorded(relay::Stream* stream, const absl::Status& why);
  absl::Status CountForParty(std::string_view path, const relay::Peer& caller,
                             relay::Stream* stream);
  absl::Status Admit(Entrance entrance, const relay::Stream& stream, const relay::Peer& caller,
                     const relay::Headers& head, const PtpContext& context) const;
  void OnTransport(std::string_view method, relay::Stream* stream, relay::Headers head,
                   const PtpContext& context);
  void OnInvoke(const relay::Peer& caller, relay::Stream* stream, relay::Headers head, bool end,
                PtpContext context);
  void OnQueuePush(relay::Stream* stream, relay::Headers head, const PtpContext& context);
  void FailCode(std::string_view method, relay::Stream* stream, relay::Headers head,
                std::string_view code, const std::string& text, std::string_view detail);
  void NotRouted(std::string_view method, relay::Stream* stream, relay::Headers head,
                 const absl::Status& why);

  Gateway* const gateway_;
  QueueService queues_;
  EggFinder eggs_;
  PollingExchange polling_;
  HttpForward http_;
  const Target introspection_;
  AuditLog* const audit_;
  const std::function<bool()> ready_;
  // Calls refused because they could not be recorded.
  absl::Time unrecorded_line_ = absl::InfinitePast();  // the last of the log about them
  uint64_t unrecorded_unsaid_ = 0;
};

}  // namespace fate::rollsite
