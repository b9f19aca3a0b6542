#include "fate_component/task_context.h"

#include "absl/time/clock.h"
#include "base/status.h"
#include "base/text.h"
#include "dataframe/data_frame.h"
#include "fate_component/files.h"
#include "fate_component/json_fields.h"

namespace fate::component {
namespace {

using nlohmann::json;

// Rows of a table that the flow server keeps for display (spec/fate-flow.md 17.1).
constexpr int kSampleRows = 100;

std::string TextOf(const json& value) { return value.is_string() ? value.get<std::string>() : ""; }

json TableOverview(const json& schema, int partitions) {
  return {{"options", {{"partitions", partitions}}}, {"schema", schema}};
}

bool LiesAt(const compute::Table& table, const StoreName& name) {
  return table.name_space() == name.name_space() && table.name() == name.name();
}

std::string MetricUri(const TaskConfig& config) {
  return TextOf(Member(Member(config.output_artifacts, "metric"), "uri"));
}

}  // namespace

FileTaskContext::FileTaskContext(const TaskConfig& config, const algo::Component& component,
                                 TaskLog& log)
    : config_(config), component_(component), log_(log), metrics_(MetricUri(config)) {}

absl::StatusOr<compute::Session*> FileTaskContext::session() {
  std::lock_guard lock(mutex_);
  if (session_ != nullptr) return session_.get();
  ASSIGN_OR_RETURN(auto options, SessionOptions(config_.conf));
  ASSIGN_OR_RETURN(session_, compute::Session::Open(std::move(options)));
  Log("", fmt::format("session started in {:.1f} ms",
                      absl::ToDoubleMilliseconds(session_->start_duration())));
  return session_.get();
}

absl::StatusOr<federation::Federation*> FileTaskContext::federation() {
  ASSIGN_OR_RETURN(auto options, FederationOptions(config_.conf));
  ASSIGN_OR_RETURN(compute::Session * session, this->session());
  std::lock_guard lock(mutex_);
  if (federation_ == nullptr) {
    federation_ = std::make_unique<federation::Federation>(session, std::move(options));
  }
  return federation_.get();
}

absl::StatusOr<json> FileTaskContext::Input(const std::string& key) const {
  const json& artifact = Member(config_.input_artifacts, key.c_str());
  if (artifact.is_object()) return artifact;
  if (artifact.is_array() && artifact.size() == 1) return artifact[0];
  if (artifact.is_array() && artifact.size() > 1) {
    return InvalidArgumentError("input '{}' of component {} takes one artifact, not {}", key,
                                component_.name, artifact.size());
  }
  return NotFoundError("component {} has no input '{}'; connect it in the job's DAG",
                       component_.name, key);
}

absl::StatusOr<json> FileTaskContext::Output(const std::string& key) const {
  const json& artifact = Member(config_.output_artifacts, key.c_str());
  if (artifact.is_object()) return artifact;
  return NotFoundError("the task configuration has no output '{}' of component {}", key,
                       component_.name);
}

absl::StatusOr<std::pair<compute::Table, json>> FileTaskContext::InputTable(
    const std::string& key) {
  ASSIGN_OR_RETURN(json artifact, Input(key));
  ASSIGN_OR_RETURN(std::string uri, TextMember(artifact, "uri", "input " + key));
  ASSIGN_OR_RETURN(StoreName name, ParseTableUri(uri));
  ASSIGN_OR_RETURN(compute::Session * session, this->session());
  ASSIGN_OR_RETURN(auto table, session->LoadTable(name));
  return std::pair(table, Member(Member(Member(artifact, "metadata"), "metadata"), "schema"));
}

absl::StatusOr<dataframe::DataFrame> FileTaskContext::InputFrame(const std::string& key) {
  ASSIGN_OR_RETURN(json artifact, Input(key));
  std::string type = TextOf(Member(artifact, "type_name"));
  if (type != "dataframe") {
    return InvalidArgumentError(
        "input '{}' of component {} is a {}, not a dataframe; run "
        "dataframe_transformer on it first",
        key, component_.name, Escape(type));
  }
  ASSIGN_OR_RETURN(auto input, InputTable(key));
  ASSIGN_OR_RETURN(auto schema, dataframe::Schema::FromJson(input.second));
  schema.BindSite(role(), party_id());
  return dataframe::DataFrame{input.first, std::move(schema)};
}

absl::StatusOr<json> FileTaskContext::InputModel(const std::string& key) {
  ASSIGN_OR_RETURN(json artifact, Input(key));
  ASSIGN_OR_RETURN(std::string uri, TextMember(artifact, "uri", "input " + key));
  ASSIGN_OR_RETURN(std::string path, ParseFileUri(uri));
  ASSIGN_OR_RETURN(std::string text, ReadFile(path));
  json model = json::parse(text, nullptr, false);
  if (model.is_discarded()) return DataLossError("model {} is not JSON", path);
  return model;
}

absl::Status FileTaskContext::NameOutput(const std::string& key, const std::string& name_space,
                                         const std::string& name) {
  ASSIGN_OR_RETURN(StoreName parsed, StoreName::Parse(name_space, name));
  named_.insert_or_assign(key, parsed);
  return absl::OkStatus();
}

absl::StatusOr<StoreName> FileTaskContext::Location(const std::string& key) const {
  auto named = named_.find(key);
  if (named != named_.end()) return named->second;
  ASSIGN_OR_RETURN(json artifact, Output(key));
  ASSIGN_OR_RETURN(std::string uri, TextMember(artifact, "uri", "output " + key));
  return ParseTableUri(uri);
}

absl::StatusOr<compute::Table> FileTaskContext::CreateOutput(const std::string& key,
                                                             int partitions) {
  ASSIGN_OR_RETURN(StoreName name, Location(key));
  ASSIGN_OR_RETURN(compute::Session * session, this->session());
  ASSIGN_OR_RETURN(auto table, session->ReplaceTable(name, partitions));
  placed_.insert_or_assign(key, table);
  return table;
}

absl::StatusOr<compute::Table> FileTaskContext::Place(const std::string& key,
                                                      const compute::Table& table) {
  ASSIGN_OR_RETURN(StoreName name, Location(key));
  if (LiesAt(table, name)) return table;
  ASSIGN_OR_RETURN(auto copy, CreateOutput(key, table.partitions()));
  RETURN_IF_ERROR(table.MapInto(copy, "identity", ""));
  return copy;
}

absl::Status FileTaskContext::OutputFrame(const std::string& key,
                                          const dataframe::DataFrame& frame) {
  ASSIGN_OR_RETURN(auto table, Place(key, frame.table));
  dataframe::DataFrame placed{table, frame.schema};
  ASSIGN_OR_RETURN(auto rows, placed.PartitionRows());
  ASSIGN_OR_RETURN(json samples, placed.Samples(kSampleRows));
  int64_t count = 0;
  for (int64_t partition_rows : rows) count += partition_rows;
  return RecordTable(key, table, frame.schema.ToJson(rows), count, samples, "dataframe");
}

absl::Status FileTaskContext::OutputTable(const std::string& key, const compute::Table& table,
                                          const json& schema, int64_t count, const json& samples) {
  ASSIGN_OR_RETURN(auto placed, Place(key, table));
  return RecordTable(key, placed, schema, count, samples, "table");
}

absl::Status FileTaskContext::RecordTable(const std::string& key, const compute::Table& table,
                                          const json& schema, int64_t count, const json& samples,
                                          const std::string& type) {
  bool named = named_.contains(key);
  data_outputs_[key] = {{"uri", fmt::format("eggroll:///{}/{}", table.name_space(), table.name())},
                        {"type_name", type},
                        {"consumed", true},
                        {"metadata",
                         {{"metadata", TableOverview(schema, table.partitions())},
                          {"namespace", named ? json(table.name_space()) : json()},
                          {"name", named ? json(table.name()) : json()},
                          {"source", Source(key)},
                          {"data_overview", {{"count", count}, {"samples", samples}}},
                          {"model_overview", nullptr}}}};
  return absl::OkStatus();
}

absl::Status FileTaskContext::OutputReference(const std::string& key, const std::string& name_space,
                                              const std::string& name) {
  ASSIGN_OR_RETURN(json artifact, Output(key));
  data_outputs_[key] = {{"uri", Member(artifact, "uri")},
                        {"type_name", "data_unresolved"},
                        {"consumed", true},
                        {"metadata",
                         {{"metadata", json::object()},
                          {"namespace", name_space},
                          {"name", name},
                          {"source", Source(key)},
                          {"data_overview", nullptr},
                          {"model_overview", nullptr}}}};
  return absl::OkStatus();
}

absl::Status FileTaskContext::OutputModel(const std::string& key, const json& model) {
  ASSIGN_OR_RETURN(json artifact, Output(key));
  ASSIGN_OR_RETURN(std::string uri, TextMember(artifact, "uri", "output " + key));
  ASSIGN_OR_RETURN(std::string path, ParseFileUri(uri));
  RETURN_IF_ERROR(WriteFile(path, model.dump(-1, ' ', false, json::error_handler_t::replace)));
  model_outputs_[key] = {{"uri", uri},
                         {"type_name", TextOf(Member(artifact, "type_name"))},
                         {"consumed", true},
                         {"metadata",
                          {{"metadata", json::object()},
                           {"namespace", nullptr},
                           {"name", nullptr},
                           {"source", Source(key)},
                           {"data_overview", nullptr},
                           {"model_overview", ModelOverview(key)}}}};
  return absl::OkStatus();
}

json FileTaskContext::Source(const std::string& key) const {
  return {{"task_id", config_.task_id},     {"party_task_id", config_.party_task_id},
          {"task_name", config_.task_name}, {"component", config_.component},
          {"output_artifact_key", key},     {"output_index", nullptr}};
}

// spec/fate-flow.md 15.6
json FileTaskContext::ModelOverview(const std::string& key) const {
  json parties = {{"guest", json::array()}, {"host", json::array()}, {"arbiter", json::array()}};
  if (auto options = FederationOptions(config_.conf); options.ok()) {
    for (const auto& party : options->parties) parties[party.role].push_back(party.party_id);
  }
  std::string created = absl::FormatTime("%Y-%m-%dT%H:%M:%E6S", absl::Now(), absl::LocalTimeZone());
  return {{"federated",
           {{"task_id", config_.task_id},
            {"parties", parties},
            {"component",
             {{"name", component_.name},
              {"provider", component_.provider},
              {"version", FATE_VERSION},
              {"metadata", json::object()}}}}},
          {"party",
           {{"party_task_id", config_.party_task_id},
            {"role", config_.role},
            {"partyid", config_.party_id},
            {"models",
             {{{"name", key},
               {"created_time", created},
               {"file_format", "json"},
               {"metadata", json::object()}}}}}}};
}

absl::Status FileTaskContext::Metric(const std::string& name, const std::string& type,
                                     const json& data) {
  return metrics_.Send(name, type, data);
}

void FileTaskContext::Log(const std::string& source, const std::string& message) {
  log_.Write(log::Level::kInfo, source, message);
}

json FileTaskContext::InputsOf(const std::vector<algo::Artifact>& artifacts) const {
  json inputs = json::object();
  for (const auto& artifact : artifacts) {
    const json& given = Member(config_.input_artifacts, artifact.name.c_str());
    if (!given.is_null()) inputs[artifact.name] = given;
  }
  return inputs;
}

json FileTaskContext::IoMeta() const {
  json metric = json::object();
  if (!metrics_.uri().empty()) {
    bool posted = metrics_.uri().starts_with("http");
    if (posted || metrics_.wrote_file()) {
      metric["metric"] = {{"uri", metrics_.uri()},
                          {"type_name", "json_metric"},
                          {"consumed", true},
                          {"metadata", {{"source", Source("metric")}}}};
    }
  }
  return {
      {"inputs",
       {{"data", InputsOf(component_.input_data)}, {"model", InputsOf(component_.input_model)}}},
      {"outputs", {{"data", data_outputs_}, {"model", model_outputs_}, {"metric", metric}}}};
}

absl::Status FileTaskContext::Close() {
  std::lock_guard lock(mutex_);
  if (session_ == nullptr) return absl::OkStatus();
  absl::Status destroyed = federation_ ? federation_->Destroy() : absl::OkStatus();
  absl::Status stopped = session_->Stop();
  if (!stopped.ok())
    stopped =
        compute::Session::KillById(SessionOptions(config_.conf)->cluster_manager, session_->id());
  return destroyed.ok() ? stopped : destroyed;
}

absl::Status FileTaskContext::DiscardOutputs() {
  absl::Status first;
  for (const auto& [key, table] : placed_) {
    absl::Status destroyed = table.Destroy();
    if (first.ok()) first = destroyed;
  }
  placed_.clear();
  return first;
}

}  // namespace fate::component
