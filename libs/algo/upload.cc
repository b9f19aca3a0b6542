#include "algo/upload.h"

#include "algo/parameters.h"
#include "base/limits.h"
#include "base/names.h"
#include "base/status.h"
#include "wire/pickle_text.h"

namespace fate::algo {
namespace {

using nlohmann::json;

constexpr char kName[] = "upload";
constexpr char kOutput[] = "table";
constexpr size_t kSampleRows = 100;
constexpr int kDefaultPartitions = 16;

struct Settings {
  std::string file, name_space, name;
  bool head, extend_sid;
  int64_t partitions;
  TableMeta meta;
};

absl::StatusOr<Settings> ReadSettings(const json& object) {
  Parameters parameters(kName, object);
  Settings settings;
  ASSIGN_OR_RETURN(settings.file, parameters.Text("file", std::nullopt));
  ASSIGN_OR_RETURN(settings.head, parameters.Bool("head", true));
  ASSIGN_OR_RETURN(settings.extend_sid, parameters.Bool("extend_sid", false));
  ASSIGN_OR_RETURN(settings.partitions,
                   parameters.Int("partitions", kDefaultPartitions, 1, kMaxPartitions));
  ASSIGN_OR_RETURN(settings.name_space, parameters.Text("namespace", std::nullopt));
  ASSIGN_OR_RETURN(settings.name, parameters.Text("name", std::nullopt));
  RETURN_IF_ERROR(StoreName::Parse(settings.name_space, settings.name).status());
  json meta = parameters.Has("meta") ? object["meta"] : json::object();
  ASSIGN_OR_RETURN(settings.meta, TableMeta::FromJson(meta));
  return settings;
}

// Streams the file into the table; the first rows are kept for display.
absl::StatusOr<json> Fill(UploadSource& source, const compute::Table& table) {
  json samples = json::array();
  absl::Status failure;
  auto next = [&](std::string* key, std::string* value) {
    auto more = source.Next(*key, *value);
    failure = more.status();
    if (!more.ok() || !*more) return false;
    if (samples.size() < kSampleRows) samples.push_back({*key, *value});
    *key = wire::PickleText(*key);
    *value = wire::PickleText(*value);
    return true;
  };
  absl::Status put = table.PutAll(next);
  RETURN_IF_ERROR(failure);
  RETURN_IF_ERROR(put);
  return samples;
}

absl::Status CheckUnique(const UploadSource& source, const compute::Table& table) {
  ASSIGN_OR_RETURN(int64_t count, table.Count());
  if (count == source.rows()) return absl::OkStatus();
  return InvalidArgumentError(
      "the file has {} rows but only {} different ids in column '{}'; make "
      "the ids unique or set extend_sid",
      source.rows(), count, source.meta().sample_id_name);
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(Settings settings, ReadSettings(context.parameters()));
  ASSIGN_OR_RETURN(auto source, UploadSource::Open(settings.file, settings.head,
                                                   settings.extend_sid, settings.meta));
  RETURN_IF_ERROR(context.NameOutput(kOutput, settings.name_space, settings.name));
  ASSIGN_OR_RETURN(auto table, context.CreateOutput(kOutput, int(settings.partitions)));
  auto samples = Fill(source, table);
  absl::Status status = samples.ok() ? CheckUnique(source, table) : samples.status();
  if (!status.ok()) {
    auto destroyed = table.Destroy();
    if (!destroyed.ok()) context.Log("", "cannot remove the table: " + Message(destroyed));
    return status;
  }
  context.Log("", fmt::format("uploaded {} rows to {}/{}", source.rows(), settings.name_space,
                              settings.name));
  RETURN_IF_ERROR(
      context.OutputTable(kOutput, table, source.meta().ToJson(), source.rows(), *samples));
  return context.Metric(
      "upload", "",
      {{"name", settings.name}, {"namespace", settings.name_space}, {"count", source.rows()}});
}

}  // namespace

Component Upload() {
  Component component;
  component.name = kName;
  component.provider = "fate_flow";
  component.roles = {"local", "guest", "host"};
  component.output_data = {{kOutput, "table", false, false, {"default"}}};
  component.check_parameters = [](const json& parameters) {
    return ReadSettings(parameters).status();
  };
  component.run = &Run;
  return component;
}

}  // namespace fate::algo
