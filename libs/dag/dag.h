#pragma once

// The DAG of a job, kind "fate" (spec/fate-flow.md 10).
//
//   ASSIGN_OR_RETURN(Dag dag, Dag::ParseText(body));
//   for (const std::string& name : dag.TasksOf({"guest", "9999"})) {
//     ASSIGN_OR_RETURN(TaskAtSite task, dag.TaskAt({"guest", "9999"}, name));
//     ...
//   }
//
// A parsed Dag is consistent: every party and task named exists, there is no cycle, names are
// safe as folder names. A value type; safe to share between threads while nobody calls
// mutable_conf().

#include <compare>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace fate::dag {

// Keeps the order in which keys were written: the order of tasks is the tie-break of 10.2.
// Converts to and from nlohmann::json.
using Json = nlohmann::ordered_json;

// One role of one party; a party may play several roles.
struct Site {
  std::string role;
  std::string party_id;
  std::string ToString() const { return role + " " + party_id; }
  friend auto operator<=>(const Site&, const Site&) = default;
};

struct Party {
  std::string role;
  std::vector<std::string> party_ids;
};

// Settings of a job; unset members are written as null.
struct JobConf {
  std::optional<int64_t> priority;
  std::optional<std::string> scheduler_party_id;
  std::optional<std::string> initiator_party_id;
  Json inheritance;  // null or {"job_id", "task_list"}
  std::optional<int64_t> cores;
  std::optional<int64_t> computing_partitions;
  std::optional<std::string> sync_type;  // "poll" or "callback"
  std::optional<int64_t> auto_retries;
  std::optional<std::string> model_id;
  std::optional<std::string> model_version;
  Json model_warehouse;  // null or {"model_id", "model_version"}
  Json task;             // null or {"engine_run", "provider", "timeout", "launcher_name"}
  Json extra;            // null or an object
};

// Where an input comes from.
enum class Source { kTaskOutput, kModelWarehouse, kDataWarehouse };

struct Channel {
  Source source = Source::kTaskOutput;
  Json fields;                                   // as written, without nulls; texts are strings
  std::vector<Party> parties;                    // empty: not restricted
  std::string Text(std::string_view key) const;  // "" when unset
};

struct Input {
  std::string key;  // "train_data"
  Source source = Source::kTaskOutput;
  bool is_list = false;
  std::vector<Channel> channels;
};

struct Task {
  std::string name;
  std::string component_ref;
  std::optional<std::string> stage;
  Json dependent_tasks;        // informative only (10.1)
  Json parameters;             // null or an object
  Json conf;                   // null or an object
  Json outputs;                // unused for kind "fate"
  std::vector<Party> parties;  // empty: those of the job
  std::vector<Input> data;
  std::vector<Input> model;
  bool has_inputs = false;
};

// Settings for some parties only.
struct PartyTask {
  std::string name;  // "guest_9999"
  std::vector<Party> parties;
  Json conf;   // null or an object
  Json tasks;  // null or {task: {"parameters", "conf"}}
};

// One edge into a task.
struct Link {
  std::string producer_task;
  std::string kind;        // "data" or "model"
  std::string input_key;   // "train_data"
  std::string output_key;  // "train_output_data"
};

// What a task means at one site (10.2).
struct TaskAtSite {
  std::string name;
  std::string component_ref;
  std::string stage;
  Json parameters;  // object
  Json conf;        // object; "provider", "timeout", "engine_run", ... where given
  // {"data": {key: channel or [channel]} or null, "model": same}: input_artifacts of 15.3.
  Json inputs;
  std::vector<Link> links;  // task outputs among the inputs, in order
};

class Dag {
 public:
  // `schema`: {"dag", "schema_version", "kind"}; other members are ignored, so the bodies of
  // /scheduler/job/create and /partner/job/create parse as they are. Error: kInvalidArgument.
  static absl::StatusOr<Dag> Parse(const Json& schema);
  static absl::StatusOr<Dag> ParseText(std::string_view text);

  const std::string& schema_version() const { return schema_version_; }
  const std::string& kind() const { return kind_; }
  const std::string& stage() const { return stage_; }
  const JobConf& conf() const { return conf_; }
  JobConf& mutable_conf() { return conf_; }

  // As written: the order in which commands are delivered.
  const std::vector<Party>& parties() const { return parties_; }
  std::vector<Site> Sites() const;
  bool Has(const Site& site) const;

  // In topological order, ties in the order as written.
  const std::vector<Task>& tasks() const { return tasks_; }
  const Task* FindTask(std::string_view name) const;

  // Names of the tasks that run at a site, in topological order.
  std::vector<std::string> TasksOf(const Site& site) const;
  std::vector<Site> SitesOf(const Task& task) const;
  // Producers that must have succeeded before the task starts, without repetition.
  std::vector<std::string> DependenciesOf(const Task& task) const;
  // Errors: kNotFound for an unknown task, or one that does not run at the site.
  absl::StatusOr<TaskAtSite> TaskAt(const Site& site, std::string_view name) const;

  // {"dag": {...}, "schema_version", "kind"} with all keys, null where unset (6.1).
  Json ToJson() const;

 private:
  friend class Parser;
  Dag() = default;
  absl::Status CheckReferences() const;
  absl::Status SortTasks();

  std::string schema_version_;
  std::string kind_ = "fate";
  std::string stage_;  // "" when unset
  std::vector<Party> parties_;
  JobConf conf_;
  std::vector<Task> tasks_;
  std::vector<PartyTask> party_tasks_;
  bool has_party_tasks_ = false;
};

bool Contains(const std::vector<Party>& parties, const Site& site);
Json PartiesJson(const std::vector<Party>& parties);

// Reads JSON text of at most kMaxJsonDepth levels. Error: kInvalidArgument with the position.
inline constexpr int kMaxJsonDepth = 64;
absl::StatusOr<Json> ParseJson(std::string_view text);

}  // namespace fate::dag
