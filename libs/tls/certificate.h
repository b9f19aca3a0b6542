#pragma once

// What a peer's certificate says about its owner. Only verified certificates become one of these.

#include <string>
#include <vector>

#include "absl/time/time.h"

typedef struct x509_st X509;

namespace fate::tls {

struct Certificate {
  std::string subject;  // "CN=party-10000,O=FATE", for messages
  std::string issuer;   // likewise
  std::vector<std::string> common_names;
  std::vector<std::string> dns, uris, addresses;  // subject alternative names
  std::string sha256;                             // fingerprint of the DER form, lower-case hex
  absl::Time valid_from, valid_until;

  static Certificate Of(X509* x509);
  // "CN=party-10000 (DNS:a.example, IP:10.0.0.2)" for messages; control bytes are escaped.
  std::string ToString() const;
};

}  // namespace fate::tls
