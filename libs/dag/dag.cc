#include "dag/dag.h"

#include <fmt/ranges.h>

#include <deque>
#include <map>
#include <set>

#include "base/status.h"

namespace fate::dag {
namespace {

Json OrNull(const std::optional<std::string>& text) { return text ? Json(*text) : Json(); }
Json OrNull(const std::optional<int64_t>& number) { return number ? Json(*number) : Json(); }

const char* SourceName(Source source) {
  switch (source) {
    case Source::kTaskOutput:
      return "task_output_artifact";
    case Source::kModelWarehouse:
      return "model_warehouse";
    case Source::kDataWarehouse:
      break;
  }
  return "data_warehouse";
}

// Only keys that are set: a peer decides the kind of a channel by its keys (10.1).
Json ChannelJson(const Channel& channel) {
  Json json = channel.fields;
  if (!channel.parties.empty()) json["parties"] = PartiesJson(channel.parties);
  return json;
}

Json InputsJson(const std::vector<Input>& inputs) {
  if (inputs.empty()) return Json();
  Json json = Json::object();
  for (const Input& input : inputs) {
    Json channels = Json::array();
    for (const Channel& channel : input.channels) channels.push_back(ChannelJson(channel));
    json[input.key] = {{SourceName(input.source), input.is_list ? channels : channels[0]}};
  }
  return json;
}

Json TaskJson(const Task& task) {
  Json inputs;
  if (task.has_inputs) {
    inputs = {{"data", InputsJson(task.data)}, {"model", InputsJson(task.model)}};
  }
  return {{"component_ref", task.component_ref},
          {"dependent_tasks", task.dependent_tasks},
          {"parameters", task.parameters},
          {"inputs", inputs},
          {"outputs", task.outputs},
          {"parties", task.parties.empty() ? Json() : PartiesJson(task.parties)},
          {"conf", task.conf},
          {"stage", OrNull(task.stage)}};
}

Json ConfJson(const JobConf& conf) {
  return {{"priority", OrNull(conf.priority)},
          {"scheduler_party_id", OrNull(conf.scheduler_party_id)},
          {"initiator_party_id", OrNull(conf.initiator_party_id)},
          {"inheritance", conf.inheritance},
          {"cores", OrNull(conf.cores)},
          {"computing_partitions", OrNull(conf.computing_partitions)},
          {"sync_type", OrNull(conf.sync_type)},
          {"auto_retries", OrNull(conf.auto_retries)},
          {"model_id", OrNull(conf.model_id)},
          {"model_version", OrNull(conf.model_version)},
          {"model_warehouse", conf.model_warehouse},
          {"task", conf.task},
          {"extra", conf.extra}};
}

}  // namespace

std::string Channel::Text(std::string_view key) const {
  auto it = fields.find(std::string(key));
  return it == fields.end() ? "" : it->get<std::string>();
}

bool Contains(const std::vector<Party>& parties, const Site& site) {
  for (const Party& party : parties) {
    if (party.role != site.role) continue;
    for (const std::string& id : party.party_ids) {
      if (id == site.party_id) return true;
    }
  }
  return false;
}

Json PartiesJson(const std::vector<Party>& parties) {
  Json json = Json::array();
  for (const Party& party : parties) {
    json.push_back({{"role", party.role}, {"party_id", party.party_ids}});
  }
  return json;
}

static std::vector<Site> SitesIn(const std::vector<Party>& parties) {
  std::vector<Site> sites;
  for (const Party& party : parties) {
    for (const std::string& id : party.party_ids) sites.push_back({party.role, id});
  }
  return sites;
}

std::vector<Site> Dag::Sites() const { return SitesIn(parties_); }

bool Dag::Has(const Site& site) const { return Contains(parties_, site); }

const Task* Dag::FindTask(std::string_view name) const {
  for (const Task& task : tasks_) {
    if (task.name == name) return &task;
  }
  return nullptr;
}

std::vector<Site> Dag::SitesOf(const Task& task) const {
  return SitesIn(task.parties.empty() ? parties_ : task.parties);
}

std::vector<std::string> Dag::TasksOf(const Site& site) const {
  std::vector<std::string> names;
  for (const Task& task : tasks_) {
    if (Contains(task.parties.empty() ? parties_ : task.parties, site)) names.push_back(task.name);
  }
  return names;
}

std::vector<std::string> Dag::DependenciesOf(const Task& task) const {
  std::vector<std::string> names;
  std::set<std::string> seen;
  for (const auto* inputs : {&task.data, &task.model}) {
    for (const Input& input : *inputs) {
      if (input.source != Source::kTaskOutput) continue;
      for (const Channel& channel : input.channels) {
        std::string producer = channel.Text("producer_task");
        if (seen.insert(producer).second) names.push_back(std::move(producer));
      }
    }
  }
  return names;
}

absl::Status Dag::CheckReferences() const {
  std::set<std::string> names;
  for (const Task& task : tasks_) names.insert(task.name);
  for (const Task& task : tasks_) {
    for (const Site& site : SitesOf(task)) {
      if (!Has(site)) {
        return InvalidArgumentError("task {} names {}, who is not among dag.parties", task.name,
                                    site.ToString());
      }
    }
    for (const std::string& producer : DependenciesOf(task)) {
      if (!names.contains(producer)) {
        return InvalidArgumentError("task {} takes an output of task {}, which does not exist",
                                    task.name, producer);
      }
    }
  }
  return absl::OkStatus();
}

// Kahn's algorithm with a queue: among tasks that are ready the earliest written goes first.
absl::Status Dag::SortTasks() {
  std::map<std::string, size_t> index;
  for (size_t i = 0; i < tasks_.size(); ++i) index[tasks_[i].name] = i;
  std::vector<size_t> missing(tasks_.size());
  std::vector<std::vector<size_t>> consumers(tasks_.size());
  for (size_t i = 0; i < tasks_.size(); ++i) {
    for (const std::string& producer : DependenciesOf(tasks_[i])) {
      consumers[index[producer]].push_back(i);
      ++missing[i];
    }
  }
  std::deque<size_t> ready;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (missing[i] == 0) ready.push_back(i);
  }
  std::vector<Task> sorted;
  while (!ready.empty()) {
    size_t next = ready.front();
    ready.pop_front();
    for (size_t consumer : consumers[next]) {
      if (--missing[consumer] == 0) ready.push_back(consumer);
    }
    sorted.push_back(tasks_[next]);
  }
  if (sorted.size() == tasks_.size()) {
    tasks_ = std::move(sorted);
    return absl::OkStatus();
  }
  std::vector<std::string> stuck;
  for (size_t i = 0; i < tasks_.size(); ++i) {
    if (missing[i] > 0) stuck.push_back(tasks_[i].name);
  }
  return InvalidArgumentError("tasks wait for each other in a cycle: {}", fmt::join(stuck, ", "));
}

Json Dag::ToJson() const {
  Json tasks = Json::object();
  for (const Task& task : tasks_) tasks[task.name] = TaskJson(task);
  Json party_tasks;
  if (has_party_tasks_) party_tasks = Json::object();
  for (const PartyTask& entry : party_tasks_) {
    party_tasks[entry.name] = {
        {"parties", PartiesJson(entry.parties)}, {"tasks", entry.tasks}, {"conf", entry.conf}};
  }
  return {{"dag",
           {{"parties", PartiesJson(parties_)},
            {"conf", ConfJson(conf_)},
            {"stage", stage_.empty() ? Json() : Json(stage_)},
            {"tasks", tasks},
            {"party_tasks", party_tasks}}},
          {"schema_version", schema_version_},
          {"kind", kind_}};
}

}  // namespace fate::dag
