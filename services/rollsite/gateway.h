#pragma once

// What the handlers of calls share: the loop, connections to peers, the route table, metrics. All
// of it belongs to the loop's thread.

#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "relay/forward.h"
#include "relay/unary_call.h"
#include "relay/upstreams.h"
#include "rollsite/carried_calls.h"
#include "rollsite/config.h"
#include "rollsite/hop_numbers.h"
#include "rollsite/own_addresses.h"
#include "rollsite/quotas.h"
#include "rollsite/tls_store.h"
#include "rollsite/ways.h"
#include "routing/route_watcher.h"

namespace fate::rollsite {

struct Target {
  relay::Address address;
  // Its peer: "rollsite of party 9999 to party 10000 (route_table.default.default[0])".
  std::shared_ptr<const relay::TargetText> text;
  std::shared_ptr<const relay::TlsClient> tls = nullptr;  // null: clear text
  std::string token = "";                                 // x-ptp-token of calls that have none
  bool polls = false;    // the party keeps streams open here (polling_exchange.h); no address
  bool is_http = false;  // it takes invokes as POSTs of HTTP/1.1 to this path (http_forward.h)
  std::string http_path = "";
};

class Gateway {
 public:
  Gateway(const Config& config, relay::EventLoop* loop, const routing::RouteWatcher* routes,
          const TlsStore* tls)
      : config_(config), upstreams_(loop), routes_(routes), tls_(tls) {}

  const Config& config() const { return config_; }
  relay::EventLoop& loop() const { return upstreams_.loop(); }
  relay::Upstreams* upstreams() { return &upstreams_; }
  Quotas* quotas() { return &quotas_; }
  relay::UnaryCall::Collected* collected() { return &collected_; }
  HopNumbers* hop_numbers() { return &hop_numbers_; }
  size_t& hop_kept_bytes() { return hop_kept_bytes_; }
  CarriedCalls* carried_calls() { return &carried_calls_; }

  bool IsSelf(std::string_view party) const { return routes_.Current()->IsSelf(party); }
  // The party that speaks in messages; see RouteTable::SelfName.
  std::string SelfName(std::string_view target) const {
    return routes_.Current()->SelfName(target);
  }

  // Where this gateway can be reached: a route that leads there would go round in circles.
  void SetListener(Entrance entrance, const relay::Address& address);
  // The listener for this process's own calls: the inner one, else the main one.
  const relay::Address& own_address() const { return own_address_; }
  bool IsOwnAddress(const relay::Address& address) const {
    return own_addresses_.Contains(address);
  }

  // The party a call comes from; see SourceOf.
  absl::StatusOr<std::string> Source(const relay::Peer& peer, std::string_view claimed) const;

  // Where a call goes on. Errors: kPermissionDenied, kNotFound (no route), kUnimplemented (the
  // route asks for what this gateway does not speak), kFailedPrecondition (marked as a cycle, or
  // leads back here), kUnavailable (its certificates cannot be used).
  absl::StatusOr<Target> Route(const routing::Call& call);
  // The same for calls of the private transfer protocol, which can also go over HTTP.
  absl::StatusOr<Target> RoutePtp(const routing::Call& call);
  // The same as a place that gRPC can call: where it is none, one's own listener, which passes an
  // invoke on by its route.
  Target ForGrpc(Target target) const;
  // Whether the table's rules let a call pass that ends here.
  absl::Status Permits(const routing::Call& call) const { return routes_.Current()->Permits(call); }

  // The token of calls that have none.
  static void AddToken(const Target& target, relay::Headers* head);
  // Passes a call on and counts and logs its end as `method`, a literal.
  void PassOn(std::string_view method, relay::Stream* stream, relay::Headers head,
              std::vector<relay::Slice> first, bool ended, const Target& target, relay::Lane lane);

 private:
  absl::Status Usable(const Way& way, const routing::Call& call) const;

  const Config& config_;
  CarriedCalls carried_calls_;  // outlives the calls of upstreams_
  relay::Upstreams upstreams_;
  relay::UnaryCall::Collected collected_;
  Quotas quotas_{config_.quotas};
  HopNumbers hop_numbers_;
  size_t hop_kept_bytes_ = 0;
  mutable routing::RouteWatcher::View routes_;
  const TlsStore* const tls_;
  OwnAddresses own_addresses_;
  relay::Address own_address_;
  Ways ways_;
};

// One line of the metrics and, for failures, of the log: the end of a call.
void CountCall(std::string_view method, const absl::Status& status);
// Only of the metrics.
void CountCallQuietly(std::string_view method, const absl::Status& status);
void CountBytes(uint64_t in_bytes, uint64_t out_bytes);

// A call that is refused before anything was read.
void Refuse(std::string_view method, relay::Stream* stream, const absl::Status& status);

}  // namespace fate::rollsite
