#pragma once

// What one call has moved and how it ended: begins with the call's head, learns its parties when
// they are known, counts against its party's quotas while it runs, and becomes a record of the
// audit log when its stream is gone.

#include <array>
#include <memory>
#include <string_view>

#include "audit/digest.h"
#include "audit/record.h"
#include "relay/socket.h"
#include "relay/stream.h"
#include "rollsite/audit_log.h"
#include "rollsite/packet_codec.h"
#include "rollsite/ptp.h"
#include "rollsite/quotas.h"

namespace fate::rollsite {

class CallMeter final : public relay::Meter {
 public:
  // `method`: a literal. `log`: null if calls are not recorded.
  // `caller`: whose call it is; not the stream's peer where the call was carried here.
  static CallMeter* Attach(AuditLog* log, Quotas* quotas, std::string_view method,
                           const relay::Peer& caller, relay::Stream* stream,
                           const PtpContext& context);
  // Null for health checks and reflection.
  static CallMeter* Of(relay::Stream* stream) { return static_cast<CallMeter*>(stream->meter()); }

  ~CallMeter() override;

  const std::string& from() const { return call_.from; }
  void SetFrom(std::string_view party) { call_.from = party; }
  // Of a call of DataTransferService, by its first packet.
  void SetPacket(const PacketHeader& header, const Destination& to);
  // Counts the call as one of its party, once that is known. Error: kResourceExhausted.
  absl::Status Admit(bool limited);
  // The exchange that has brought the call by polling; null if none has.
  void SetExchange(const relay::Address& exchange) {
    exchange_ = std::make_unique<const relay::Address>(exchange);
  }
  const relay::Address* exchange() const { return exchange_.get(); }
  // From now on answers take room of the relay, too.
  void SetRelayed() { relayed_ = true; }

  void OnRequest(std::string_view bytes) override;
  void OnConsumed(size_t bytes) override { Release(Quotas::kRequests, bytes); }
  void OnAnswer(std::string_view bytes) override;
  void OnSent(size_t bytes) override { Release(Quotas::kAnswers, bytes); }
  void OnStatus(const relay::Headers& trailers) override;

 private:
  CallMeter(AuditLog* log, Quotas* quotas, std::string_view method, const relay::Peer& caller,
            relay::Stream* stream, const PtpContext& context);
  void SeekTopic(std::string_view bytes);
  void Hold(Quotas::Way way, size_t bytes);
  void Release(Quotas::Way way, size_t bytes);

  AuditLog* const log_;
  Quotas* const quotas_;
  relay::Stream* const stream_;
  relay::EventLoop* const loop_;
  const absl::Time start_;
  Quotas::Party* party_;
  std::array<size_t, 2> held_{};
  std::unique_ptr<const relay::Address> exchange_;
  bool relayed_ = false;
  bool seeks_topic_ = false;  // of a queue call that is recorded
  std::string begin_;         // of its frame, until the topic has been seen
  audit::Call call_;
  audit::Digest request_, answer_;
};

}  // namespace fate::rollsite
