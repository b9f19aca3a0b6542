#include "algo/toy_example.h"

#include "algo/parameters.h"
#include "algo/rows.h"
#include "base/limits.h"
#include "base/status.h"
#include "dataframe/data_frame.h"
#include "fate/toy_example.pb.h"
#include "wire/partitioner.h"

namespace fate::algo {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;
using compute::Table;
using dataframe::Property;

constexpr char kName[] = "toy_example";
constexpr char kTag[] = "default";
constexpr int64_t kMaxRows = 1'000'000'000;

struct Settings {
  int64_t data_num, partition;
};

absl::StatusOr<Settings> ReadSettings(const nlohmann::json& object) {
  Parameters parameters(kName, object);
  Settings settings;
  ASSIGN_OR_RETURN(settings.data_num, parameters.Int("data_num", std::nullopt, 1, kMaxRows));
  ASSIGN_OR_RETURN(settings.partition,
                   parameters.Int("partition", std::nullopt, 1, kMaxPartitions));
  return settings;
}

absl::Status MakeRows(const OperatorContext& context, PairReader&, PairWriter& output) {
  ToyExampleRows parameters;
  if (!parameters.ParseFromString(context.parameters)) {
    return InvalidArgumentError("toy_example.rows: unreadable parameters");
  }
  auto partitioner = wire::Partitioner::Mmh3();
  for (int64_t i = 0; i < parameters.data_num(); ++i) {
    if (i % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    std::string id = std::to_string(i);
    if (partitioner.PartitionOf(id, context.partitions) != context.partition) continue;
    dataframe::Row row{id, id, std::nullopt, std::nullopt, {double(i)}};
    RETURN_IF_ERROR(output.Put(id, dataframe::EncodeRow(row)));
  }
  return absl::OkStatus();
}

absl::Status Index(const OperatorContext& context, PairReader& input, PairWriter& output) {
  while (input.Next()) {
    if (output.count() % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    RETURN_IF_ERROR(output.Put(input.key(), ""));
  }
  return input.status();
}

absl::Status Locate(const OperatorContext& context, PairReader& rows, PairReader& index,
                    PairWriter& output) {
  return MergeJoin(context, rows, index,
                   [&](std::string_view key, std::string_view row, std::string_view) {
                     return output.Put(key, row);
                   });
}

dataframe::Schema ToySchema(const TaskContext& context) {
  dataframe::Schema schema;
  schema.fields = {{"sample_id", "", Property::kSampleId, "index"},
                   {"match_id", "", Property::kMatchId, "index"},
                   {"x0"}};
  schema.NameAnonymously(context.role() + "_" + context.party_id());
  return schema;
}

absl::StatusOr<Table> MakeTable(TaskContext& context, const Settings& settings) {
  ASSIGN_OR_RETURN(auto* session, context.session());
  ASSIGN_OR_RETURN(Table empty, session->CreateTable(int(settings.partition)));
  ToyExampleRows parameters;
  parameters.set_data_num(settings.data_num);
  return empty.Map("toy_example.rows", parameters.SerializeAsString());
}

// The rows whose keys the peer's table `name` holds.
absl::StatusOr<Table> LocateFrom(TaskContext& context, const Table& rows, const std::string& name,
                                 const federation::Party& peer) {
  ASSIGN_OR_RETURN(auto* federation, context.federation());
  ASSIGN_OR_RETURN(Table index, federation->GetTable(name, kTag, peer));
  if (index.partitions() != rows.partitions()) {
    ASSIGN_OR_RETURN(index, index.Shuffle("identity", "", rows.partitions()));
  }
  return rows.Join(index, "toy_example.locate", "");
}

absl::Status SendIndex(TaskContext& context, const Table& rows, const std::string& name,
                       const federation::Party& peer) {
  ASSIGN_OR_RETURN(auto* federation, context.federation());
  ASSIGN_OR_RETURN(Table index, rows.Map("toy_example.index", ""));
  return federation->PutTable(name, kTag, peer, index);
}

absl::StatusOr<Table> ExchangeAsGuest(TaskContext& context, Table rows) {
  ASSIGN_OR_RETURN(auto* federation, context.federation());
  auto hosts = federation->PartiesOf("host");
  if (hosts.empty()) return InvalidArgumentError("{} needs a host; this job has none", kName);
  for (const auto& host : hosts) RETURN_IF_ERROR(SendIndex(context, rows, "guest_index", host));
  for (const auto& host : hosts) {
    ASSIGN_OR_RETURN(rows, LocateFrom(context, rows, "host_index", host));
  }
  return rows;
}

absl::StatusOr<Table> ExchangeAsHost(TaskContext& context, Table rows) {
  ASSIGN_OR_RETURN(auto* federation, context.federation());
  auto guests = federation->PartiesOf("guest");
  if (guests.size() != 1) {
    return InvalidArgumentError("{} needs exactly one guest; this job has {}", kName,
                                guests.size());
  }
  ASSIGN_OR_RETURN(rows, LocateFrom(context, rows, "guest_index", guests[0]));
  RETURN_IF_ERROR(SendIndex(context, rows, "host_index", guests[0]));
  return rows;
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(Settings settings, ReadSettings(context.parameters()));
  ASSIGN_OR_RETURN(Table made, MakeTable(context, settings));
  bool is_guest = context.role() == "guest";
  ASSIGN_OR_RETURN(Table rows,
                   is_guest ? ExchangeAsGuest(context, made) : ExchangeAsHost(context, made));
  ASSIGN_OR_RETURN(auto frame, dataframe::FromRows(rows, ToySchema(context)));
  ASSIGN_OR_RETURN(int64_t count, frame.CountRows());
  if (count != settings.data_num) {
    return InternalError("data num should be {}, but is {}", settings.data_num, count);
  }
  context.Log("", fmt::format("{} rows located at both sides", count));
  RETURN_IF_ERROR(context.OutputFrame("output_data", frame));
  return context.OutputModel("json_model_output", {{"test_role", context.role()}});
}

}  // namespace

Component ToyExample() {
  Component component;
  component.name = kName;
  component.roles = {"guest", "host"};
  component.output_data = {{"output_data", "dataframe", false, false, {"default"}}};
  component.output_model = {{"json_model_output", "json_model", false, false, {"default"}}};
  component.check_parameters = [](const nlohmann::json& parameters) {
    return ReadSettings(parameters).status();
  };
  component.run = &Run;
  return component;
}

void RegisterToyExampleOperators(compute::OperatorRegistry& registry) {
  registry.AddMap("toy_example.rows", &MakeRows);
  registry.AddMap("toy_example.index", &Index);
  registry.AddJoin("toy_example.locate", &Locate);
}

}  // namespace fate::algo
