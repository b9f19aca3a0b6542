// What a task means at one site (spec/fate-flow.md 10.2).

#include "base/status.h"
#include "dag/dag.h"

namespace fate::dag {
namespace {

// Shallow: members of `over` replace those of `base`.
void Overlay(const Json& over, Json* base) {
  if (!over.is_object()) return;
  for (const auto& [key, value] : over.items()) (*base)[key] = value;
}

// The same for settings, where null means unset; a parameter may well be null.
void OverlaySet(const Json& over, Json* base) {
  if (!over.is_object()) return;
  for (const auto& [key, value] : over.items()) {
    if (!value.is_null()) (*base)[key] = value;
  }
}

const Json& Member(const Json& object, const std::string& key) {
  static const Json null;
  if (!object.is_object()) return null;
  auto it = object.find(key);
  return it == object.end() ? null : *it;
}

class Resolver {
 public:
  Resolver(const Dag& dag, const Site& site) : dag_(dag), site_(site) {}

  Json Inputs(const std::vector<Input>& inputs) const {
    Json result;
    for (const Input& input : inputs) {
      Json channels = Json::array();
      for (const Channel& channel : input.channels) {
        if (Applies(channel)) channels.push_back(Resolve(channel));
      }
      if (channels.empty()) continue;
      result[input.key] = channels.size() == 1 ? channels[0] : channels;
    }
    return result;
  }

  void AddLinks(const std::vector<Input>& inputs, const char* kind,
                std::vector<Link>* links) const {
    for (const Input& input : inputs) {
      if (input.source != Source::kTaskOutput) continue;
      for (const Channel& channel : input.channels) {
        if (!Applies(channel)) continue;
        links->push_back(
            {channel.Text("producer_task"), kind, input.key, channel.Text("output_artifact_key")});
      }
    }
  }

 private:
  bool Applies(const Channel& channel) const {
    if (!channel.parties.empty()) return Contains(channel.parties, site_);
    if (channel.source != Source::kTaskOutput) return true;
    const Task* producer = dag_.FindTask(channel.Text("producer_task"));
    return producer->parties.empty() || Contains(producer->parties, site_);
  }

  Json Resolve(const Channel& channel) const {
    Json json = channel.fields;
    if (channel.source == Source::kModelWarehouse) {
      for (const char* key : {"model_id", "model_version"}) {
        if (!json.contains(key)) json[key] = Member(dag_.conf().model_warehouse, key);
      }
    }
    json["parties"] = PartiesJson({{site_.role, {site_.party_id}}});
    return json;
  }

  const Dag& dag_;
  const Site& site_;
};

}  // namespace

absl::StatusOr<TaskAtSite> Dag::TaskAt(const Site& site, std::string_view name) const {
  const Task* task = FindTask(name);
  if (task == nullptr) return NotFoundError("the job has no task {}", name);
  if (!Contains(task->parties.empty() ? parties_ : task->parties, site)) {
    return NotFoundError("task {} does not run at {}", name, site.ToString());
  }
  TaskAtSite result;
  result.name = task->name;
  result.component_ref = task->component_ref;
  result.stage = task->stage.value_or(stage_.empty() ? "default" : stage_);
  result.parameters = Json::object();
  result.conf = Json::object();
  Overlay(task->parameters, &result.parameters);
  OverlaySet(conf_.task, &result.conf);
  OverlaySet(task->conf, &result.conf);
  for (const PartyTask& entry : party_tasks_) {
    if (!Contains(entry.parties, site)) continue;
    const Json& settings = Member(entry.tasks, task->name);
    Overlay(Member(settings, "parameters"), &result.parameters);
    OverlaySet(entry.conf, &result.conf);
    OverlaySet(Member(settings, "conf"), &result.conf);
  }
  Resolver resolver(*this, site);
  result.inputs = {{"data", resolver.Inputs(task->data)}, {"model", resolver.Inputs(task->model)}};
  resolver.AddLinks(task->data, "data", &result.links);
  resolver.AddLinks(task->model, "model", &result.links);
  return result;
}

}  // namespace fate::dag
