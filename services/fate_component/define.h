#pragma once

// The define file: what a component takes and gives (spec/fate-flow.md 15.2).

#include <nlohmann/json.hpp>
#include <string>

#include "absl/status/statusor.h"
#include "algo/component.h"

namespace fate::component {

// Error: kNotFound listing the known components; kInvalidArgument for a role the component has not.
absl::StatusOr<const algo::Component*> FindComponent(const algo::ComponentRegistry& registry,
                                                     const std::string& name,
                                                     const std::string& role);

// {inputs: {data: [D], model: [D]}, outputs: {data, model, metric}} for one stage.
nlohmann::json Define(const algo::Component& component, const std::string& stage);

}  // namespace fate::component
