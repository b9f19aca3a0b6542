#pragma once

// Every operator and every component of this library, for the programs that run them:
// egg_pair registers the operators, fate_component the components.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

// Includes the operators of libs/dataframe.
void RegisterAllOperators(compute::OperatorRegistry& registry);
void RegisterAllComponents(ComponentRegistry& registry);

}  // namespace fate::algo
