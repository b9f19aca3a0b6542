#include <fmt/ranges.h>

#include <array>
#include <cmath>
#include <set>

#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "dag/dag.h"

namespace fate::dag {
namespace {

constexpr size_t kMaxTasks = 1000;
constexpr size_t kMaxSites = 1000;
constexpr size_t kMaxTaskNameBytes = 100;  // of t_task.f_task_id (spec/fate-flow.md 14.1)
constexpr size_t kMaxTextBytes = 512;
constexpr int64_t kMaxCores = 1'000'000;
constexpr int64_t kMaxRetries = 100;

const std::set<std::string> kRoles = {"guest", "host", "arbiter", "local"};
const std::set<std::string> kStages = {"train", "predict", "default", "cross_validation"};
const std::set<std::string> kSyncTypes = {"poll", "callback"};

struct SourceRule {
  Source source;
  std::string name;
  std::vector<std::string> keys;
  std::vector<std::string> required;
};
const std::array<SourceRule, 3> kSources = {{
    {Source::kTaskOutput,
     "task_output_artifact",
     {"producer_task", "output_artifact_key", "output_artifact_type_alias"},
     {"producer_task", "output_artifact_key"}},
    {Source::kModelWarehouse,
     "model_warehouse",
     {"model_id", "model_version", "producer_task", "output_artifact_key"},
     {"producer_task", "output_artifact_key"}},
    {Source::kDataWarehouse,
     "data_warehouse",
     {"job_id", "producer_task", "output_artifact_key", "namespace", "name", "dataset_id"},
     {}},
}};

const Json kNull;

// One JSON object and its place, for messages.
struct Node {
  const Json& json;
  std::string place;

