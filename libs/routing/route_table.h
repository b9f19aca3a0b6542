#pragma once

// route_table.json of OSX 2.x, rollsite 2.x and FATE Proxy 1.x in one loader (spec/rollsite.md
// 7.1-7.3): which
// endpoint serves a (party, role), and which parties are this gateway's own.
//
//   {"route_table": {"default": {"default":  [{"ip": "10.0.0.2", "port": 9370}]},
//                    "9999":    {"fateflow": [{"ip": "127.0.0.1", "port": 9360}]}},
//    "self_party": ["9999"],
//    "permission": {"default_allow": true,
//                   "deny": [{"from": {"coordinator": "7", "role": "*"}, "to": {...}}]}}
//
// A table is an immutable value; it may be shared between threads.

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::routing {

enum class Protocol { kGrpc, kHttp };

struct Endpoint {
  std::string host;
  int port = 0;
  Protocol protocol = Protocol::kGrpc;
  std::string url;          // of protocol http: says host, port and whether TLS
  std::string url_path;     // of it, "" if it names none
  bool tls = false;         // useSSL or is_secure
  bool is_polling = false;  // the party opens the stream (spec 8.4)
  bool cycle = false;       // marked as a cycle: code 145 on use
  // Certificates of this side and authorities of the other: caFile, certChainFile and
  // privateKeyFile, or with useKeyStore the keystores. None with is_secure: those of
  // eggroll.core.security.client; none with useSSL: the system's authorities.
  bool is_secure = false;
  std::string ca_file, certificate_file, private_key_file;
  std::string keystore_file, keystore_password, truststore_file, truststore_password;
  std::string tls_server_name;  // native tlsServerName: expected in place of the host
  bool names_tls_files() const {
    return !ca_file.empty() || !certificate_file.empty() || !keystore_file.empty() ||
           !truststore_file.empty();
  }

  // "10.0.0.2:9370"
  std::string ToString() const;
};

// Who calls whom; a party or role that is not known is "".
struct Call {
  std::string_view from_party, from_role, to_party, to_role;
};

struct Route {
  Endpoint endpoint;
  std::string rule;    // the entry that matched: "route_table.10000.default[0]"
  size_t choices = 1;  // endpoints of that entry; calls take turns
};

class RouteTable {
 public:
  // own_party: eggroll.rollsite.party.id, the self set of a file without self_party; may be "".
  // Error: kInvalidArgument naming file, place and remedy.
  static absl::StatusOr<RouteTable> Parse(std::string_view json, std::string_view file_name,
                                          std::string_view own_party);
  // A table that routes nothing: what serves until the file can be read.
  static RouteTable Empty(std::string_view file_name, std::string_view own_party);

  bool IsSelf(std::string_view party) const;
  // The party that speaks in messages: `target` if it is own, else the first own one, "" if none.
  std::string SelfName(std::string_view target) const;

  // Match order of spec 7.3: exact party, else "default" if allowed; requested role, else
  // "default"; endpoints in turn (`turn` counts calls). Error: kNotFound with a remedy.
  absl::StatusOr<Route> Find(std::string_view party, std::string_view role, uint64_t turn) const;

  // Whether the rules of FATE Proxy 1.x (spec 7.2) let the call pass: a rule of permission.deny
  // that matches refuses, then one of permission.allow lets pass, then permission.default_allow
  // decides (false when only missing). Without rules everything passes. A caller that does not
  // say who it is matches "*" only. Error: kPermissionDenied naming the rule.
  absl::Status Permits(const Call& call) const;

  // How Find decides, one step a line, for people.
  std::vector<std::string> Explain(std::string_view party, std::string_view role) const;

  // What is legal but surely not meant, such as rules that have no effect here.
  const std::vector<std::string>& warnings() const { return warnings_; }
  const std::vector<std::string>& self_parties() const { return self_; }
  // Those that ask for TLS, with the entries that name them. is_secure without files is for other
  // parties only (spec 8.3): one's own fateflow speaks clear text.
  std::vector<Route> TlsRoutes() const;
  size_t party_count() const { return parties_.size(); }

 private:
  friend class RouteTableParser;
  using Roles = std::map<std::string, std::vector<Endpoint>, std::less<>>;
  struct Match;
  // One side of a rule; "*" matches all.
  struct Who {
    std::string party = "*", role = "*";
    bool Matches(std::string_view of_party, std::string_view of_role) const;
  };
  struct Rule {
    Who from, to;
    std::string path;  // "permission.deny[0]"
    bool Matches(const Call& call) const;
  };
  // `steps`, if wanted: how it was found, for people.
  Match FindEntry(std::string_view party, std::string_view role,
                  std::vector<std::string>* steps) const;

  std::string file_name_;
  std::map<std::string, Roles, std::less<>> parties_;
  std::vector<std::string> self_;
  std::vector<std::string> warnings_;
  std::vector<Rule> allow_, deny_;
  bool default_allow_ = true;       // whether the party "default" may be used
  bool unruled_calls_pass_ = true;  // what no rule matches
};

}  // namespace fate::routing
