#pragma once

// Who may call what, by the entrance a call came in through, its peer's certificate and its token.
//
//   entrance   serves                                       for whom
//   main       everything; queue calls and clear text may   eggroll.rollsite.queue.clients,
//              be kept to this machine ("loopback")         .plain.clients: all, loopback, inner
//   TLS        what other parties need: no queue calls      certificates, as the listener demands
//   inner      everything                                   one's own components
//
// Queue calls are those of PrivateTransferTransport: who knows session and topic could push, pop
// or release (spec/rollsite.md 11).

#include <map>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/properties.h"
#include "relay/socket.h"
#include "relay/stream.h"
#include "rollsite/party_map.h"

namespace fate::rollsite {

enum class Entrance { kMain, kTls, kInner };

struct AccessSettings {
  enum class Clients { kAll, kLoopback, kInner };
  Clients queue_clients = Clients::kAll;  // eggroll.rollsite.queue.clients; inner if there is one
  Clients plain_clients = Clients::kAll;  // eggroll.rollsite.plain.clients
  relay::Address inner;                   // eggroll.rollsite.inner.host, .port; host "": none

  // eggroll.rollsite.tls.unnamed: without a mapping, may a certificate that names no party speak
  // for any, as upstream allows ("any"), or for none ("refused")?
  bool unnamed_speak = true;

  // Which calls of other parties need x-ptp-token.
  enum class Tokens { kNone, kPtp, kAll };
  Tokens tokens = Tokens::kNone;                // eggroll.rollsite.token.check
  std::map<std::string, std::string> expected;  // of eggroll.rollsite.token.file, by party
  std::string outgoing_token;                   // sent where a call has none

  // Errors: kInvalidArgument, kNotFound naming file, key and remedy.
  static absl::StatusOr<AccessSettings> Read(const Properties& properties);
};

// Whether a call of `path` may come in there. Errors: kUnimplemented, kPermissionDenied.
absl::Status CheckEntrance(const AccessSettings& settings, Entrance entrance,
                           const relay::Peer& peer, std::string_view path);

// The party that a call comes from: `claimed`, or when it claims none the one its certificate
// names, "" if that is not known. Error: kPermissionDenied naming certificate and claim.
absl::StatusOr<std::string> SourceOf(const PartyMap& parties, const relay::Peer& peer,
                                     std::string_view claimed);

// Error: kPermissionDenied, if unnamed certificates may not speak and this is one.
absl::Status CheckNamed(const AccessSettings& settings, const PartyMap& parties,
                        const tls::Certificate& certificate);

// The sender that a topic of FATE's names: <session>-<role>-<party>-<role>-<party>-<name>; "" for
// other topics (spec/rollsite.md 4.1).
std::string_view SenderOfTopic(std::string_view session, std::string_view topic);

// Error: kPermissionDenied.
absl::Status CheckToken(const AccessSettings& settings, Entrance entrance, const relay::Peer& peer,
                        const relay::Headers& head, std::string_view party);

}  // namespace fate::rollsite