  const Json& operator[](const char* key) const {
    auto it = json.find(key);
    return it == json.end() ? kNull : *it;
  }
  Node Child(const char* key) const { return {(*this)[key], fmt::format("{}.{}", place, key)}; }
};

absl::Status ExpectObject(const Node& node) {
  if (node.json.is_object()) return absl::OkStatus();
  if (node.json.is_null()) return InvalidArgumentError("{} is missing", node.place);
  return InvalidArgumentError("{} must be an object, not {}", node.place, node.json.type_name());
}

// Numbers become strings where a string is expected (10.1).
absl::StatusOr<std::string> AsText(const Json& json, const std::string& place) {
  std::string text;
  if (json.is_string()) {
    text = json.get<std::string>();
  } else if (json.is_number()) {
    text = json.dump();
  } else {
    return InvalidArgumentError("{} must be a text, not {}", place, json.type_name());
  }
  if (text.size() > kMaxTextBytes) {
    return InvalidArgumentError("{} is longer than {} bytes", place, kMaxTextBytes);
  }
  return text;
}

absl::Status ReadText(const Node& node, const char* key, std::optional<std::string>* result) {
  const Json& json = node[key];
  if (json.is_null()) return absl::OkStatus();
  ASSIGN_OR_RETURN(*result, AsText(json, fmt::format("{}.{}", node.place, key)));
  return absl::OkStatus();
}

absl::StatusOr<std::string> RequireText(const Node& node, const char* key) {
  std::optional<std::string> text;
  RETURN_IF_ERROR(ReadText(node, key, &text));
  if (!text || text->empty()) return InvalidArgumentError("{}.{} is missing", node.place, key);
  return *std::move(text);
}

absl::Status OneOf(const std::string& text, const std::set<std::string>& allowed,
                   const std::string& place) {
  if (allowed.contains(text)) return absl::OkStatus();
  return InvalidArgumentError("{} is '{}'; one of {} is possible", place, Escape(text),
                              fmt::join(allowed, ", "));
}

absl::Status ReadInt(const Node& node, const char* key, int64_t low, int64_t high,
                     std::optional<int64_t>* result) {
  const Json& json = node[key];
  if (json.is_null()) return absl::OkStatus();
  std::optional<int64_t> value;
  if (json.is_number_integer()) value = json.get<int64_t>();
  if (json.is_string()) value = ParseInt<int64_t>(json.get_ref<const std::string&>());
  if (json.is_number_float() && std::trunc(json.get<double>()) == json.get<double>() &&
      std::abs(json.get<double>()) < 1e15) {
    value = static_cast<int64_t>(json.get<double>());
  }
  if (!value || *value < low || *value > high) {
    return InvalidArgumentError("{}.{} must be a whole number from {} to {}", node.place, key, low,
                                high);
  }
  *result = value;
  return absl::OkStatus();
}

absl::Status ReadObject(const Node& node, const char* key, Json* result) {
  const Json& json = node[key];
  if (!json.is_null()) RETURN_IF_ERROR(ExpectObject(node.Child(key)));
  *result = json;
  return absl::OkStatus();
}

// Names that become folders and session ids.
absl::Status CheckTaskName(const std::string& name) {
  if (name.size() <= kMaxTaskNameBytes && SessionId::Parse(name).ok()) return absl::OkStatus();
  return InvalidArgumentError(
      "task name '{}' is not usable: 1 to {} printable characters without blank, slash and quotes",
      Escape(name.substr(0, kMaxTaskNameBytes)), kMaxTaskNameBytes);
}

absl::StatusOr<Party> ReadParty(const Node& node) {
  RETURN_IF_ERROR(ExpectObject(node));
  Party party;
  ASSIGN_OR_RETURN(party.role, RequireText(node, "role"));
  RETURN_IF_ERROR(OneOf(party.role, kRoles, node.place + ".role"));
  const Json& ids = node["party_id"];
  if (!ids.is_array() || ids.empty()) {
    return InvalidArgumentError("{}.party_id of role {} must be a list with at least one id",
                                node.place, party.role);
  }
  for (const Json& id : ids) {
    ASSIGN_OR_RETURN(std::string text, AsText(id, node.place + ".party_id"));
    if (!PartyId::Parse(text).ok()) {
      return InvalidArgumentError("{}.party_id holds '{}', which is no party id", node.place,
                                  Escape(text));
    }
    party.party_ids.push_back(std::move(text));
  }
  return party;
}

// null and an empty list mean the same: not restricted.
absl::StatusOr<std::vector<Party>> ReadParties(const Node& node) {
  std::vector<Party> parties;
  if (node.json.is_null()) return parties;
  if (!node.json.is_array()) return InvalidArgumentError("{} must be a list", node.place);
  std::set<Site> seen;
  for (size_t i = 0; i < node.json.size(); ++i) {
    ASSIGN_OR_RETURN(Party party, ReadParty({node.json[i], fmt::format("{}[{}]", node.place, i)}));
    for (const std::string& id : party.party_ids) {
      if (!seen.insert({party.role, id}).second) {
        return InvalidArgumentError("{} names {} {} twice", node.place, party.role, id);
      }
    }
    if (seen.size() > kMaxSites) {
      return InvalidArgumentError("{} names more than {} parties", node.place, kMaxSites);
    }
    parties.push_back(std::move(party));
  }
  return parties;
}

absl::StatusOr<Channel> ReadChannel(const Node& node, const SourceRule& rule) {
  RETURN_IF_ERROR(ExpectObject(node));
  Channel channel{rule.source, Json::object(), {}};
  for (const auto& [key, value] : node.json.items()) {
    if (key == "parties" || value.is_null()) continue;
    if (std::find(rule.keys.begin(), rule.keys.end(), key) == rule.keys.end()) {
      return InvalidArgumentError("{} has the unknown key '{}'; a {} takes {} and parties",
                                  node.place, Escape(key), rule.name, fmt::join(rule.keys, ", "));
    }
    ASSIGN_OR_RETURN(channel.fields[key], AsText(value, fmt::format("{}.{}", node.place, key)));
  }
  for (const std::string& key : rule.required) {
    if (channel.Text(key).empty()) return InvalidArgumentError("{}.{} is missing", node.place, key);
  }
  ASSIGN_OR_RETURN(channel.parties, ReadParties(node.Child("parties")));
  return channel;
}

absl::StatusOr<Input> ReadSource(const Node& node, const std::string& key, const SourceRule& rule) {
  Input input{key, rule.source, node.json.is_array(), {}};
  if (!input.is_list) {
    ASSIGN_OR_RETURN(Channel channel, ReadChannel(node, rule));
    input.channels.push_back(std::move(channel));
    return input;
  }
  for (size_t i = 0; i < node.json.size(); ++i) {
    ASSIGN_OR_RETURN(Channel channel,
                     ReadChannel({node.json[i], fmt::format("{}[{}]", node.place, i)}, rule));
    input.channels.push_back(std::move(channel));
  }
  return input;
}

absl::StatusOr<std::vector<Input>> ReadInputs(const Node& node) {
  std::vector<Input> inputs;
  if (node.json.is_null()) return inputs;
  RETURN_IF_ERROR(ExpectObject(node));
  for (const auto& [key, by_source] : node.json.items()) {
    Node place{by_source, fmt::format("{}.{}", node.place, Escape(key))};
    if (by_source.is_null()) continue;
    RETURN_IF_ERROR(ExpectObject(place));
    size_t found = 0;
    for (const SourceRule& rule : kSources) {
      Node source = place.Child(rule.name.c_str());
      if (source.json.is_null()) continue;
      ++found;
      ASSIGN_OR_RETURN(Input input, ReadSource(source, key, rule));
      inputs.push_back(std::move(input));
    }
    if (found != 1) {
      return InvalidArgumentError(
          "{} needs exactly one of task_output_artifact, model_warehouse and data_warehouse",
          place.place);
    }
  }
  return inputs;
}

absl::StatusOr<Task> ReadTask(const std::string& name, const Node& node) {
  RETURN_IF_ERROR(CheckTaskName(name));
  RETURN_IF_ERROR(ExpectObject(node));
  Task task;
  task.name = name;
  ASSIGN_OR_RETURN(task.component_ref, RequireText(node, "component_ref"));
  RETURN_IF_ERROR(ReadText(node, "stage", &task.stage));
  if (task.stage) RETURN_IF_ERROR(OneOf(*task.stage, kStages, node.place + ".stage"));
  task.dependent_tasks = node["dependent_tasks"];
  task.outputs = node["outputs"];
  RETURN_IF_ERROR(ReadObject(node, "parameters", &task.parameters));
  RETURN_IF_ERROR(ReadObject(node, "conf", &task.conf));
  ASSIGN_OR_RETURN(task.parties, ReadParties(node.Child("parties")));
  Node inputs = node.Child("inputs");
  if (inputs.json.is_null()) return task;
  RETURN_IF_ERROR(ExpectObject(inputs));
  task.has_inputs = true;
  ASSIGN_OR_RETURN(task.data, ReadInputs(inputs.Child("data")));
  ASSIGN_OR_RETURN(task.model, ReadInputs(inputs.Child("model")));
  return task;
}

absl::StatusOr<PartyTask> ReadPartyTask(const std::string& name, const Node& node) {
  RETURN_IF_ERROR(ExpectObject(node));
  PartyTask result;
  result.name = name;
  ASSIGN_OR_RETURN(result.parties, ReadParties(node.Child("parties")));
  if (result.parties.empty()) {
    return InvalidArgumentError("{} has no parties; say to whom it applies", node.place);
  }
  RETURN_IF_ERROR(ReadObject(node, "conf", &result.conf));
  RETURN_IF_ERROR(ReadObject(node, "tasks", &result.tasks));
  if (!result.tasks.is_object()) return result;
  for (const auto& [task, settings] : result.tasks.items()) {
    Node place{settings, fmt::format("{}.tasks.{}", node.place, Escape(task))};
    Json ignored;
    RETURN_IF_ERROR(ExpectObject(place));
    RETURN_IF_ERROR(ReadObject(place, "parameters", &ignored));
    RETURN_IF_ERROR(ReadObject(place, "conf", &ignored));
  }
  return result;
}

absl::Status ReadInheritance(const Node& conf, Json* result) {
  Node node = conf.Child("inheritance");
  if (node.json.is_null()) return absl::OkStatus();
  RETURN_IF_ERROR(ExpectObject(node));
  Json read = Json::object();
  ASSIGN_OR_RETURN(read["job_id"], RequireText(node, "job_id"));
  const Json& tasks = node["task_list"];
  if (!tasks.is_array()) return InvalidArgumentError("{}.task_list must be a list", node.place);
  read["task_list"] = Json::array();
  for (const Json& task : tasks) {
    ASSIGN_OR_RETURN(std::string name, AsText(task, node.place + ".task_list"));
    read["task_list"].push_back(std::move(name));
  }
  *result = std::move(read);
  return absl::OkStatus();
}

absl::Status ReadWarehouse(const Node& conf, Json* result) {
  Node node = conf.Child("model_warehouse");
  if (node.json.is_null()) return absl::OkStatus();
  RETURN_IF_ERROR(ExpectObject(node));
  Json read = Json::object();
  ASSIGN_OR_RETURN(read["model_id"], RequireText(node, "model_id"));
  ASSIGN_OR_RETURN(read["model_version"], RequireText(node, "model_version"));
  *result = std::move(read);
  return absl::OkStatus();
}

absl::Status ReadTaskConf(const Node& conf, Json* result) {
  Node node = conf.Child("task");
  if (node.json.is_null()) return absl::OkStatus();
  RETURN_IF_ERROR(ExpectObject(node));
  Json engine_run;
  std::optional<std::string> provider, launcher;
  std::optional<int64_t> timeout;
  RETURN_IF_ERROR(ReadObject(node, "engine_run", &engine_run));
  RETURN_IF_ERROR(ReadText(node, "provider", &provider));
  RETURN_IF_ERROR(ReadInt(node, "timeout", 0, int64_t{1} << 40, &timeout));
  RETURN_IF_ERROR(ReadText(node, "launcher_name", &launcher));
  *result = {{"engine_run", engine_run},
             {"provider", provider ? Json(*provider) : Json()},
             {"timeout", timeout ? Json(*timeout) : Json()},
             {"launcher_name", launcher.value_or("default")}};
  return absl::OkStatus();
}

absl::StatusOr<JobConf> ReadConf(const Node& node) {
  JobConf conf;
  if (node.json.is_null()) return conf;
  RETURN_IF_ERROR(ExpectObject(node));
  RETURN_IF_ERROR(ReadInt(node, "priority", INT32_MIN, INT32_MAX, &conf.priority));
  RETURN_IF_ERROR(ReadText(node, "scheduler_party_id", &conf.scheduler_party_id));
  RETURN_IF_ERROR(ReadText(node, "initiator_party_id", &conf.initiator_party_id));
  RETURN_IF_ERROR(ReadInheritance(node, &conf.inheritance));
  RETURN_IF_ERROR(ReadInt(node, "cores", 0, kMaxCores, &conf.cores));
  RETURN_IF_ERROR(
      ReadInt(node, "computing_partitions", 1, kMaxPartitions, &conf.computing_partitions));
  RETURN_IF_ERROR(ReadText(node, "sync_type", &conf.sync_type));
  if (conf.sync_type) RETURN_IF_ERROR(OneOf(*conf.sync_type, kSyncTypes, "dag.conf.sync_type"));
  RETURN_IF_ERROR(ReadInt(node, "auto_retries", 0, kMaxRetries, &conf.auto_retries));
  RETURN_IF_ERROR(ReadText(node, "model_id", &conf.model_id));
  RETURN_IF_ERROR(ReadText(node, "model_version", &conf.model_version));
  RETURN_IF_ERROR(ReadWarehouse(node, &conf.model_warehouse));
  RETURN_IF_ERROR(ReadTaskConf(node, &conf.task));
  RETURN_IF_ERROR(ReadObject(node, "extra", &conf.extra));
  return conf;
}

}  // namespace

class Parser {
 public:
  static absl::StatusOr<Dag> Run(const Json& schema) {
    Dag dag;
    Node root{schema, "schema"};
    RETURN_IF_ERROR(ExpectObject(root));
    Node node{root["dag"], "dag"};
    RETURN_IF_ERROR(ExpectObject(node));
    std::optional<std::string> version, kind, stage;
    RETURN_IF_ERROR(ReadText(root, "schema_version", &version));
    RETURN_IF_ERROR(ReadText(root, "kind", &kind));
    RETURN_IF_ERROR(ReadText(node, "stage", &stage));
    if (kind.value_or("fate") != "fate") {
      return InvalidArgumentError("kind '{}' is not supported, only 'fate'", Escape(*kind));
    }
    if (stage) RETURN_IF_ERROR(OneOf(*stage, kStages, "dag.stage"));
    dag.schema_version_ = version.value_or("");
    dag.stage_ = stage.value_or("");
    ASSIGN_OR_RETURN(dag.parties_, ReadParties(node.Child("parties")));
    if (dag.parties_.empty()) {
      return InvalidArgumentError("dag.parties is missing; a job needs at least one party");
    }
    ASSIGN_OR_RETURN(dag.conf_, ReadConf(node.Child("conf")));
    RETURN_IF_ERROR(ReadTasks(node, &dag));
    RETURN_IF_ERROR(ReadPartyTasks(node, &dag));
    RETURN_IF_ERROR(dag.CheckReferences());
    RETURN_IF_ERROR(dag.SortTasks());
    return dag;
  }

