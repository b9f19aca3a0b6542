#pragma once

// An invoke whose route says protocol http: goes on as POST of HTTP/1.1 (spec/rollsite.md 5.4, 5.9)
// to the url of the route, with the metadata as headers and the payload in JSON:
//
//   url without a path       POST /v1/interconn/chan/invoke {"payload": base64 of the PushInbound}
//   url with a path          POST of the same there
//   url that ends in /push   POST there of {"topic", "payload": base64 of the message}, as OSX does
//
// A POST that surely was not seen is answered with E0000000607, as between gateways of gRPC; one in
// doubt is UNAVAILABLE, so that the sender asks what became of it (hop.h). The message is held
// until it is answered: JSON has a length before its bytes.

#include <map>
#include <string>

#include "base/limits.h"
#include "relay/http1_call.h"
#include "rollsite/gateway.h"

namespace fate::rollsite {

// A payload that fits in the JSON which a gateway takes.
inline constexpr size_t kMaxHttpPayloadBytes = kMaxHttpBodyBytes / 4 * 3 - 4096;
// Messages that wait for the answers of one peer, so that one which hangs leaves room for others.
inline constexpr size_t kMaxHttpWaitingBytes = size_t{256} << 20;

class HttpForward {
 public:
  explicit HttpForward(Gateway* gateway) : gateway_(gateway) {}

  void Pass(const Target& target, relay::Stream* stream, relay::Headers head);

 private:
  using CallPtr = std::shared_ptr<relay::UnaryCall>;
  void Send(const Target& target, const CallPtr& call);

  Gateway* const gateway_;
  std::map<std::string, std::shared_ptr<size_t>> waiting_bytes_;  // by the peer's address
};

}  // namespace fate::rollsite
