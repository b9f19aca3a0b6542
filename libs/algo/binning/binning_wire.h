#pragma once

// Between the plain values of binning and its protobuf messages.

#include <vector>

#include "algo/binning/binning_model.h"
#include "algo/binning/bins.h"
#include "fate/binning.pb.h"

namespace fate::algo {

BinnedColumns WriteColumns(const std::vector<BinningModel::Column>& columns);
std::vector<Bins> ReadBins(const BinnedColumns& columns);

}  // namespace fate::algo
