#pragma once

// service_conf.yaml and job_default_config.yaml of one fateflow (spec/fate-flow.md 2,
// spec/deployment.md 10.3). A file local.service_conf.yaml beside the first replaces whole
// top-level keys. Immutable once loaded.

#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"

namespace fate::flow {

struct Address {
  std::string host = "127.0.0.1";
  int port = 0;
  std::string ToString() const { return host + ":" + std::to_string(port); }
};

// job_default_config.yaml.
struct JobDefaults {
  int job_cores = 4;
  int computing_partitions = 8;
  int task_cores = 4;  // task_run.eggroll.cores
  absl::Duration task_timeout = absl::Seconds(259200);
  absl::Duration remote_request_timeout = absl::Milliseconds(30000);
  int federated_command_tries = 3;
  int auto_retries = 0;
  std::string sync_type = "callback";
};

struct Config {
  std::string path;  // of service_conf.yaml, for messages
  std::string home;  // FLOW_HOME: logs, jobs, model, temps, localfs lie here
  std::string party_id = "9999";
  std::string host = "127.0.0.1";
  int http_port = 9380;
  int grpc_port = 9360;
  int admin_port = 19380;
  std::string log_level = "info";  // mapped from Python's 10..50

  std::string proxy_name = "osx";  // block of `federation` that carries partner calls
  Address proxy{.port = 9370};     // our own rollsite
  std::string federation_engine = "osx";
  std::string federation_mode = "stream";
  Address cluster_manager{.port = 4670};
  int cores = 32;  // of computing.eggroll
  int nodes = 1;

  std::string database_path;   // SQLite file, or ":memory:"
  std::string model_dir;       // model_store.file.path
  std::string component_path;  // fate_component; empty: beside this program
  std::string upload_dir;      // UPLOAD_DATA_HOME: prefix of relative upload files
  int storage_port = 7778;     // storage_service of every node
  JobDefaults job_defaults;

  std::string BaseUrl() const { return "http://" + host + ":" + std::to_string(http_port); }
};

// `home` empty: the parent of the configuration's folder (FLOW_HOME/conf/service_conf.yaml).
// Errors: kNotFound for a missing file, kInvalidArgument naming file, line or key, and remedy.
absl::StatusOr<Config> LoadConfig(const std::string& path, const std::string& home = "");

// The text of one scalar of the file by its dotted path, "" when absent or unreadable.
std::string ReadSetting(const std::string& path, const std::string& dotted_key);

}  // namespace fate::flow
