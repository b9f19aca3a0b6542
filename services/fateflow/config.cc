#include "fateflow/config.h"

#include <yaml-cpp/yaml.h>

#include <cstdlib>
#include <filesystem>
#include <optional>
#include <set>

#include "base/names.h"
#include "base/status.h"
#include "base/text.h"

namespace fate::flow {
namespace {

namespace fs = std::filesystem;

// One configuration file (or several overlaid) with errors that name file, line and key.
class Settings {
 public:
  explicit Settings(std::string path) : path_(std::move(path)) {}

  absl::Status Load() {
    ASSIGN_OR_RETURN(root_, ReadFile(path_));
    fs::path overlay =
        fs::path(path_).parent_path() / ("local." + fs::path(path_).filename().string());
    if (!fs::exists(overlay)) return absl::OkStatus();
    ASSIGN_OR_RETURN(YAML::Node local, ReadFile(overlay.string()));
    for (const auto& entry : local) root_[entry.first.as<std::string>()] = entry.second;
    return absl::OkStatus();
  }

  YAML::Node Find(std::string_view dotted_key) const {
    YAML::Node node(root_);
    for (std::string_view piece : Split(dotted_key, '.')) {
      if (!node.IsMap()) return YAML::Node(YAML::NodeType::Undefined);
      YAML::Node child = std::as_const(node)[std::string(piece)];
      if (!child.IsDefined()) return YAML::Node(YAML::NodeType::Undefined);
      node.reset(child);
    }
    return node;
  }

  absl::Status Text(std::string_view key, std::string& value) const {
    YAML::Node node = Find(key);
    if (!node.IsDefined() || node.IsNull()) return absl::OkStatus();
    if (!node.IsScalar()) return Error(key, node, "must be a single value");
    value = node.Scalar();
    return absl::OkStatus();
  }

  absl::Status Int(std::string_view key, int low, int high, int& value) const {
    std::string text;
    RETURN_IF_ERROR(Text(key, text));
    if (text.empty()) return absl::OkStatus();
    auto number = ParseInt<int>(text);
    if (!number || *number < low || *number > high) {
      return Error(
          key, Find(key),
          fmt::format("= '{}' must be a whole number from {} to {}", Escape(text), low, high));
    }
    value = *number;
    return absl::OkStatus();
  }

  absl::Status Port(std::string_view key, int& value) const { return Int(key, 0, 65535, value); }

  absl::Status OneOf(std::string_view key, const std::set<std::string>& allowed,
                     std::string& value) const {
    RETURN_IF_ERROR(Text(key, value));
    if (allowed.contains(value)) return absl::OkStatus();
    return Error(key, Find(key),
                 fmt::format("= '{}' is not served; use {}", Escape(value),
                             Join({allowed.begin(), allowed.end()}, " or ")));
  }

  absl::Status Error(std::string_view key, const YAML::Node& node, std::string_view what) const {
    std::string where = path_;
    if (node.IsDefined() && node.Mark().line >= 0) {
      where += fmt::format(":{}", node.Mark().line + 1);
    }
    return InvalidArgumentError("{}: {} {}", where, key, what);
  }

 private:
  static absl::StatusOr<YAML::Node> ReadFile(const std::string& path) {
    if (!fs::exists(path)) {
      return NotFoundError("configuration {} does not exist; give its path with --config", path);
    }
    try {
      YAML::Node root = YAML::LoadFile(path);
      if (root.IsMap() || root.IsNull()) return root;
      return InvalidArgumentError("{}: must be a map of keys such as `party_id: \"9999\"`", path);
    } catch (const YAML::Exception& error) {
      return InvalidArgumentError("{}:{}: not YAML ({}); correct that line", path,
                                  error.mark.line + 1, error.msg);
    }
  }

