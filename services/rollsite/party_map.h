#pragma once

// For whom a certificate may speak. A file maps certificates to parties:
//
//   {"CN=gateway-10000":        ["10000"],
//    "DNS:exchange.example":    "*",                  an exchange: for any party
//    "URI:urn:fate:party:9998": ["9998", "9997"],
//    "SHA256:ab12...":          ["10001"]}
//
// Everything that matches a certificate counts; what matches nothing may speak for nobody. Without
// a file a certificate names its party itself, as URI urn:fate:party:<id> or as common name
// party-<id>, and one that names none may speak for any, as upstream allows.

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "tls/certificate.h"

namespace fate::rollsite {

// The mapping of certificates to parties: some thousand entries.
inline constexpr size_t kMaxPartyMapBytes = size_t{1} << 20;

class PartyMap {
 public:
  // Without a file.
  PartyMap() = default;
  // Error: kInvalidArgument naming file, entry and remedy.
  static absl::StatusOr<PartyMap> Parse(std::string_view json, const std::string& file);

  struct Grant {
    bool any = false;
    std::set<std::string, std::less<>> parties;
    bool Covers(std::string_view party) const { return any || parties.count(party) > 0; }
    // "10000, 10001", "any party" or "no party".
    std::string ToString() const;
  };
  Grant Of(const tls::Certificate& certificate) const;

  // There is no file.
  bool names_itself() const { return file_.empty(); }
  // Where an operator corrects it: the file, or the certificate.
  std::string Remedy() const;

 private:
  std::string file_;  // "": none
  std::map<std::string, Grant, std::less<>> by_name_;
};

}  // namespace fate::rollsite
