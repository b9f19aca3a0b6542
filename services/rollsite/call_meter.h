#pragma once

// What one call has moved and how it ended, for the audit log: begins with the call's head, learns
// its parties when they are known, and becomes a record when the call's stream is gone.

#include <memory>
#include <string_view>

#include "audit/digest.h"
#include "audit/record.h"
#include "relay/stream.h"
#include "rollsite/audit_log.h"
#include "rollsite/packet_codec.h"

namespace fate::rollsite {

class CallMeter final : public relay::Meter {
 public:
  // `method`: a literal.
  static void Attach(AuditLog* log, std::string_view method, relay::Stream* stream,
                     const relay::Headers& head);
  // Null when calls are not recorded.
  static CallMeter* Of(relay::Stream* stream) { return static_cast<CallMeter*>(stream->meter()); }

  ~CallMeter() override;

  void SetFrom(std::string_view party) { call_.from = party; }
  // Of a call of DataTransferService, by its first packet.
  void SetPacket(const PacketHeader& header, const Destination& to);

  void OnRequest(std::string_view bytes) override;
  void OnAnswer(std::string_view bytes) override;
  void OnStatus(const relay::Headers& trailers) override;

 private:
  CallMeter(AuditLog* log, std::string_view method, const relay::Stream& stream,
            const relay::Headers& head);

  AuditLog* const log_;
  relay::EventLoop* const loop_;
  const absl::Time start_;
  audit::Call call_;
  audit::Digest request_, answer_;
};

}  // namespace fate::rollsite
