#pragma once

// dataframe_transformer (spec/federated-algorithms.md 4.2): reads an uploaded table and its meta
// and writes a data frame. Rows lie in partition mmh3(sample id), ascending by sample id.

#include "algo/component.h"
#include "compute/operators.h"

namespace fate::algo {

// Parameters: namespace and name of the frame (none: where the output belongs), site_name for the
// anonymous names (none: "<role>_<party>"; at role local the party is not yet known).
Component DataFrameTransformer();

// map "dataframe_transformer.rows" (fate.RowFormat), merge "dataframe_transformer.unique"
void RegisterDataFrameTransformerOperators(compute::OperatorRegistry& registry);

}  // namespace fate::algo
