#include "algo/reader.h"

#include "algo/parameters.h"
#include "base/names.h"
#include "base/status.h"

namespace fate::algo {
namespace {

absl::StatusOr<StoreName> ReadName(const nlohmann::json& object) {
  Parameters parameters("reader", object);
  ASSIGN_OR_RETURN(std::string name_space, parameters.Text("namespace", std::nullopt));
  ASSIGN_OR_RETURN(std::string name, parameters.Text("name", std::nullopt));
  return StoreName::Parse(name_space, name);
}

absl::Status Run(TaskContext& context) {
  ASSIGN_OR_RETURN(StoreName name, ReadName(context.parameters()));
  context.Log("", fmt::format("reading table {}", name.ToString()));
  return context.OutputReference("output_data", name.name_space(), name.name());
}

}  // namespace

Component Reader() {
  Component component;
  component.name = "reader";
  component.roles = {"guest", "host", "arbiter"};
  component.output_data = {{"output_data", "data_unresolved", false, false, {"default"}}};
  component.check_parameters = [](const nlohmann::json& parameters) {
    return ReadName(parameters).status();
  };
  component.run = &Run;
  return component;
}

}  // namespace fate::algo
