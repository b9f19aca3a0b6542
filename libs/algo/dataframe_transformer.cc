#include "algo/dataframe_transformer.h"

#include "algo/parameters.h"
#include "algo/row_format.h"
#include "algo/rows.h"
#include "base/names.h"
#include "base/status.h"
#include "base/text.h"
#include "wire/pickle_text.h"

namespace fate::algo {
namespace {

using compute::OperatorContext;
using compute::PairReader;
using compute::PairWriter;
using compute::Table;

constexpr char kName[] = "dataframe_transformer";
constexpr char kInput[] = "table";
constexpr char kOutput[] = "dataframe_output";

struct Settings {
  std::string name_space, name, site_name;
};

absl::StatusOr<Settings> ReadSettings(const nlohmann::json& object) {
  Parameters parameters(kName, object);
  Settings settings;
  ASSIGN_OR_RETURN(settings.name_space, parameters.Text("namespace", ""));
  ASSIGN_OR_RETURN(settings.name, parameters.Text("name", ""));
  ASSIGN_OR_RETURN(settings.site_name, parameters.Text("site_name", ""));
  if (settings.name_space.empty() != settings.name.empty()) {
    return InvalidArgumentError("{} needs namespace and name, or neither", kName);
  }
  if (!settings.name.empty()) {
    RETURN_IF_ERROR(StoreName::Parse(settings.name_space, settings.name).status());
  }
  return settings;
}

absl::Status ParseRows(const OperatorContext& context, PairReader& input, PairWriter& output) {
  RowFormat format;
  if (!format.ParseFromString(context.parameters)) {
    return InvalidArgumentError("dataframe_transformer.rows: unreadable parameters");
  }
  RowParser parser(std::move(format));
  while (input.Next()) {
    if (output.count() % kRowsBetweenChecks == 0) RETURN_IF_ERROR(CheckCancelled(context));
    ASSIGN_OR_RETURN(std::string sample_id, wire::UnpickleText(input.key()));
    ASSIGN_OR_RETURN(std::string line, wire::UnpickleText(input.value()));
    ASSIGN_OR_RETURN(auto row, parser.Parse(sample_id, line));
    RETURN_IF_ERROR(output.Put(sample_id, dataframe::EncodeRow(row)));
  }
  return input.status();
}

absl::StatusOr<std::string> RefuseDuplicate(const std::string&, std::string_view,
                                            std::string_view new_value) {
  ASSIGN_OR_RETURN(auto row, dataframe::DecodeRow(new_value));
  return InvalidArgumentError("sample id '{}' occurs twice", Escape(row.sample_id));
}

std::string Site(const Settings& settings, const TaskContext& context) {
  if (!settings.site_name.empty()) return settings.site_name;
  if (context.role() == "local") return "";
  return context.role() + "_" + context.party_id();
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(Settings settings, ReadSettings(context.parameters()));
  ASSIGN_OR_RETURN(auto input, context.InputTable(kInput));
  auto& [table, schema] = input;
  ASSIGN_OR_RETURN(TableMeta meta, TableMeta::FromJson(schema));
  ASSIGN_OR_RETURN(RowPlan plan, PlanRows(meta));
  plan.schema.NameAnonymously(Site(settings, context));
  if (!settings.name.empty()) {
    RETURN_IF_ERROR(context.NameOutput(kOutput, settings.name_space, settings.name));
  }
  ASSIGN_OR_RETURN(Table rows,
                   table.Shuffle("dataframe_transformer.rows", plan.format.SerializeAsString(),
                                 table.partitions(), "dataframe_transformer.unique"));
  ASSIGN_OR_RETURN(auto frame, dataframe::FromRows(rows, plan.schema));
  RETURN_IF_ERROR(context.OutputFrame(kOutput, frame));
  context.Log("", fmt::format("frame with {} columns written", plan.schema.Columns().size()));
  return absl::OkStatus();
}

}  // namespace

Component DataFrameTransformer() {
  Component component;
  component.name = kName;
  component.roles = {"local", "guest", "host"};
  component.input_data = {{kInput, "table", false, false, {"default"}}};
  component.output_data = {{kOutput, "dataframe", false, false, {"default"}}};
  component.check_parameters = [](const nlohmann::json& parameters) {
    return ReadSettings(parameters).status();
  };
  component.run = &Run;
  return component;
}

void RegisterDataFrameTransformerOperators(compute::OperatorRegistry& registry) {
  registry.AddMap("dataframe_transformer.rows", &ParseRows);
  registry.AddMerge("dataframe_transformer.unique", &RefuseDuplicate);
}

}  // namespace fate::algo
