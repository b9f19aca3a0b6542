#include "rollsite/config.h"

#include <filesystem>

#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "daemon/eggroll_settings.h"

namespace fate::rollsite {
namespace {

namespace fs = std::filesystem;

constexpr int kMaxInteger = 0x7fffffff;

bool IsBrokerFile(const Properties& properties) {
  if (fs::path(properties.file_name()).filename() == "broker.properties") return true;
  if (!properties.Get("eggroll.rollsite.port").empty()) return false;
  for (const char* key : {"grpc.port", "fate.tech.provider", "eggroll.cluster.manager.ip"}) {
    if (!properties.Get(key).empty()) return true;
  }
  return false;
}

// A value of broker.properties that is wrong is reported, and its default kept (spec 5.3).
template <class Value>
Value OrDefault(absl::StatusOr<Value> value, Value fallback, Config* config) {
  if (value.ok()) return *value;
  config->warnings.push_back(
      fmt::format("{}; the default {} is used", Message(value.status()), fallback));
  return fallback;
}

int Port(const Properties& properties, const char* key, int fallback, Config* config) {
  return OrDefault<int>(properties.GetPort(key, fallback, /*allow_zero=*/true), fallback, config);
}

// components/token_validator.properties lies beside the folder of broker.properties.
std::string RouteToken(const fs::path& broker_file) {
  const fs::path components = broker_file.parent_path().parent_path() / "components";
  const auto file = Properties::Load((components / "token_validator.properties").string());
  return file.ok() ? file->Get("default.token") : "";
}

void ReadBroker(const Properties& properties, Config* config) {
  const fs::path file = properties.file_name();
  config->listen = {properties.Get("bind.host", "0.0.0.0"),
                    Port(properties, "grpc.port", 9370, config)};
  config->route_table = (file.parent_path() / "route_table.json").string();
  config->cluster_manager = {properties.Get("eggroll.cluster.manager.ip", "127.0.0.1"),
                             Port(properties, "eggroll.cluster.manager.port", 4670, config)};
  const auto version = ReadEggrollVersion(properties);
  config->eggs.version = version.value_or(EggrollVersion::k3);
  if (!version.ok()) {
    config->warnings.push_back(Message(version.status()) + "; 3 is taken for it");
  }
  if (OrDefault(properties.GetBool("open.http.server", true), true, config)) {
    config->http_port = Port(properties, "http.port", 8807, config);
  }
  config->http_prefix = properties.Get("http.context.path", "/v1");
  config->route_changes_need_token =
      OrDefault(properties.GetBool("router.change.need.token", false), false, config);
  config->route_token = RouteToken(file);
}

absl::Status ReadEggroll(const Properties& properties, Config* config) {
  config->listen.host = properties.Get("eggroll.rollsite.host", "127.0.0.1");
  ASSIGN_OR_RETURN(config->listen.port,
                   properties.GetPort("eggroll.rollsite.port", 9370, /*allow_zero=*/true));
  config->route_table =
      properties.Get("eggroll.rollsite.route.table.path", "conf/route_table.json");
  config->cluster_manager.host =
      properties.Get("eggroll.resourcemanager.clustermanager.host", "127.0.0.1");
  ASSIGN_OR_RETURN(config->cluster_manager.port,
                   properties.GetPort("eggroll.resourcemanager.clustermanager.port", 4670));
  ASSIGN_OR_RETURN(config->http_port,
                   properties.GetPort("eggroll.rollsite.http.port", 0, /*allow_zero=*/true));
  ASSIGN_OR_RETURN(config->eggs.version, ReadEggrollVersion(properties));
  config->route_token = properties.Get("eggroll.rollsite.http.token");
  config->route_changes_need_token = !config->route_token.empty();
  return absl::OkStatus();
}

absl::Status ReadPolling(const Properties& properties, Config* config) {
  const std::string prefix = "eggroll.rollsite.polling.";
  ASSIGN_OR_RETURN(config->polling_server, properties.GetBool(prefix + "server.enabled", false));
  ASSIGN_OR_RETURN(config->polling_client, properties.GetBool(prefix + "client.enabled", false));
  ASSIGN_OR_RETURN(const int64_t streams,
                   properties.GetInt(prefix + "concurrency", 50, 1, int64_t{kMaxPollingStreams}));
  config->polling_streams = static_cast<int>(streams);
  ASSIGN_OR_RETURN(const int64_t seconds,
                   properties.GetInt(prefix + "no.data.timeout.sec", 300, 1, 86400));
  config->polling_no_data_timeout = absl::Seconds(seconds);
  ASSIGN_OR_RETURN(const bool authenticates,
                   properties.GetBool(prefix + "authentication.enabled", false));
  if (authenticates) {
    return properties.Error(prefix + "authentication.enabled",
                            "FATE-Cloud's authentication is not supported; use mutual TLS, where "
                            "the certificate says who polls, and set it to false");
  }
  return absl::OkStatus();
}

absl::Status ReadKeepAlive(const Properties& properties, relay::KeepAliveSettings* settings) {
  constexpr int64_t kDay = 86'400'000;
  const std::string prefix = "eggroll.rollsite.keepalive.";
  ASSIGN_OR_RETURN(
      const int64_t idle_ms,
      properties.GetInt(prefix + "idle.ms", absl::ToInt64Milliseconds(settings->idle), 0, kDay));
  ASSIGN_OR_RETURN(const int64_t timeout_ms,
                   properties.GetInt(prefix + "timeout.ms",
                                     absl::ToInt64Milliseconds(settings->timeout), 100, kDay));
  settings->idle = idle_ms == 0 ? absl::InfiniteDuration() : absl::Milliseconds(idle_ms);
  settings->timeout = absl::Milliseconds(timeout_ms);
  return absl::OkStatus();
}

absl::Status ReadNative(const Properties& properties, Config* config) {
  ASSIGN_OR_RETURN(config->admin_port, daemon::AdminPort(properties, "eggroll.rollsite.admin.port",
                                                         config->listen.port));
  config->party_id = properties.Get("eggroll.rollsite.party.id");
  if (auto id = PartyId::Parse(config->party_id); !config->party_id.empty() && !id.ok()) {
    return properties.Error("eggroll.rollsite.party.id", Message(id.status()));
  }
  RETURN_IF_ERROR(ReadPolling(properties, config));
  RETURN_IF_ERROR(ReadKeepAlive(properties, &config->keep_alive));
  ASSIGN_OR_RETURN(config->queues, QueueSettings::Read(properties));
  RETURN_IF_ERROR(ReadSessionWaits(properties, &config->eggs));
  ASSIGN_OR_RETURN(config->strict_codes, properties.GetBool("ptp.strict_codes", false));
  config->operator_key = properties.Get("eggroll.rollsite.route.table.key", "123");
  const std::string hosts = properties.Get("eggroll.rollsite.route.table.whitelist");
  for (std::string_view host : Split(hosts, ',')) {
    if (!Trim(host).empty()) config->operator_hosts.emplace_back(Trim(host));
  }
  return absl::OkStatus();
}

}  // namespace

std::string Config::FileOf(const std::string& path) {
  std::error_code error;
  if (!fs::is_directory(path, error)) return path;
  for (const char* name : {"broker/broker.properties", "broker.properties"}) {
    const fs::path file = fs::path(path) / name;
    if (fs::exists(file, error)) return file.string();
  }
  return (fs::path(path) / "broker/broker.properties").string();
}

absl::StatusOr<Config> Config::Load(const std::string& path) {
  ASSIGN_OR_RETURN(Properties properties, Properties::Load(FileOf(path)));
  Config config;
  const bool is_broker = IsBrokerFile(properties);
  if (is_broker) {
    ReadBroker(properties, &config);
  } else {
    RETURN_IF_ERROR(ReadEggroll(properties, &config));
  }
  if (!relay::IsNumeric(config.listen.host)) {
    return properties.Error(is_broker ? "bind.host" : "eggroll.rollsite.host",
                            "give a numeric address of this machine, or 0.0.0.0 for all");
  }
  RETURN_IF_ERROR(ReadNative(properties, &config));
  ASSIGN_OR_RETURN(config.tls, TlsSettings::Read(properties, config.listen.host));
  if (config.tls.https.listen && config.http_port == 0) {
    config.tls.https.listen = false;
    config.warnings.push_back(Message(properties.Error(
        "open.https.server",
        "HTTPS is served beside HTTP only: set open.http.server=true (eggroll's dialect: "
        "eggroll.rollsite.http.port) too, or set it to false; it is off now")));
  }
  ASSIGN_OR_RETURN(config.access, AccessSettings::Read(properties));
  ASSIGN_OR_RETURN(config.quotas, QuotaSettings::Read(properties));
  const std::string logs = properties.Get("eggroll.logs.dir", "logs");
  ASSIGN_OR_RETURN(config.audit, AuditSettings::Read(properties, logs + "/audit"));
  return config;
}

std::string LogSetting(const std::string& config_path, const std::string& key) {
  const auto properties = Properties::Load(Config::FileOf(config_path));
  return properties.ok() ? properties->Get(key) : "";
}

}  // namespace fate::rollsite
