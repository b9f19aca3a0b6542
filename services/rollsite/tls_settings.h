#pragma once

// What the configuration says about TLS, in the words of either dialect:
//
//   OSX      open.grpc.tls.server, grpc.tls.port (9371), grpc.ssl.open.client.validate and
//            grpc.server.{cert.chain,private.key,ca}.file, or {keystore,trust.keystore}.file
//   rollsite eggroll.rollsite.secure.port (9380), served when eggroll.core.security.crt.path and
//            .key.path are set; .ca.crt.path, .secure.client.auth.enabled; .client.* for routes
//            open.https.server, https.port (8809), https.server.* likewise; clients must show
//            theirs
//   native   eggroll.rollsite.tls.host, .tls.party.map

#include <string>

#include "absl/status/statusor.h"
#include "base/properties.h"
#include "relay/socket.h"
#include "tls/context.h"

namespace fate::rollsite {

struct TlsSettings {
  bool listen = false;
  relay::Address address;
  tls::Files server;
  tls::ClientCertificates clients = tls::ClientCertificates::kIgnored;
  tls::Files client;  // of routes with is_secure that name no files
  // The invoke of the HTTP interface, for other parties.
  struct Https {
    bool listen = false;
    relay::Address address;
    tls::Files files;
  } https;
  std::string party_map;  // file; "": certificates name their parties themselves

  // `host`: where the clear-text listener is. Errors: kInvalidArgument naming file, key, remedy.
  static absl::StatusOr<TlsSettings> Read(const Properties& properties, const std::string& host);
};

}  // namespace fate::rollsite
