#pragma once

// What rollsite reads when it starts, in either of two dialects:
//
//   eggroll.properties of rollsite 2.x (spec/rollsite.md 8.2, spec/deployment.md 10.1)
//   broker.properties of OSX (spec/rollsite.md 5.3), found by its name or its keys; --config may
//     also name OSX's configuration folder, the one with broker/ and components/
//
// Native keys (eggroll.rollsite...) mean the same in both. Keys without effect here are ignored.

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "base/properties.h"
#include "relay/keep_alive.h"
#include "relay/socket.h"
#include "rollsite/access.h"
#include "rollsite/audit_settings.h"
#include "rollsite/egg_settings.h"
#include "rollsite/queue_settings.h"
#include "rollsite/quotas.h"
#include "rollsite/tls_settings.h"

namespace fate::rollsite {

// Streams that one polling party may keep open at an exchange.
inline constexpr int kMaxPollingStreams = 1000;

struct Config {
  relay::Address listen;           // eggroll.rollsite.host, .port | bind.host, grpc.port
  int admin_port = 19370;          // eggroll.rollsite.admin.port
  std::string party_id;            // eggroll.rollsite.party.id; "": self_party of the table
  std::string route_table;         // eggroll.rollsite.route.table.path | beside broker.properties
  relay::Address cluster_manager;  // eggroll.resourcemanager.clustermanager.host, .port |
                                   // eggroll.cluster.manager.ip, .port
  EggSettings eggs;
  bool strict_codes = false;  // ptp.strict_codes: failures as upstream answers them

  // Who may read and set the route table by unary calls (spec 8.6).
  std::string operator_key = "123";         // eggroll.rollsite.route.table.key
  std::vector<std::string> operator_hosts;  // eggroll.rollsite.route.table.whitelist

  // Parties without an inbound port (spec 8.4): eggroll.rollsite.polling...
  bool polling_server = false;  // .server.enabled: serve them
  bool polling_client = false;  // .client.enabled: be one of the exchange of route "default"
  int polling_streams = 50;     // .concurrency
  absl::Duration polling_no_data_timeout = absl::Seconds(300);  // .no.data.timeout.sec

  // Peers with open calls that say nothing: eggroll.rollsite.keepalive.idle.ms, .timeout.ms
  relay::KeepAliveSettings keep_alive;

  QueueSettings queues;

  // OSX's HTTP interface (spec 5.9); port 0: off.
  int http_port = 0;                      // http.port if open.http.server
  std::string http_prefix = "/v1";        // http.context.path
  bool route_changes_need_token = false;  // router.change.need.token
  std::string route_token;                // default.token of components/token_validator.properties

  TlsSettings tls;
  AccessSettings access;
  AuditSettings audit;
  QuotaSettings quotas;

  // What was wrong but has a default, as OSX treats it: one line each, naming file and key.
  std::vector<std::string> warnings;

  // Errors: kInvalidArgument naming file, line, key and remedy; kNotFound.
  static absl::StatusOr<Config> Load(const std::string& path);
  // `path`, or the broker.properties in the configuration folder it names.
  static std::string FileOf(const std::string& path);
};

// A text setting for the log, "" when absent (daemon::Identity).
std::string LogSetting(const std::string& config_path, const std::string& key);

}  // namespace fate::rollsite
