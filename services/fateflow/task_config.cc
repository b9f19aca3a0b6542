#include "fateflow/task_config.h"

#include <atomic>

#include "absl/time/clock.h"
#include "base/status.h"

namespace fate::flow {
namespace {

Json ToPlain(const dag::Json& json) { return Json::parse(json.dump()); }

Json FileHandler(const std::string& path, const char* level) {
  return {{"class", "logging.FileHandler"},
          {"level", level},
          {"formatter", "brief"},
          {"delay", true},
          {"filename", path}};
}

// The Python logging dictionary of 15.3.
Json LoggerConfig(const std::string& task_dir, const std::string& party_dir, bool debug) {
  std::vector<const char*> levels = {"INFO", "WARNING", "ERROR"};
  if (debug) levels.insert(levels.begin(), "DEBUG");
  Json handlers = Json::object(), root = Json::array(), component = Json::array();
  for (const char* level : levels) {
    std::string suffix = level;
    for (char& c : suffix) c = static_cast<char>(std::tolower(c));
    handlers["root_" + suffix] = FileHandler(task_dir + "/root/" + level, level);
    handlers["root_party_" + suffix] = FileHandler(party_dir + "/" + level, level);
    handlers["component_" + suffix] = FileHandler(task_dir + "/component/" + level, level);
    root.insert(root.end(), {"root_" + suffix, "root_party_" + suffix});
    component.push_back("component_" + suffix);
  }
  handlers["global_error"] = FileHandler(task_dir + "/root/ERROR", "ERROR");
  root.push_back("global_error");
  const char* level = debug ? "DEBUG" : "INFO";
  Json formatter = {{"format",
                     "[%(levelname)s][%(asctime)-8s][%(process)s][%(module)s.%(funcName)s][line:%("
                     "lineno)d]: %(message)s"}};
  return {{"version", 1},
          {"disable_existing_loggers", false},
          {"formatters", {{"brief", formatter}}},
          {"handlers", handlers},
          {"loggers", {{"fate", {{"level", level}, {"handlers", component}, {"propagate", true}}}}},
          {"root", {{"level", level}, {"handlers", root}}}};
}

Json Computing(const Config& config, const TaskKey& key) {
  return {{"type", "eggroll"},
          {"metadata",
           {{"computing_id", key.execution_id()},
            {"host", config.cluster_manager.host},
            {"port", config.cluster_manager.port},
            {"options", Json::object()}}}};
}

Json Federation(const Config& config, const TaskDescription& description) {
  Json parties = Json::array();
  for (const dag::Site& site : description.sites) {
    parties.push_back({{"role", site.role}, {"partyid", site.party_id}});
  }
  const TaskKey& key = description.key;
  return {{"type", "rollsite"},
          {"metadata",
           {{"federation_id", key.federation_id()},
            {"parties",
             {{"local", {{"role", key.role}, {"partyid", key.party_id}}}, {"parties", parties}}},
            {"rollsite_config", {{"host", config.proxy.host}, {"port", config.proxy.port}}}}}};
}

std::string UniqueName() {
  static std::atomic<uint32_t> next{0};
  return fmt::format("{:016x}{:08x}", absl::ToUnixNanos(absl::Now()), next++);
}

Json FirstType(const Json& artifact) {
  Json types = Member(artifact, "types");
  return types.is_array() && !types.empty() ? types[0] : Json::object();
}

std::string OutputUri(const Config& config, const Json& pre, const std::string& kind,
                      const Json& artifact, const std::string& task_dir) {
  std::string type = Text(FirstType(artifact), "type_name");
  std::string uri;
  if (kind == "metric") {
    return config.BaseUrl() + "/v2/worker/metric/save/" + Text(pre, "party_task_id");
  }
  if (type == "dataframe" || type == "table") {
    uri = fmt::format("eggroll:///{}/{}", Text(pre, "task_id"), UniqueName());
  } else {
    uri = fmt::format("file://{}/output/{}/{}", task_dir, Text(artifact, "name"), type);
  }
  return Boolean(artifact, "is_multi") ? uri + "_{index}" : uri;
}

}  // namespace

absl::StatusOr<Json> PreTaskConfig(const Config& config, const Layout& layout,
                                   const TaskDescription& description) {
  const TaskKey& key = description.key;
  const dag::TaskAtSite& task = description.task;
  ASSIGN_OR_RETURN(std::string task_logs, layout.TaskLogDir(key.job(), task.name));
  ASSIGN_OR_RETURN(std::string party_logs, layout.PartyLogDir(key.job()));
  Json conf = {
      {"device", {{"type", "CPU"}, {"metadata", Json::object()}}},
      {"computing", Computing(config, key)},
      {"storage", "eggroll"},
      {"federation", Federation(config, description)},
      {"logger", {{"config", LoggerConfig(task_logs, party_logs, config.log_level == "debug")}}}};
  Json mlmd = {{"type", "flow"},
               {"metadata",
                {{"host", config.host},
                 {"port", config.http_port},
                 {"protocol", "http"},
                 {"api_version", "v2"}}}};
  return Json{{"model_id", description.model_id},
              {"model_version", description.model_version},
              {"job_id", key.job_id},
              {"task_id", key.task_id},
              {"task_name", task.name},
              {"task_version", std::to_string(key.version)},
              {"provider_name", description.provider.substr(0, description.provider.find(':'))},
              {"party_task_id", key.execution_id()},
              {"component", task.component_ref},
              {"role", key.role},
              {"party_id", key.party_id},
              {"stage", task.stage},
              {"parameters", ToPlain(task.parameters)},
              {"input_artifacts", ToPlain(task.inputs)},
              {"conf", std::move(conf)},
              {"mlmd", std::move(mlmd)},
              {"engine_run", description.task_run},
              {"computing_partitions", description.computing_partitions},
              {"launcher_name", "default"},
              {"launcher_conf", Json::object()}};
}

Json WithVersion(Json pre, const TaskKey& key) {
  pre["task_version"] = std::to_string(key.version);
  pre["party_task_id"] = key.execution_id();
  pre["conf"]["computing"]["metadata"]["computing_id"] = key.execution_id();
  pre["conf"]["federation"]["metadata"]["federation_id"] = key.federation_id();
  return pre;
}

Json TaskConfig(const Json& pre, Json input_artifacts, Json output_artifacts) {
  Json conf = pre["conf"];
  Json& options = conf["computing"]["metadata"]["options"];
  for (const auto& [name, value] : pre["engine_run"].items()) {
    options[name == "task_cores_per_node" ? "eggroll.session.processors.per.node" : name] = value;
  }
  Json config = {{"conf", std::move(conf)},
                 {"input_artifacts", std::move(input_artifacts)},
                 {"output_artifacts", std::move(output_artifacts)}};
  for (const char* name : {"job_id", "task_id", "party_task_id", "task_name", "component", "role",
                           "party_id", "stage", "parameters", "computing_partitions"}) {
    config[name] = pre[name];
  }
  return config;
}

Json OutputArtifacts(const Config& config, const Json& pre, const Json& define,
                     const std::string& task_dir) {
  Json artifacts = Json::object();
  Json outputs = Member(define, "outputs");
  for (const char* kind : {"data", "model", "metric"}) {
    Json list = Member(outputs, kind);
    if (!list.is_array()) continue;
    for (const Json& artifact : list) {
      artifacts[Text(artifact, "name")] = {
          {"uri", OutputUri(config, pre, kind, artifact, task_dir)},
          {"type_name", Text(FirstType(artifact), "type_name")}};
    }
  }
  return artifacts;
}

}  // namespace fate::flow
