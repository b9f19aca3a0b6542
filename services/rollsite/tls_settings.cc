#include "rollsite/tls_settings.h"

#include "base/status.h"

namespace fate::rollsite {
namespace {

using tls::ClientCertificates;

absl::Status ReadOsx(const Properties& properties, TlsSettings* out) {
  ASSIGN_OR_RETURN(out->listen, properties.GetBool("open.grpc.tls.server", false));
  if (!out->listen) return absl::OkStatus();
  ASSIGN_OR_RETURN(out->address.port,
                   properties.GetPort("grpc.tls.port", 9371, /*allow_zero=*/true));
  out->server.certificate = properties.Get("grpc.server.cert.chain.file");
  out->server.key = properties.Get("grpc.server.private.key.file");
  out->server.ca = properties.Get("grpc.server.ca.file");
  if (!out->server.has_identity()) {
    out->server.keystore = properties.Get("grpc.server.keystore.file");
    out->server.keystore_password = properties.Get("grpc.server.keystore.file.password");
  }
  if (!out->server.has_authorities()) {
    out->server.truststore = properties.Get("grpc.server.trust.keystore.file");
    out->server.truststore_password = properties.Get("grpc.server.trust.keystore.file.password");
  }
  if (!out->server.has_identity()) {
    return properties.Error("open.grpc.tls.server",
                            "name grpc.server.cert.chain.file and grpc.server.private.key.file "
                            "too, or set it to false");
  }
  ASSIGN_OR_RETURN(bool validate, properties.GetBool("grpc.ssl.open.client.validate", false));
  if (validate && !out->server.has_authorities()) {
    return properties.Error("grpc.ssl.open.client.validate",
                            "name the clients' authorities in grpc.server.ca.file too");
  }
  if (validate) out->clients = ClientCertificates::kRequired;
  return absl::OkStatus();
}

// The listener that always demands certificates (spec 5.1).
absl::Status ReadHttps(const Properties& properties, TlsSettings::Https* out) {
  constexpr char kOpen[] = "open.https.server";
  const std::string prefix = "https.server.";
  ASSIGN_OR_RETURN(out->listen, properties.GetBool(kOpen, false));
  if (!out->listen) return absl::OkStatus();
  ASSIGN_OR_RETURN(out->address.port, properties.GetPort("https.port", 8809, /*allow_zero=*/true));
  tls::Files& files = out->files;
  files.certificate = properties.Get(prefix + "cert.chain.file");
  files.key = properties.Get(prefix + "private.key.file");
  files.ca = properties.Get(prefix + "ca.file");
  if (!files.has_identity()) {
    files.keystore = properties.Get(prefix + "keystore.file");
    files.keystore_password = properties.Get(prefix + "keystore.file.password");
  }
  if (!files.has_authorities()) {
    files.truststore = properties.Get(prefix + "trust.keystore.file");
    files.truststore_password = properties.Get("https.client.trust.keystore.file.password");
  }
  if (!files.has_identity()) {
    return properties.Error(kOpen,
                            "name https.server.cert.chain.file and https.server.private.key.file "
                            "too, or set it to false");
  }
  if (files.keystore.empty() && files.key.empty()) {
    return properties.Error(prefix + "cert.chain.file", "set https.server.private.key.file too");
  }
  if (!files.has_authorities()) {
    return properties.Error(kOpen,
                            "clients must show certificates: name their authorities in "
                            "https.server.ca.file too");
  }
  return absl::OkStatus();
}

absl::Status ReadRollsite(const Properties& properties, TlsSettings* out) {
  constexpr char kCertificate[] = "eggroll.core.security.crt.path";
  constexpr char kKey[] = "eggroll.core.security.key.path";
  constexpr char kAuthorities[] = "eggroll.core.security.ca.crt.path";
  constexpr char kDemand[] = "eggroll.core.security.secure.client.auth.enabled";
  tls::Files files;
  files.certificate = properties.Get(kCertificate);
  files.key = properties.Get(kKey);
  files.ca = properties.Get(kAuthorities);
  if (files.certificate.empty() != files.key.empty()) {
    return files.key.empty() ? properties.Error(kCertificate, fmt::format("set {} too", kKey))
                             : properties.Error(kKey, fmt::format("set {} too", kCertificate));
  }
  if (out->listen || !files.has_identity()) return absl::OkStatus();
  out->listen = true;
  out->server = files;
  ASSIGN_OR_RETURN(out->address.port, properties.GetPort("eggroll.rollsite.secure.port", 9380,
                                                         /*allow_zero=*/true));
  ASSIGN_OR_RETURN(bool demand, properties.GetBool(kDemand, false));
  if (demand && files.ca.empty()) {
    return properties.Error(kDemand,
                            fmt::format("name the clients' authorities in {} too", kAuthorities));
  }
  if (!files.ca.empty()) {
    out->clients = demand ? ClientCertificates::kRequired : ClientCertificates::kOptional;
  }
  return absl::OkStatus();
}

absl::Status ReadClient(const Properties& properties, TlsSettings* out) {
  constexpr char kCertificate[] = "eggroll.core.security.client.crt.path";
  constexpr char kKey[] = "eggroll.core.security.client.key.path";
  out->client.ca = properties.Get("eggroll.core.security.client.ca.crt.path");
  out->client.certificate = properties.Get(kCertificate);
  out->client.key = properties.Get(kKey);
  if (out->client.certificate.empty() == out->client.key.empty()) return absl::OkStatus();
  return out->client.key.empty() ? properties.Error(kCertificate, fmt::format("set {} too", kKey))
                                 : properties.Error(kKey, fmt::format("set {} too", kCertificate));
}

absl::Status ReadNative(const Properties& properties, const std::string& host, TlsSettings* out) {
  out->address.host = properties.Get("eggroll.rollsite.tls.host", host);
  if (!relay::IsNumeric(out->address.host)) {
    return properties.Error("eggroll.rollsite.tls.host",
                            "give a numeric address of this machine, or 0.0.0.0 for all");
  }
  out->party_map = properties.Get("eggroll.rollsite.tls.party.map");
  if (out->party_map.empty() || out->clients == ClientCertificates::kRequired ||
      (out->https.listen && !out->listen)) {
    return absl::OkStatus();
  }
  return properties.Error(
      "eggroll.rollsite.tls.party.map",
      "parties are known by their certificates only where these are demanded: set "
      "grpc.ssl.open.client.validate=true (OSX's keys) or "
      "eggroll.core.security.secure.client.auth.enabled=true (eggroll's)");
}

}  // namespace

absl::StatusOr<TlsSettings> TlsSettings::Read(const Properties& properties,
                                              const std::string& host) {
  TlsSettings settings;
  RETURN_IF_ERROR(ReadOsx(properties, &settings));
  RETURN_IF_ERROR(ReadRollsite(properties, &settings));
  RETURN_IF_ERROR(ReadClient(properties, &settings));
  RETURN_IF_ERROR(ReadHttps(properties, &settings.https));
  RETURN_IF_ERROR(ReadNative(properties, host, &settings));
  settings.https.address.host = settings.address.host;
  return settings;
}

}  // namespace fate::rollsite