 private:
  static absl::Status ReadTasks(const Node& node, Dag* dag) {
    const Json& tasks = node["tasks"];
    RETURN_IF_ERROR(ExpectObject({tasks, "dag.tasks"}));
    if (tasks.empty() || tasks.size() > kMaxTasks) {
      return InvalidArgumentError("dag.tasks holds {} tasks; 1 to {} are possible", tasks.size(),
                                  kMaxTasks);
    }
    for (const auto& [name, task] : tasks.items()) {
      ASSIGN_OR_RETURN(Task read, ReadTask(name, {task, "tasks." + Escape(name)}));
      dag->tasks_.push_back(std::move(read));
    }
    return absl::OkStatus();
  }

  static absl::Status ReadPartyTasks(const Node& node, Dag* dag) {
    const Json& party_tasks = node["party_tasks"];
    if (party_tasks.is_null()) return absl::OkStatus();
    RETURN_IF_ERROR(ExpectObject({party_tasks, "dag.party_tasks"}));
    dag->has_party_tasks_ = true;
    for (const auto& [name, settings] : party_tasks.items()) {
      ASSIGN_OR_RETURN(PartyTask read,
                       ReadPartyTask(name, {settings, "party_tasks." + Escape(name)}));
      dag->party_tasks_.push_back(std::move(read));
    }
    return absl::OkStatus();
  }
};

absl::StatusOr<Dag> Dag::Parse(const Json& schema) { return Parser::Run(schema); }

absl::StatusOr<Dag> Dag::ParseText(std::string_view text) {
  ASSIGN_OR_RETURN(Json schema, ParseJson(text));
  return Parse(schema);
}

absl::StatusOr<Json> ParseJson(std::string_view text) {
  bool too_deep = false;
  auto guard = [&](int depth, Json::parse_event_t, Json&) {
    too_deep = too_deep || depth > kMaxJsonDepth;
    return !too_deep;
  };
  try {
    Json json = Json::parse(text.begin(), text.end(), guard);
    if (too_deep) return InvalidArgumentError("JSON deeper than {} levels", kMaxJsonDepth);
    return json;
  } catch (const Json::exception& error) {
    return InvalidArgumentError("not JSON: {}", Escape(error.what()));
  }
}

}  // namespace fate::dag