  std::string path_;
  YAML::Node root_;
};

absl::Status ReadIdentity(const Settings& file, Config& config) {
  RETURN_IF_ERROR(file.Text("party_id", config.party_id));
  if (auto party = PartyId::Parse(config.party_id); !party.ok()) {
    return file.Error("party_id", file.Find("party_id"), Message(party.status()));
  }
  RETURN_IF_ERROR(file.Text("fateflow.host", config.host));
  RETURN_IF_ERROR(file.Port("fateflow.http_port", config.http_port));
  RETURN_IF_ERROR(file.Port("fateflow.grpc_port", config.grpc_port));
  config.admin_port = config.http_port == 0 ? 0 : config.http_port + 10000;
  return file.Port("fateflow.admin.port", config.admin_port);
}

absl::Status ReadLogLevel(const Settings& file, Config& config) {
  int level = 20;
  RETURN_IF_ERROR(file.Int("log_level", 0, 50, level));
  config.log_level = level <= 10   ? "debug"
                     : level <= 20 ? "info"
                     : level <= 30 ? "warning"
                                   : "error";
  return absl::OkStatus();
}

absl::Status ReadEngines(const Settings& file, Config& config) {
  std::string computing = "standalone", storage = "standalone";
  config.federation_engine = "standalone";
  RETURN_IF_ERROR(file.OneOf("default_engines.computing", {"eggroll"}, computing));
  RETURN_IF_ERROR(file.OneOf("default_engines.storage", {"eggroll"}, storage));
  RETURN_IF_ERROR(
      file.OneOf("default_engines.federation", {"osx", "rollsite"}, config.federation_engine));
  RETURN_IF_ERROR(file.Text("computing.eggroll.host", config.cluster_manager.host));
  RETURN_IF_ERROR(file.Port("computing.eggroll.port", config.cluster_manager.port));
  RETURN_IF_ERROR(file.Int("computing.eggroll.cores", 1, 1 << 20, config.cores));
  return file.Int("computing.eggroll.nodes", 1, 1 << 12, config.nodes);
}

absl::Status ReadFederation(const Settings& file, Config& config) {
  RETURN_IF_ERROR(file.OneOf("fateflow.proxy_name", {"osx", "rollsite"}, config.proxy_name));
  std::string block = "federation." + config.proxy_name;
  RETURN_IF_ERROR(file.Text(block + ".host", config.proxy.host));
  RETURN_IF_ERROR(file.Port(block + ".port", config.proxy.port));
  if (config.federation_engine != "osx") return absl::OkStatus();
  return file.OneOf("federation.osx.mode", {"stream"}, config.federation_mode);
}

absl::Status ReadStores(const Settings& file, Config& config) {
  std::string engine = "sqlite", model_engine = "file";
  RETURN_IF_ERROR(file.OneOf("database.engine", {"sqlite"}, engine));
  config.database_path = config.home + "/fate_flow_sqlite.db";
  RETURN_IF_ERROR(file.Text("database.sqlite.path", config.database_path));
  if (config.database_path != ":memory:" && fs::path(config.database_path).is_relative()) {
    config.database_path = config.home + "/" + config.database_path;
  }
  RETURN_IF_ERROR(file.OneOf("model_store.engine", {"file"}, model_engine));
  config.model_dir = config.home + "/model";
  RETURN_IF_ERROR(file.Text("model_store.file.path", config.model_dir));
  RETURN_IF_ERROR(file.Text("fateflow.component_path", config.component_path));
  return file.Port("storage.eggroll.port", config.storage_port);
}

absl::Status ReadJobDefaults(const std::string& path, JobDefaults& defaults) {
  if (!fs::exists(path)) return absl::OkStatus();
  Settings file(path);
  RETURN_IF_ERROR(file.Load());
  int timeout_s = static_cast<int>(absl::ToInt64Seconds(defaults.task_timeout));
  int request_ms = static_cast<int>(absl::ToInt64Milliseconds(defaults.remote_request_timeout));
  RETURN_IF_ERROR(file.Int("job_cores", 1, 1 << 20, defaults.job_cores));
  RETURN_IF_ERROR(file.Int("computing_partitions", 1, 4096, defaults.computing_partitions));
  RETURN_IF_ERROR(file.Int("task_run.eggroll.cores", 1, 1 << 20, defaults.task_cores));
  RETURN_IF_ERROR(file.Int("task_timeout", 1, 1 << 30, timeout_s));
  RETURN_IF_ERROR(file.Int("remote_request_timeout", 1, 1 << 30, request_ms));
  RETURN_IF_ERROR(file.Int("federated_command_trys", 1, 100, defaults.federated_command_tries));
  RETURN_IF_ERROR(file.Int("auto_retries", 0, 1000, defaults.auto_retries));
  RETURN_IF_ERROR(file.OneOf("sync_type", {"callback", "poll"}, defaults.sync_type));
  defaults.task_timeout = absl::Seconds(timeout_s);
  defaults.remote_request_timeout = absl::Milliseconds(request_ms);
  return absl::OkStatus();
}

std::string HomeOf(const std::string& config_path) {
  return fs::weakly_canonical(fs::absolute(config_path)).parent_path().parent_path().string();
}

}  // namespace

absl::StatusOr<Config> LoadConfig(const std::string& path, const std::string& home) {
  Config config;
  config.path = path;
  config.home = home.empty() ? HomeOf(path) : fs::absolute(home).lexically_normal().string();
  Settings file(path);
  RETURN_IF_ERROR(file.Load());
  RETURN_IF_ERROR(ReadIdentity(file, config));
  RETURN_IF_ERROR(ReadLogLevel(file, config));
  RETURN_IF_ERROR(ReadEngines(file, config));
  RETURN_IF_ERROR(ReadFederation(file, config));
  RETURN_IF_ERROR(ReadStores(file, config));
  if (const char* upload_dir = std::getenv("UPLOAD_DATA_HOME")) config.upload_dir = upload_dir;
  std::string defaults_path = (fs::path(path).parent_path() / "job_default_config.yaml").string();
  RETURN_IF_ERROR(ReadJobDefaults(defaults_path, config.job_defaults));
  return config;
}

std::string ReadSetting(const std::string& path, const std::string& dotted_key) {
  Settings file(path);
  std::string value;
  if (!file.Load().ok() || !file.Text(dotted_key, value).ok()) return "";
  return value;
}

}  // namespace fate::flow
