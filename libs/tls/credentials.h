#pragma once

// Certificates and keys of one side of TLS, read from the files that an operator names.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "tls/certificate.h"

typedef struct ssl_ctx_st SSL_CTX;

namespace fate::tls {

// PEM files, or PKCS#12 keystores in their place. Empty: none. Java's own keystore format (JKS)
// is refused with the command that converts it.
struct Files {
  std::string ca;                           // authorities that a peer's certificate must come from
  std::string certificate;                  // own chain, the own certificate first
  std::string key;                          // its private key, without password
  std::string keystore, keystore_password;  // instead of certificate and key
  std::string truststore, truststore_password;  // instead of ca

  bool has_identity() const { return !certificate.empty() || !keystore.empty(); }
  bool has_authorities() const { return !ca.empty() || !truststore.empty(); }
  // Every file named, for watching them.
  std::vector<std::string> Paths() const;
  friend auto operator<=>(const Files&, const Files&) = default;
};

// What was put into a context.
struct Loaded {
  std::vector<Certificate> own;  // the chain; empty without an identity
  size_t authorities = 0;        // 0: the system's
};

// Reads the files into `context`. Errors: kNotFound, kInvalidArgument or kFailedPrecondition (own
// certificate not valid now), naming file and remedy.
absl::StatusOr<Loaded> LoadInto(SSL_CTX* context, const Files& files);

}  // namespace fate::tls
