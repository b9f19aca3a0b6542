#include "rollsite/access.h"

#include <openssl/crypto.h>

#include "base/status.h"
#include "base/text.h"
#include "rollsite/own_addresses.h"
#include "rollsite/ptp.h"

namespace fate::rollsite {
namespace {

using Clients = AccessSettings::Clients;
using Tokens = AccessSettings::Tokens;

constexpr char kQueueClients[] = "eggroll.rollsite.queue.clients";
constexpr char kPlainClients[] = "eggroll.rollsite.plain.clients";
constexpr char kUnnamed[] = "eggroll.rollsite.tls.unnamed";
constexpr char kTokenCheck[] = "eggroll.rollsite.token.check";
constexpr char kTokenFile[] = "eggroll.rollsite.token.file";
constexpr std::string_view kTokenSuffix = ".token";
constexpr std::string_view kFateRoles[] = {"guest", "host", "arbiter", "local"};

absl::StatusOr<Clients> ReadClients(const Properties& properties, const char* key,
                                    std::string_view fallback, bool has_inner) {
  const std::string value = properties.Get(key, fallback);
  if (value == "all") return Clients::kAll;
  if (value == "loopback") return Clients::kLoopback;
  if (value != "inner") return properties.Error(key, "write all, loopback or inner");
  if (has_inner) return Clients::kInner;
  return properties.Error(key, "inner needs an inner listener: set eggroll.rollsite.inner.port");
}

absl::Status ReadInner(const Properties& properties, relay::Address* inner) {
  if (properties.Get("eggroll.rollsite.inner.port").empty()) return absl::OkStatus();
  inner->host = properties.Get("eggroll.rollsite.inner.host", "127.0.0.1");
  if (!relay::IsNumeric(inner->host)) {
    return properties.Error("eggroll.rollsite.inner.host",
                            "give a numeric address of this machine that only one's own "
                            "components reach, such as 127.0.0.1");
  }
  ASSIGN_OR_RETURN(inner->port, properties.GetPort("eggroll.rollsite.inner.port", 0,
                                                   /*allow_zero=*/true));
  return absl::OkStatus();
}

// "default.token=...", "<party>.token=..." and "outgoing.token=...", as OSX's
// components/token_validator.properties.
absl::Status ReadTokens(const Properties& properties, AccessSettings* out) {
  const std::string check = properties.Get(kTokenCheck, "none");
  if (check != "none" && check != "ptp" && check != "all") {
    return properties.Error(kTokenCheck, "write none, ptp or all");
  }
  const std::string path = properties.Get(kTokenFile);
  out->tokens = check == "all" ? Tokens::kAll : check == "ptp" ? Tokens::kPtp : Tokens::kNone;
  if (path.empty()) {
    if (out->tokens == Tokens::kNone) return absl::OkStatus();
    return properties.Error(kTokenCheck, fmt::format("name the file of tokens in {}", kTokenFile));
  }
  ASSIGN_OR_RETURN(Properties file, Properties::Load(path));
  for (const std::string& key : file.Keys()) {
    if (!key.ends_with(kTokenSuffix) || file.Get(key).empty()) continue;
    out->expected[key.substr(0, key.size() - kTokenSuffix.size())] = file.Get(key);
  }
  auto outgoing = out->expected.extract("outgoing");
  if (!outgoing.empty()) out->outgoing_token = std::move(outgoing.mapped());
  if (out->tokens != Tokens::kNone && out->expected.empty()) {
    return properties.Error(kTokenFile, "no token is in that file; write default.token=<token>");
  }
  return absl::OkStatus();
}

bool Allows(Clients clients, const relay::Peer& peer) {
  return clients == Clients::kAll || (clients == Clients::kLoopback && IsThisMachine(peer.host));
}

bool IsHealthCheck(std::string_view path) { return path.starts_with("/grpc.health."); }

}  // namespace

absl::StatusOr<AccessSettings> AccessSettings::Read(const Properties& properties) {
  AccessSettings settings;
  RETURN_IF_ERROR(ReadInner(properties, &settings.inner));
  const bool has_inner = !settings.inner.host.empty();
  ASSIGN_OR_RETURN(settings.queue_clients,
                   ReadClients(properties, kQueueClients, has_inner ? "inner" : "all", has_inner));
  ASSIGN_OR_RETURN(settings.plain_clients,
                   ReadClients(properties, kPlainClients, "all", has_inner));
  const std::string unnamed = properties.Get(kUnnamed, "any");
  if (unnamed != "any" && unnamed != "refused") {
    return properties.Error(kUnnamed, "write any or refused");
  }
  settings.unnamed_speak = unnamed == "any";
  RETURN_IF_ERROR(ReadTokens(properties, &settings));
  return settings;
}

absl::Status CheckEntrance(const AccessSettings& settings, Entrance entrance,
                           const relay::Peer& peer, std::string_view path) {
  if (entrance == Entrance::kInner) return absl::OkStatus();
  const bool is_queue_call = path.starts_with(kPtpTransport);
  if (entrance == Entrance::kTls) {
    if (!is_queue_call && !path.starts_with("/grpc.reflection.")) return absl::OkStatus();
    return UnimplementedError(
        "{} is not served over TLS, which is for other parties; one's own components use the "
        "listener in clear text",
        Escape(path));
  }
  if (!Allows(settings.plain_clients, peer) && !IsHealthCheck(path)) {
    return PermissionDeniedError(
        "calls in clear text from {} are not allowed here ({}); use the TLS listener", peer.host,
        kPlainClients);
  }
  if (is_queue_call && !Allows(settings.queue_clients, peer)) {
    return PermissionDeniedError(
        "queue calls from {} are not allowed here ({}); one's own components use the inner "
        "listener: set federation.osx.host and .port of fateflow to it",
        peer.host, kQueueClients);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> SourceOf(const PartyMap& parties, const relay::Peer& peer,
                                     std::string_view claimed) {
  if (!peer.certificate) return std::string(claimed);
  PartyMap::Grant grant = parties.Of(*peer.certificate);
  if (claimed.empty() && !grant.any && grant.parties.size() == 1) return *grant.parties.begin();
  const bool speaks_for_nobody = !grant.any && grant.parties.empty();
  if (!speaks_for_nobody && (claimed.empty() || grant.Covers(claimed))) {
    return std::string(claimed);
  }
  return PermissionDeniedError(
      "the certificate {} of {} speaks for {}, but the call comes from {}; {}",
      peer.certificate->ToString(), peer.host, grant.ToString(),
      claimed.empty() ? "a party it does not name" : fmt::format("party {}", Escape(claimed)),
      parties.Remedy());
}

absl::Status CheckNamed(const AccessSettings& settings, const PartyMap& parties,
                        const tls::Certificate& certificate) {
  if (settings.unnamed_speak || !parties.names_itself() || !parties.Of(certificate).any) {
    return absl::OkStatus();
  }
  return PermissionDeniedError(
      "the certificate {} names no party, and such speak for none here ({}=refused); put URI "
      "urn:fate:party:<id> into it, or map SHA256:{} in eggroll.rollsite.tls.party.map",
      certificate.ToString(), kUnnamed, certificate.sha256);
}

std::string_view SenderOfTopic(std::string_view session, std::string_view topic) {
  if (session.empty() || !topic.starts_with(session)) return "";
  topic.remove_prefix(session.size());
  if (!topic.starts_with('-')) return "";
  topic.remove_prefix(1);
  auto role_at_front = [](std::string_view text) -> size_t {
    for (std::string_view role : kFateRoles) {
      if (text.starts_with(role) && text.substr(role.size()).starts_with('-')) return role.size();
    }
    return 0;
  };
  size_t role = role_at_front(topic);
  if (role == 0) return "";
  topic.remove_prefix(role + 1);
  // A party id may hold a '-': it ends where the receiver's role begins.
  for (size_t at = topic.find('-'); at != std::string_view::npos; at = topic.find('-', at + 1)) {
    if (role_at_front(topic.substr(at + 1)) > 0) return topic.substr(0, at);
  }
  return "";
}

absl::Status CheckToken(const AccessSettings& settings, Entrance entrance, const relay::Peer& peer,
                        const relay::Headers& head, std::string_view party) {
  const std::string_view path = relay::Find(head, ":path");
  const bool is_ptp = path.starts_with(kPtpProtocol);
  const bool asked = settings.tokens == Tokens::kAll
                         ? is_ptp || path.find("DataTransferService/") != std::string_view::npos
                         : settings.tokens == Tokens::kPtp && is_ptp;
  const bool own =
      entrance == Entrance::kInner || (entrance == Entrance::kMain && IsThisMachine(peer.host));
  if (!asked || own) return absl::OkStatus();
  auto expected = settings.expected.find(std::string(party));
  if (expected == settings.expected.end()) expected = settings.expected.find("default");
  const std::string_view token = relay::Find(head, "x-ptp-token");
  // Compared in constant time, so that a token cannot be found out byte by byte.
  if (expected != settings.expected.end() && token.size() == expected->second.size() &&
      CRYPTO_memcmp(token.data(), expected->second.data(), token.size()) == 0) {
    return absl::OkStatus();
  }
  return PermissionDeniedError(
      "token is invalid: the call from {}{} has {} x-ptp-token; both sides have to name the same "
      "token ({})",
      peer.host, party.empty() ? "" : fmt::format(" for party {}", Escape(party)),
      token.empty() ? "no" : "another", kTokenFile);
}

}  // namespace fate::rollsite
