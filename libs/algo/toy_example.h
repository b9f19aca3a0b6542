#pragma once

// toy_example of FATE 2.x (spec/federated-algorithms.md 3.2): guest and host build the same frame,
// the guest sends the index of its rows, the host finds those rows and sends their index back,
// the guest finds them again. The number of rows must survive the round.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

// Parameters: data_num > 0, partition > 0, both required.
Component ToyExample();

// map "toy_example.rows" (fate.ToyExampleRows), map "toy_example.index",
// join "toy_example.locate" (left rows whose key the right side has)
void RegisterToyExampleOperators(compute::OperatorRegistry& registry);

}  // namespace fate::algo
