#pragma once

// Finds the bins of a frame's columns on the eggs (binning.histogram).

#include <vector>

#include "algo/binning/binning_model.h"
#include "dataframe/data_frame.h"

namespace fate::algo {

// In the order of `columns`. Split points of quantiles and buckets are exact. By the definition
// of FATE 1 equal split points become one; FATE 2.2 keeps them (their bins stay empty).
// Errors: kInvalidArgument naming a column without cells, a category with more than kMaxBins
// values, a column that split_pt_dict lacks.
absl::StatusOr<std::vector<BinningModel::Column>> FindBins(const dataframe::DataFrame& frame,
                                                           const std::vector<BinnedColumn>& columns,
                                                           const BinningParameters& parameters,
                                                           int64_t rows);

}  // namespace fate::algo
